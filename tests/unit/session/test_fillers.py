"""Comments: for clients that read them and for clients that die of them."""

import pytest

from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.policy import Policy
from resplice.session.session import Session

import streams as s
from faults import CONVERT, EXACT, A, C, R
from streams import decode, is_keepalive, run

FIRST = {C: s.CHAT.split(b"\n\n")[0] + b"\n\n", A: s.MESSAGE_START, R: s.RESPONSE_CREATED}
every_dialect = pytest.mark.parametrize("dialect", s.HEALTHY)


def keepalives(body: bytes) -> list[object]:
    return [value for _, value in decode(body) if is_keepalive(value)]


def is_frames_only(body: bytes) -> bool:
    """Whether there is nothing in a body that a client could stumble over which reads events and nothing else."""
    blocks = body.split(b"\n\n")
    return (
        blocks.pop() == b"" and all(block.startswith((b"data: ", b"event: ", b"id: ")) for block in blocks) and b"\n:" not in body
    )


@every_dialect
def test_each_block_of_comments_becomes_one_keepalive_of_the_dialect(dialect: str) -> None:
    first, rest = FIRST[dialect], s.HEALTHY[dialect][len(FIRST[dialect]) :]
    outcome = run(dialect, first + b": a\n: b\n: c\n\n\n:d\r\n\r\n" + rest, CONVERT)
    beats = keepalives(outcome.output[len(first) : -len(rest)])
    assert len(beats) == 2
    assert is_frames_only(outcome.output)
    assert outcome.losses == []
    assert set(outcome.kinds) <= {"comment", "cr_line_end"}


def test_a_chats_keepalive_bears_the_streams_id() -> None:
    first, rest = FIRST[C], s.CHAT[len(FIRST[C]) :]
    [beat] = keepalives(run(C, first + b": a\n\n" + rest, CONVERT).output[len(first) :])
    assert isinstance(beat, dict)
    assert beat["id"] == "chatcmpl-7Qx"


@pytest.mark.parametrize(
    ("wire", "healthy"),
    [
        (b": a\n\n" + s.CHAT, s.CHAT),
        (s.CHAT.replace(s.DONE, b": a\n\n" + s.DONE), s.CHAT),
        (s.CHAT + b": a\n\n", s.CHAT),
    ],
    ids=["before the id", "behind the stop reason", "behind the terminal"],
)
def test_where_a_chat_has_no_place_for_a_keepalive_a_comment_goes(wire: bytes, healthy: bytes) -> None:
    assert run(C, wire, CONVERT).output == healthy


def test_the_answer_behind_dropped_comments_keeps_its_bytes_and_its_id() -> None:
    waits = b": OPENROUTER PROCESSING\n\n" * 20
    for early in ("pin", "hold", "drop", "comment"):
        outcome = run(C, waits + s.CHAT, Policy(comments="convert", keepalive_before_id=early))
        assert outcome.output == s.CHAT
        assert set(outcome.kinds) == {"comment"}


@pytest.mark.parametrize(
    "row", [row for row in EXACT if by_name(row.dialect).wire.name == "sse"], ids=lambda row: f"{row.dialect}: {row.name}"
)
def test_a_client_that_reads_nothing_but_events_gets_nothing_else(row: object) -> None:
    outcome = run(row.dialect, row.wire.replace(b"\n\n", b"\n\n: x\n\n"), CONVERT)  # type: ignore[attr-defined]
    if not outcome.losses:
        assert is_frames_only(outcome.output.replace(b"\r\n", b"\n"))


@every_dialect
def test_a_stream_without_comments_passes_byte_for_byte(dialect: str) -> None:
    assert run(dialect, s.HEALTHY[dialect], CONVERT).findings == []


def test_comments_stay_by_default_and_where_the_repair_is_off_and_in_streams_of_no_dialect() -> None:
    wire = s.CHAT.replace(s.DONE, b": a\n\n" + s.DONE)
    assert run(C, wire).output == wire
    assert run(C, wire, Policy(comments="convert", off=frozenset({Kind.COMMENT}))).output == wire
    strange = b": a\n\n" + s.sse({"jsonrpc": "2.0"}) * 9 + b": b\n\n"
    assert run(None, strange, CONVERT).output == strange


# -- our own ---------------------------------------------------------------------------------------


def beat(dialect: str, begun: bytes, policy: Policy) -> bytes:
    session = Session(by_name(dialect), policy)
    session.receive_data(begun)
    return session.tick(2.0)


@every_dialect
def test_no_heartbeat_is_a_comment_for_a_client_that_cannot_read_them(dialect: str) -> None:
    policy = Policy(comments="convert", heartbeat=1)
    assert beat(dialect, b"", policy) == b""
    assert decode(beat(dialect, FIRST[dialect], policy)) != []
    assert beat(C, s.CHAT.removesuffix(s.DONE), policy) == b""


@every_dialect
def test_keepalives_in_the_form_of_comments(dialect: str) -> None:
    policy = Policy(keepalive_form="comment", heartbeat=1)
    assert beat(dialect, FIRST[dialect], policy) == b": keepalive\n"
    assert run(dialect, FIRST[dialect] + b"data: : x\n\n", policy).output.startswith(FIRST[dialect] + b": keepalive\n")
