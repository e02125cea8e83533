"""The damage that careless repairers do, each trap a test: https://github.com/rexxars/eventsource-parser/pull/31 and its like."""

import json

import pytest

from reading import read
from resplice.core.kinds import Kind
from resplice.session.policy import Policy
from resplice.session.session import Session

import streams as s
from faults import EXACT, HONEST
from streams import cut, run

A, C, R = "anthropic-messages", "openai-chat", "openai-responses"


def says(dialect: str, *texts: str) -> bytes:
    """A healthy answer of these deltas."""
    return {
        A: lambda: s.anthropic(*map(s.text_delta, texts)),
        C: lambda: s.chat(*map(s.chat_text, texts)),
        R: lambda: s.responses(*(s.output_delta(text, 3 + n) for n, text in enumerate(texts)), text="".join(texts)),
    }[dialect]()


def passes(dialect: str, wire: bytes) -> bool:
    outcomes = [run(dialect, chunks) for chunks in ([wire], cut(wire, 1), cut(wire, 7))]
    return all((one.output, one.findings) == (wire, []) for one in outcomes)


every_dialect = pytest.mark.parametrize("dialect", [A, C, R])


@every_dialect
@pytest.mark.parametrize(
    "text",
    [
        "\n\nevent: content_block_delta\ndata: {",
        "data: [DONE]",
        '"}}\n\n: ping\n\n{"type": "ping"}',
        "}{",
        'f: "\\n" and \\u0041 and C:\\new\\table',
        "id: 1\nretry: 3000\n\n",
        "\u2028 and \u2029 and \x85",
    ],
)
def test_framing_that_a_model_writes_about_is_text(dialect: str, text: str) -> None:
    assert passes(dialect, says(dialect, "Look: ", text, " Done."))


@every_dialect
@pytest.mark.parametrize("texts", [("1", "0", "0"), ("ha", "ha", "ha"), ("a", "aa", "aaa"), (" ", " "), ("", "x", "", "x")])
def test_equal_and_growing_deltas_are_legal_and_none_is_dropped(dialect: str, texts: tuple[str, ...]) -> None:
    assert passes(dialect, says(dialect, *texts))


def test_arguments_with_repeated_letters_are_not_shortened() -> None:
    assert passes(A, s.anthropic(*map(s.json_delta, ['{"a":"x', "x", 'x"}']), start=s.TOOL_START, reason="tool_use"))


def tool_chunk(index: int, arguments: str, **more: str) -> bytes:
    function = {"arguments": arguments} | ({"name": more.pop("name")} if "name" in more else {})
    return s.sse(s.chat_chunk({"tool_calls": [{"index": index, "function": function} | more]}))


def test_calls_that_grow_in_turns_keep_their_numbers_and_empty_arguments_stay_empty() -> None:
    first = tool_chunk(0, "", id="call_a", type="function", name="f")
    second = tool_chunk(1, "", id="call_b", type="function", name="g")
    wire = s.chat(
        first, second, tool_chunk(1, "{}"), tool_chunk(0, '{"x":'), tool_chunk(1, ""), tool_chunk(0, "1}"), finish="tool_calls"
    )
    assert passes(C, wire)
    assert read(wire).tools == {0: ["f", '{"x":1}'], 1: ["g", "{}"]}


def test_an_object_on_a_line_of_its_own_inside_pretty_json_makes_no_event() -> None:
    chunk = s.chat_chunk({"content": "Hi"})
    choice = json.dumps(chunk.pop("choices")[0])
    head = json.dumps(chunk)[:-1]
    for lines in ([head + ', "choices": [', choice, "]}"], [head + ', "choices": [', "  " + choice, "]}"]):
        wire = s.chat(b"".join(f"data: {line}\n".encode() for line in lines) + b"\n")
        outcome = run(C, wire)
        assert read(outcome.output).failed or read(outcome.output).text == "Hi"


