"""Lines of JSON and AWS's event stream: every row of their fault table ends in the exact answer, or in an honest error."""

from dataclasses import replace

import pytest

from resplice.core.events import Effect, Reason
from resplice.dialects import by_name
from resplice.session.policy import Policy
from resplice.session.session import Session

import bedrock_streams as b
import ollama_streams as o
import streams as s
from faults import Exact, Honest
from form_faults import ALSO_HEALTHY, BC, BI, EXACT, HALF, HEALTHY, HONEST, OL, flipped, is_error, readings
from streams import run, through

ids = {"ids": lambda row: f"{row.dialect}: {row.name}"}


@pytest.mark.parametrize("row", EXACT, **ids)
def test_a_repairable_fault_ends_in_the_exact_answer(row: Exact) -> None:
    outcome = run(row.dialect, row.wire, row.policy)
    assert readings(row.dialect, outcome.output) == readings(row.dialect, row.healthy)
    assert outcome.losses == []
    kinds = {kind for f in outcome.findings for kind in (str(f.kind), *map(str, f.also))}
    assert row.kinds <= kinds, kinds


@pytest.mark.parametrize("row", HONEST, **ids)
def test_lost_information_ends_in_an_error_that_sdks_raise(row: Honest) -> None:
    outcome = run(row.dialect, row.wire, row.policy)
    *before, last = readings(row.dialect, outcome.output)
    assert is_error(row.dialect, last)
    assert not any(is_error(row.dialect, one) for one in before)
    assert outcome.receipt.terminal == "error"
    assert outcome.receipt.error
    kinds = {kind for f in outcome.findings for kind in (str(f.kind), *map(str, f.also))}
    assert row.kinds <= kinds, kinds


@pytest.mark.parametrize("row", [*EXACT, *HONEST], **ids)
def test_observe_changes_no_byte_and_finds_the_same(row: Exact | Honest) -> None:
    observed = run(row.dialect, row.wire, replace(row.policy, mode="observe"))
    assert observed.output == row.wire
    assert observed.kinds == run(row.dialect, row.wire, row.policy).kinds


@pytest.mark.parametrize(("dialect", "wire"), [*HEALTHY.items(), *ALSO_HEALTHY])
def test_a_healthy_stream_passes_byte_for_byte_without_a_finding(dialect: str, wire: bytes) -> None:
    outcome = run(dialect, wire)
    assert (outcome.output, outcome.findings) == (wire, [])
    assert (outcome.receipt.healthy, outcome.receipt.terminal) == (True, "seen")


@pytest.mark.parametrize(
    ("dialect", "wire", "text", "stop", "tools"),
    [
        (OL, o.OLLAMA, 5, "stop", 0),
        (OL, o.GENERATE, 5, "stop", 0),
        (OL, o.ollama(o.TOOL), 0, "stop", 1),
        (BI, b.INVOKE, 5, "end_turn", 0),
        (BI, b.NOVA, 5, "end_turn", 0),
        (BC, b.CONVERSE, 5, "end_turn", 0),
    ],
)
def test_the_receipt_counts_the_answer(dialect: str, wire: bytes, text: int, stop: str, tools: int) -> None:
    receipt = run(dialect, wire).receipt
    assert (receipt.text_chars, receipt.stop_reason, receipt.tool_calls) == (text, stop, tools)
    assert receipt.usage or dialect == OL


@pytest.mark.parametrize(("dialect", "wire"), HEALTHY.items())
def test_each_event_leaves_with_its_last_byte(dialect: str, wire: bytes) -> None:
    session = Session(by_name(dialect))
    sizes = [len(session.receive_data(wire[place : place + 1])) for place in range(len(wire))]
    assert [size for size in sizes if size] == event_sizes(dialect, wire)
    assert sizes[-1]


def event_sizes(dialect: str, wire: bytes) -> list[int]:
    if dialect == OL:
        return [len(line) for line in wire.splitlines(keepends=True)]
    sizes, pos = [], 0
    while pos < len(wire):
        sizes.append(int.from_bytes(wire[pos : pos + 4], "big"))
        pos += sizes[-1]
    return sizes


