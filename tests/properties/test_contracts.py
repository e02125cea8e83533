"""The invariants, where whole events are lost, doubled, moved or changed; and nothing of the answer is lost or told twice."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import faults_anthropic as a
import faults_responses as r
from fault_rows import Exact
from resplice.core.kinds import Kind

import streams as s
from streams import cut_at, reconstruct, run

A, R = "anthropic-messages", "openai-responses"
BOTH = a.message(
    a.start(0, a.THINKING), a.think("t"), a.sign(), a.stop(0), a.start(1), s.text_delta("He", 1), s.text_delta("llo", 1), a.stop(1),
    a.start(2, a.TOOL), s.json_delta('{"q"', 2), s.json_delta(": 1}", 2), a.stop(2), reason="tool_use",
)  # fmt: skip
MIXED = r.wire(
    r.CREATED, r.added(r.REASONING_BEGUN), r.SUMMARY_ADDED, r.SUMMARY, r.done(r.REASONING),
    r.added(r.BEGUN, 1), r.part_added(1), r.text("He", 1), r.text("llo", 1), r.part_done("Hello", 1), r.done(r.message("Hello"), 1),
    r.added(r.CALL_BEGUN, 2), r.arguments('{"x": ', 2), r.arguments("1}", 2), r.done(r.CALL, 2),
    r.completed(r.REASONING, r.message("Hello"), r.CALL),
)  # fmt: skip
STREAMS = [(A, a.TWO), (A, a.CALLS), (A, BOTH), (R, r.wire(*r.TEXT)), (R, r.wire(*r.CALLS)), (R, MIXED)]
MEMBERS = st.sampled_from(
    ["index", "output_index", "content_index", "summary_index", "sequence_number", "item_id", "type", "usage", "output"]
)
VALUES = st.sampled_from([None, 0, 1, 2, 5, -1, "0", [], {}, 1.5, True])


EVERY_WAY = ["lose", "double", "move", "change", "tear"]


def frames_of(wire: bytes) -> list[bytes]:
    return [frame + b"\n\n" for frame in wire.split(b"\n\n")[:-1]]


@st.composite
def disordered(draw: st.DrawFn, ways: list[str] = EVERY_WAY) -> tuple[str, bytes]:
    """A stream whose events were lost, doubled, moved, or changed in one member."""
    dialect, wire = draw(st.sampled_from(STREAMS))
    frames = frames_of(wire)
    for _ in range(draw(st.integers(1, 3))):
        at, to = draw(st.integers(0, len(frames) - 1)), draw(st.integers(0, len(frames) - 1))
        match draw(st.sampled_from(ways)):
            case "lose" if len(frames) > 1:
                del frames[at]
            case "double":
                frames.insert(to, frames[at])
            case "move":
                frames.insert(to, frames.pop(at))
            case "tear":
                frames[at] = frames[at].replace(b'llo"', b'l\\ud83d"')
            case "change":
                frames[at] = changed(frames[at], draw(MEMBERS), draw(VALUES))
    return dialect, b"".join(frames)


def changed(frame: bytes, member: str, value: Any) -> bytes:
    """A frame with another value in each member of that name, wherever it stands."""
    [(name, payload)] = s.decode(frame)

    def change(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: value if key == member else change(inner) for key, inner in part.items()}
        return [change(inner) for inner in part] if isinstance(part, list) else part

    return s.sse(change(payload), name)


@settings(max_examples=400, deadline=None)
@given(disordered(), st.data())
def test_disorder_keeps_every_invariant(stream: tuple[str, bytes], data: st.DataObject) -> None:
    dialect, wire = stream
    outcome = run(dialect, wire)
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    assert reconstruct(outcome.output, outcome.findings) == wire
    assert outcome.receipt.bytes_in == len(wire)
    assert outcome.receipt.bytes_out == len(outcome.output)
    places = data.draw(st.lists(st.integers(0, len(wire)), max_size=6))
    again = run(dialect, cut_at(wire, places))
    assert (again.output, again.findings) == (outcome.output, outcome.findings)
    assert run(dialect, outcome.output).output == outcome.output


@settings(max_examples=200, deadline=None)
@given(disordered(["lose", "double", "move"]))
def test_whatever_the_disorder_the_client_gets_events_in_the_order_that_its_sdk_builds_on(stream: tuple[str, bytes]) -> None:
    dialect, wire = stream
    (_message_is_in_order if dialect == A else _response_is_in_order)(run(dialect, wire).output)


GROWS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking", "input_json_delta": "tool_use"}


def _message_is_in_order(body: bytes) -> None:
    kinds: list[str] = []
    closed: set[int] = set()
    for number, (name, value) in enumerate(s.decode(body)):
        assert (name == "message_start") == (number == 0) or name == "error"
        if name == "content_block_start":
            assert value["index"] == len(kinds)
            kinds.append(value["content_block"]["type"])
        elif str(name).startswith("content_block"):
            assert value["index"] not in closed
            assert name == "content_block_stop" or kinds[value["index"]] == GROWS[value["delta"]["type"]]
            closed |= {value["index"]} if name == "content_block_stop" else set()
        elif name == "message_stop":
            assert len(closed) == len(kinds)


def _response_is_in_order(body: bytes) -> None:
    items: set[int] = set()
    parts: set[tuple[Any, ...]] = set()
    for number, (name, value) in enumerate(s.decode(body)):
        assert (name == "response.created") == (number == 0) or name in {"error", "response.failed"}
        index, part = value.get("output_index"), (value.get("output_index"), value.get("content_index"), value.get("summary_index"))
        if name == "response.output_item.added":
            assert index not in items
            items.add(index)
        assert index is None or index in items
        if "part.added" in str(name):
            assert part not in parts
            parts.add(part)
        assert part[1:] == (None, None) or part in parts


LOSSLESS = {"content_block_start", "content_block_stop", "message_start", "response.created", "response.output_item.added"}
LOSSLESS |= {"response.content_part.added", "response.reasoning_summary_part.added"}


@pytest.mark.parametrize(("dialect", "wire"), STREAMS)
def test_what_frames_the_answer_may_be_lost_and_the_answer_stays_or_an_error_is_told(dialect: str, wire: bytes) -> None:
    frames = frames_of(wire)
    for number, frame in enumerate(frames):
        [(name, _)] = s.decode(frame)
        outcome = run(dialect, b"".join(frames[:number] + frames[number + 1 :]))
        if outcome.receipt.terminal != "error":
            assert said(dialect, outcome.output) == said(dialect, wire) or name not in LOSSLESS, name


def said(dialect: str, body: bytes) -> list[str]:
    """What a client reads, accumulated as the SDKs do it: by place."""
    return _said_by_message(body) if dialect == A else _said_by_response(body)


def _said_by_message(body: bytes) -> list[str]:
    blocks: list[dict[str, Any]] = []
    for name, value in s.decode(body):
        if name == "content_block_start":
            blocks.append(dict(value["content_block"], said=""))
        elif name == "content_block_delta":
            blocks[value["index"]]["said"] += "".join(str(v) for k, v in value["delta"].items() if k != "type")
    return [f"{block['type']}: {block['said']}" for block in blocks]


def _said_by_response(body: bytes) -> list[str]:
    items: dict[int, str] = {}
    for name, value in s.decode(body):
        if name == "response.output_item.added":
            assert value["output_index"] not in items
            items[value["output_index"]] = f"{value['item']['type']}: "
        elif str(name).endswith(".delta"):
            items[value["output_index"]] += value["delta"]
    last = s.decode(body)[-1][1]
    return [items[index] for index in sorted(items)] + [json.dumps(item) for item in last["response"]["output"]]


@pytest.mark.parametrize("row", [row for row in [*a.EXACT, *r.EXACT] if row.wire.endswith(b"\n\n")], ids=lambda row: row.name)
def test_lines_that_end_with_crlf_change_nothing_of_that(row: Exact) -> None:
    wire = row.wire.replace(b"\n", b"\r\n")
    outcome = run(row.dialect, wire, row.policy)
    told, healthy = ([event for event in s.decode(body) if not s.is_keepalive(event[1])] for body in (outcome.output, row.healthy))
    assert told == healthy
    for size in (1, 2, 50, 77):
        again = run(row.dialect, s.cut(wire, size), row.policy)
        assert (again.output, again.findings) == (outcome.output, outcome.findings)