@every_dialect
def test_no_stop_is_faked_behind_an_error(dialect: str) -> None:
    error = {
        A: s.typed({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        C: s.sse({"error": {"message": "Overloaded", "type": "server_error"}}),
        R: s.typed({"type": "error", "sequence_number": 3, "code": "x", "message": "Overloaded", "param": None}),
    }[dialect]
    half = says(dialect, "Hel", "lo").partition(b"lo")[0].rpartition(b"\n\n")[0] + b"\n\n"
    for tail in (b"", b"data: [DONE]\n\n"):
        reading = read(run(dialect, half + error + tail).output)
        assert (reading.failed, reading.stop) == (True, None)


@every_dialect
@pytest.mark.parametrize("comments", ["pass", "convert"])
def test_a_comment_goes_on_as_a_sign_of_life_at_once(dialect: str, comments: str) -> None:
    session = Session(s.by_name(dialect), Policy(comments=comments), seed="t")
    begin = says(dialect, "Hel", "lo").partition(b"lo")[0].rpartition(b"\n\n")[0] + b"\n\n"
    session.receive_data(begin)
    assert session.receive_data(b": keepalive\n\n") != b""


@every_dialect
def test_usage_before_the_answer_is_no_end_of_it(dialect: str) -> None:
    early = {
        A: s.PING,
        C: s.sse(s.chat_chunk({}) | {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}}),
        R: s.typed({"type": "response.in_progress", "response": s.response("in_progress", [])}),
    }[dialect]
    whole = says(dialect, "Hel", "lo")
    first = whole.partition(b"\n\n")[0] + b"\n\n"
    reading = read(run(dialect, first + early + whole.removeprefix(first)).output)
    assert (reading.text, reading.failed) == ("Hello", False)
    assert reading.stop


def test_an_event_ended_by_two_carriage_returns_does_not_wait_for_a_line_feed() -> None:
    session = Session(s.by_name(A), seed="t")
    out = session.receive_data(s.MESSAGE_START.replace(b"\n", b"\r"))
    assert out.count(b"message_start") == 2  # its name and its type
    assert session.receive_data(b"\n" + s.BLOCK_START).count(b"content_block_start") == 2


@pytest.mark.parametrize("row", [*EXACT, *HONEST], ids=lambda row: f"{row.dialect}: {row.name}")
def test_what_is_dropped_leaves_no_empty_event_behind(row) -> None:  # type: ignore[no-untyped-def]
    """https://github.com/tinfoilsh/confidential-model-router/pull/63"""
    if row.dialect not in {A, C, R}:
        pytest.skip("its events are not divided by blank lines")
    output = run(row.dialect, row.wire, row.policy).output.replace(b"\r\n", b"\n")
    for block in output.split(b"\n\n"):
        fields = [line for line in block.split(b"\n") if line and not line.startswith(b":")]
        assert not fields or any(line.startswith(b"data: ") and len(line) > 6 for line in fields), block


UNKNOWN = {
    A: s.typed({"type": "context_edited", "edits": [{"type": "x"}]}),
    C: s.sse(s.chat_chunk({"content": "", "audio": {"id": "a"}}) | {"provider": "p", "x_new": {"y": [1]}}),
    R: s.typed({"type": "response.new_thing.delta", "sequence_number": 2, "delta": "x"}),
}


@every_dialect
def test_an_event_or_field_that_nobody_knows_yet_passes(dialect: str) -> None:
    whole = says(dialect, "Hel", "lo")
    first = whole.partition(b"\n\n")[0] + b"\n\n"
    outcome = run(dialect, first + UNKNOWN[dialect] + whole.removeprefix(first))
    assert UNKNOWN[dialect] in outcome.output
    assert Kind.FOREIGN_EVENT not in outcome.kinds


MCP = (
    b'event: message\nid: 7\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n'
    b": ping\n\n"
    b'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"data: [DONE]"}]}}\n\n'
)
STRANGERS = {
    "MCP": MCP,
    "MCP's error": b'event: message\ndata: {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error"}}\n\n',
    "MCP's endpoint": b"event: endpoint\ndata: /messages?session=1\n\n" + MCP,
    "a ticker": b"data: 17.5\n\nevent: tick\ndata: {broken\n\ndata:\n\nretry: 1000\n\n" * 4,
    "a build log": b"id: 1\ndata: <html>\ndata: </html>\n\nid: 2\n: x\n\ndata: done",
    "JSON of nobody's": b'data: {"progress": 1}\n\ndata: {"progress": 2}\r\n\r\ndata: {"error": null}\r\r' * 3,
}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("name", STRANGERS)
def test_an_event_stream_of_another_kind_is_observed_and_never_changed(name: str, size: int) -> None:
    outcome = run(None, cut(STRANGERS[name], size))
    assert (outcome.output, outcome.findings, outcome.receipt.dialect) == (STRANGERS[name], [], None)
    assert outcome.receipt.bytes_in == len(STRANGERS[name])