def test_damage_inside_a_message_with_the_right_checksums_passes_and_is_noted() -> None:
    broken = b.chunk(b'{"type": "content_block_delta", "delta"')
    wire = b.INVOKE.replace(b.chunks(s.text_delta("lo")), broken)
    outcome = run(BI, wire)
    assert (outcome.output, outcome.kinds) == (wire, ["sealed_damage"])
    assert outcome.findings[0].effect is Effect.NOTE


def test_behind_a_damaged_message_nothing_is_read_even_where_losses_are_accepted() -> None:
    wire = HALF + flipped(HALF, len(HALF) - 1)[len(b.converse_events()[0]) :] + b.CONVERSE
    outcome = run(BC, wire, Policy(on_loss="continue"))
    *before, (name, _) = b.decode_messages(outcome.output)
    assert [kind for kind, _ in before] == ["messageStart", "contentBlockDelta"]
    assert name == "modelStreamErrorException"


def test_a_stream_of_a_model_that_nobody_knows_may_end_anywhere_but_not_break() -> None:
    half = b.chunk({"generation": "Hel", "stop_reason": None})
    assert run(BI, half).findings == []
    assert run(BI, half, reason=Reason.UPSTREAM_ABORT).kinds == ["answer_incomplete"]


@pytest.mark.parametrize("dialect", [BI, BC])
def test_a_stream_of_messages_has_no_heartbeat(dialect: str) -> None:
    session = Session(by_name(dialect), Policy(heartbeat=1.0))
    assert session.tick(5.0) == b""
    session.receive_data(HEALTHY[dialect][:-100], 6.0)
    assert session.tick(20.0) == b""
    assert session.take_findings() == []


def test_a_heartbeat_between_lines_is_a_line_without_text_and_there_is_none_before_the_first() -> None:
    session = Session(by_name(OL), Policy(heartbeat=1.0))
    assert session.tick(5.0) == b""
    session.receive_data(o.HEL, 6.0)
    assert o.decode_lines(session.tick(9.0)) == o.decode_lines(o.chat_line(""))
    session.receive_data(o.LO[:20], 10.0)
    assert session.tick(19.0) == b""


def test_a_heartbeat_of_generate_has_the_form_of_generate() -> None:
    session = Session(by_name(OL), Policy(heartbeat=1.0))
    session.receive_data(o.generate_line("Hel"), 1.0)
    assert o.decode_lines(session.tick(9.0)) == o.decode_lines(o.generate_line(""))


def test_a_line_whose_end_is_overdue_is_let_go() -> None:
    session = Session(by_name(OL))
    assert session.receive_data(o.HEL[:-1], 1.0) == b""
    assert session.tick(2.0) == o.HEL
    assert session.receive_data(b"\n" + o.LO + o.DONE, 3.0) == o.LO + o.DONE


def test_a_line_beyond_the_cap_passes_raw_and_what_is_behind_it_is_read() -> None:
    large = o.chat_line("x" * 500)
    outcome = through(Session(by_name(OL), Policy(max_event_bytes=300)), [large[:100], large[100:] + o.HEL + b": ping\n" + o.DONE])
    assert readings(OL, outcome.output) == readings(OL, large + o.HEL + o.DONE)
    assert outcome.kinds == ["oversized_event", "comment_line"]


def test_a_message_beyond_the_cap_passes_raw_and_what_is_behind_it_is_read() -> None:
    large = b.event("contentBlockDelta", {"delta": {"text": "x" * 500}})
    first, *rest = b.converse_events()
    wire = first + large + b"".join(rest)
    outcome = through(Session(by_name(BC), Policy(max_event_bytes=300)), [wire[:400], wire[400:]])
    assert (outcome.output, outcome.kinds) == (wire, ["oversized_event"])


def test_an_open_line_beyond_the_cap_is_ended_before_our_error() -> None:
    outcome = through(Session(by_name(OL), Policy(max_event_bytes=300)), [o.HEL, o.chat_line("x" * 500)[:400]])
    assert b'xxx\n{"error":"' in outcome.output
