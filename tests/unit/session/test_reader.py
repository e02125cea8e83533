"""The short way gives what the long way gives: the same bytes, findings and receipt, whatever stands between known shapes."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gemini_streams as g
from resplice.core.echo import learn
from resplice.core.events import Reason
from resplice.dialects import by_name
from resplice.session.session import Session

import streams as s

WORDS = st.sampled_from(["a", " b", "", "é", '"', "\\", "\n", "data: {", ": ping\n\n", "x" * 50])


def stream(dialect: str, texts: list[str]) -> list[bytes]:
    """Long enough for shapes to become known."""
    warm = ["w"] * 40
    if dialect == "openai-chat":
        return [s.chat_text(text) for text in [*warm, *texts]]
    if dialect == "openai-responses":
        return [s.output_delta(text, number) for number, text in enumerate([*warm, *texts], 3)]
    if dialect == "gemini":
        return [g.sse(g.text(text)) for text in [*warm, *texts]]
    return [s.text_delta(text) for text in [*warm, *texts]]


def told(dialect: str, chunks: list[bytes], *, learns: bool) -> tuple[bytes, Any, dict[str, Any]]:
    session = Session(by_name(dialect))
    if not learns:
        session._reader._patience = 10**9
    out, learnt = b"", False
    for chunk in chunks:
        out += session.receive_data(chunk)
        learnt |= session._stream.echo is not None  # it may be forgotten again
    out += session.finish(Reason.UPSTREAM_END)
    assert learnt is learns
    return out, session.take_findings(), asdict(session.receipt())


@pytest.mark.parametrize("dialect", [*s.HEALTHY, "gemini"])
@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(WORDS, max_size=30),
    broken=st.lists(st.tuples(st.integers(0, 80), st.sampled_from([b"}", b"\x01", b'"', b"\n"]))),
)
def test_known_shapes_change_nothing_but_the_speed(dialect: str, texts: list[str], broken: list[tuple[int, bytes]]) -> None:
    head = {
        "openai-chat": [],
        "anthropic-messages": [s.MESSAGE_START, s.BLOCK_START],
        "openai-responses": [s.RESPONSE_CREATED, s.ITEM_ADDED],
        "gemini": [],
    }
    frames = stream(dialect, texts)
    for place, wound in broken:
        if 40 <= place < len(frames):
            frames[place] = frames[place].replace(b"}\n", wound + b"}\n").replace(b"}\r", wound + b"}\r")
    chunks = head[dialect] + frames
    assert told(dialect, chunks, learns=True) == told(dialect, chunks, learns=False)


def test_a_counter_is_read_from_a_known_shape() -> None:
    session = Session(by_name("openai-responses"))
    session.receive_data(s.RESPONSE_CREATED + s.ITEM_ADDED)
    for number in range(3, 103):
        session.receive_data(s.output_delta("x", number))
    assert b'"sequence_number":103' in session.finish(Reason.UPSTREAM_END)


def test_text_that_is_not_counted_is_not_counted_in_a_known_shape_either() -> None:
    session = Session(by_name("openai-responses"))
    session.receive_data(s.RESPONSE_CREATED + s.ITEM_ADDED)
    for number in range(3, 103):
        session.receive_data(s.output_delta("think", number).replace(b"output_text.delta", b"reasoning_text.delta"))
    session.finish(Reason.UPSTREAM_END)
    assert session._stream.echo is not None
    assert session.receipt().text_chars == 0


def test_usage_between_known_shapes_is_read() -> None:
    session = Session(by_name("openai-chat"))
    usage = s.sse(s.chat_chunk({}) | {"choices": [], "usage": {"total_tokens": 7}})
    for _ in range(40):
        session.receive_data(s.chat_text("x"))
    session.receive_data(usage + s.chat_text("y") + b"data: [DONE]\n\n")
    session.finish(Reason.UPSTREAM_END)
    assert session.receipt().usage == {"total_tokens": 7}
    assert session.receipt().terminal == "error"


def test_frames_with_crlf_take_the_short_way_and_those_that_differ_take_the_long_one() -> None:
    session = Session(by_name("gemini"))
    for chunk in (*[g.sse(g.HEL)] * 3, g.sse(g.LO).replace(b"data: ", b"data:"), *[g.sse(g.LO)] * 3):
        session.receive_data(chunk)
        assert session._framer.steady
    session.receive_data(g.sse(g.HEL).replace(b"\r\n", b"\n") * 2)
    assert session._framer.unfit == ord("\r")
    session.receive_data(g.sse(g.END))
    session.finish(Reason.UPSTREAM_END)
    assert [str(finding.kind) for finding in session.take_findings()] == ["data_without_space", "cr_line_end"]


def test_shapes_that_come_but_once_are_learnt_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    lessons = []
    monkeypatch.setattr("resplice.session.reader.learn", lambda raw, holes: lessons.append(raw) or learn(raw, holes))
    session = Session(by_name("gemini"))
    for number in range(2000):
        session.receive_data(g.sse(g.text("x", usageMetadata={"totalTokenCount": number})))
    assert 2 <= len(lessons) < 12
