"""Broken promises of Anthropic Messages, one row each."""

from __future__ import annotations

import json
from typing import Any

from fault_rows import A, exact, honest
from resplice.core.kinds import Kind
from resplice.session.policy import Policy

import streams as s

CITATION = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
}


def start(index: int, block: dict[str, Any] | None = None) -> bytes:
    return s.typed({"type": "content_block_start", "index": index, "content_block": block or {"type": "text", "text": ""}})


def stop(index: int) -> bytes:
    return s.typed({"type": "content_block_stop", "index": index})


def grow(index: Any, **delta: Any) -> bytes:
    return s.typed({"type": "content_block_delta", "index": index, "delta": delta})


def think(text: str, index: int = 0) -> bytes:
    return grow(index, type="thinking_delta", thinking=text)


def sign(index: int = 0) -> bytes:
    return grow(index, type="signature_delta", signature="EqQB+/=")


def message(*frames: bytes, reason: str = "end_turn") -> bytes:
    return s.MESSAGE_START + b"".join(frames) + s.message_delta(reason) + s.MESSAGE_STOP


def without(frame: bytes, *members: bytes) -> bytes:
    """`frame` without some of its members, each with the comma behind or before it."""
    for member in members:
        assert member in frame, member
        frame = frame.replace(member, b"", 1)
    return frame


THINKING = {"type": "thinking", "thinking": "", "signature": ""}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
OTHER_TOOL = TOOL | {"id": "toolu_2"}
SEARCH = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
HELLO = s.text_delta("Hel") + s.text_delta("lo")
MINTED = (
    s.MESSAGE_START.replace(b"msg_01", b"msg_t")
    .replace(b"tiny-a", b"unknown")
    .replace(b'_tokens": 3', b'_tokens": 0')
    .replace(b'_tokens": 1', b'_tokens": 0')
)
TWO = message(start(0, THINKING), think("t"), sign(), stop(0), start(1), s.text_delta("a", 1), stop(1))
CALLS = message(
    start(0, TOOL), s.json_delta('{"q": 1}'), stop(0), start(1, OTHER_TOOL), s.json_delta('{"q": 2}', 1), stop(1), reason="tool_use"
)


def half(frame: bytes, mark: str, pair_half: str) -> bytes:
    """`frame` with a lone surrogate, escaped, for a mark in its text."""
    return frame.replace(mark.encode(), pair_half.encode())


WHOLE = {
    "id": "msg_9",
    "type": "message",
    "role": "assistant",
    "model": "tiny-a",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB+/="},
        {"type": "text", "text": "Hel\u00e4", "citations": [CITATION]},
        TOOL | {"input": {"q": 1.0, "r": "\u00e4"}},
        {"type": "redacted_thinking", "data": "zzz"},
        OTHER_TOOL,
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 9},
}
UNFOLDED = (
    s.typed({"type": "message_start", "message": WHOLE | {"content": [], "stop_reason": None}}),
    start(0, THINKING),
    think("hm"),
    sign(),
    stop(0),
    start(1, {"type": "text", "text": "", "citations": []}),
    s.text_delta("Hel\u00e4", 1),
    grow(1, type="citations_delta", citation=CITATION),
    stop(1),
    start(2, TOOL),
    s.json_delta('{"q": 1.0, "r": "\u00e4"}', 2),
    stop(2),
    start(3, {"type": "redacted_thinking", "data": "zzz"}),
    stop(3),
    start(4, OTHER_TOOL),
    stop(4),
    s.message_delta("tool_use").replace(b'{"output_tokens": 9}', b'{"input_tokens": 3, "output_tokens": 9}'),
    s.MESSAGE_STOP,
)

EXACT = [
    exact("an unstreamed message", A, json.dumps(WHOLE).encode(), "whole_answer", whole=b"".join(UNFOLDED)),
    exact(
        "an unstreamed message over lines",
        A,
        json.dumps(WHOLE, indent=1).encode() + b"\n",
        "whole_answer",
        whole=b"".join(UNFOLDED),
    ),
    # the message
    exact(
        "the message is never started",
        A,
        s.ANTHROPIC.removeprefix(s.MESSAGE_START + s.BLOCK_START + s.PING).join([s.BLOCK_START, b""]),
        "message_start_missing",
        policy=Policy(on=frozenset({Kind.MESSAGE_START_MISSING})),
        whole=s.ANTHROPIC.replace(s.MESSAGE_START, MINTED),
    ),
    exact(
        "neither the message nor its block is started",
        A,
        HELLO + stop(0) + s.message_delta() + s.MESSAGE_STOP,
        "message_start_missing",
        "block_start_missing",
        policy=Policy(on=frozenset({Kind.MESSAGE_START_MISSING, Kind.BLOCK_START_MISSING})),
        whole=MINTED + start(0) + HELLO + stop(0) + s.message_delta() + s.MESSAGE_STOP,
    ),
    exact(
        "a start without content",
        A,
        without(s.ANTHROPIC, b' "content": [],'),
        "message_start_incomplete",
        whole=s.ANTHROPIC,
    ),
    exact(
        "a start whose content is null",
        A,
        s.ANTHROPIC.replace(b'"content": []', b'"content": null', 1),
        "message_start_incomplete",
        whole=s.ANTHROPIC,
    ),
    exact(
        "a start without usage",
        A,
        without(s.ANTHROPIC, b', "usage": {"input_tokens": 3, "output_tokens": 1}'),
        "usage_missing",
        policy=Policy(on=frozenset({Kind.USAGE_MISSING})),
        whole=s.ANTHROPIC.replace(b'"input_tokens": 3, "output_tokens": 1', b'"input_tokens": 0, "output_tokens": 0'),
    ),
    exact(
        "an end without usage",
        A,
        without(s.ANTHROPIC, b', "usage": {"output_tokens": 9}'),
        "usage_missing",
        policy=Policy(on=frozenset({Kind.USAGE_MISSING})),
        whole=s.ANTHROPIC.replace(b'"output_tokens": 9', b'"output_tokens": 1'),
    ),
    # starts and stops
    exact(
        "a start is missing",
        A,
        message(HELLO, stop(0)),
        "block_start_missing",
        policy=Policy(on=frozenset({Kind.BLOCK_START_MISSING})),
        whole=message(start(0), HELLO, stop(0)),
    ),
    exact(
        "the start of thinking is missing",
        A,
        TWO.replace(start(0, THINKING), b""),
        "block_start_missing",
        policy=Policy(on=frozenset({Kind.BLOCK_START_MISSING})),
        whole=TWO,
    ),
    exact("a start comes twice", A, s.BLOCK_START * 2, "block_start_duplicate", of=s.BLOCK_START),
    exact(
        "a call's stop is missing",
        A,
        CALLS.replace(stop(1), b""),
        "block_stop_missing",
        whole=CALLS,
    ),
    exact("a stop comes twice", A, s.BLOCK_STOP * 2, "block_stop_duplicate", of=s.BLOCK_STOP),
    # indexes
    exact(
        "the same index twice, one block after the other",
        A,
        TWO.replace(b'"index": 1', b'"index": 0'),
        "block_index",
        whole=TWO,
    ),
    exact("two calls under the same index", A, CALLS.replace(b'"index": 1', b'"index": 0'), "block_index", whole=CALLS),
    exact(
        "indexes are missing",
        A,
        s.ANTHROPIC.replace(b'"index": 0, ', b"").replace(b', "index": 0', b""),
        "block_index",
        whole=s.ANTHROPIC,
    ),
    # halves of characters
    exact(
        "a pair of surrogates is cut in text",
        A,
        s.anthropic(half(s.text_delta("a~"), "~", "\\ud83d"), s.PING, half(s.text_delta("~b"), "~", "\\ude00")),
        "lone_surrogate",
        whole=s.anthropic(s.text_delta("a"), s.text_delta("\U0001f600b")),
    ),
    exact(
        "a half stands alone in its delta",
        A,
        s.anthropic(s.text_delta("a"), half(s.text_delta("~"), "~", "\\ud83d"), half(s.text_delta("~"), "~", "\\ude00")),
        "lone_surrogate",
        whole=s.anthropic(s.text_delta("a"), s.text_delta("\U0001f600")),
    ),
    exact(
        "a pair of surrogates is cut in arguments",
        A,
        s.anthropic(
            half(s.json_delta('{"q": "~'), "~", "\\ud83d"),
            half(s.json_delta('~"}'), "~", "\\ude00"),
            start=s.TOOL_START,
            reason="tool_use",
        ),
        "lone_surrogate",
        whole=s.anthropic(s.json_delta('{"q": "'), s.json_delta('\U0001f600"}'), start=s.TOOL_START, reason="tool_use"),
    ),
    # tool calls
    exact(
        "a call is closed before its arguments are complete",
        A,
        CALLS.replace(s.json_delta('{"q": 1}') + stop(0), s.json_delta('{"q":') + stop(0) + s.json_delta(" 1}")),
        "block_stop_early",
        "block_stop_missing",
        whole=message(
            start(0, TOOL),
            s.json_delta('{"q":'),
            s.json_delta(" 1}"),
            start(1, OTHER_TOOL),
            s.json_delta('{"q": 2}', 1),
            stop(1),
            stop(0),
            reason="tool_use",
        ),
    ),
    exact(
        "two calls under the same id",
        A,
        CALLS.replace(b"toolu_2", b"toolu_1"),
        "tool_id_shared",
        whole=CALLS.replace(b"toolu_2", b"toolu_t_1"),
    ),
    exact(
        "the turn ends with a call",
        A,
        CALLS.replace(b'"tool_use", "stop_s', b'"end_turn", "stop_s'),
        "end_turn_with_tool",
        whole=CALLS,
    ),
    exact(
        "no block of several is closed",
        A,
        TWO.replace(stop(0), b"").replace(stop(1), b""),
        "block_stop_missing",
        whole=message(start(0, THINKING), think("t"), sign(), start(1), s.text_delta("a", 1), stop(0), stop(1)),
    ),
    exact(
        "the result of a tool is never closed",
        A,
        message(start(0, SEARCH), start(1), s.text_delta("a", 1), stop(1)),
        "block_stop_missing",
        whole=message(start(0, SEARCH), start(1), s.text_delta("a", 1), stop(1), stop(0)),
    ),
    exact(
        "an end without its delta",
        A,
        s.ANTHROPIC.replace(s.BLOCK_STOP, s.BLOCK_STOP + s.typed({"type": "message_delta", "usage": {"output_tokens": 9}})),
        "message_delta_incomplete",
        whole=s.ANTHROPIC.replace(s.BLOCK_STOP, s.BLOCK_STOP + s.message_delta("").replace(b'""', b"null")),
    ),
    # doubles
    exact(
        "every event comes twice",
        A,
        b"".join(frame + b"\n\n" + frame + b"\n\n" for frame in TWO.split(b"\n\n")[:-1]),
        "event_twice",
        "duplicate_start",
        "block_start_duplicate",
        whole=TWO,
    ),
]

HONEST = [
    honest(
        "an unstreamed message that does not say why it stopped", A, json.dumps(WHOLE | {"stop_reason": None}).encode(), "json_body"
    ),
    honest(
        "an unstreamed message with a number that can't be written again",
        A,
        json.dumps(WHOLE).replace("1.0", "1e400").encode(),
        "json_body",
    ),
    honest("the beginning is lost", A, HELLO + stop(0) + s.message_delta() + s.MESSAGE_STOP, "message_start_missing"),
    honest("all but the end is lost", A, s.message_delta() + s.MESSAGE_STOP, "message_start_missing"),
    honest("a block's start is lost", A, message(HELLO, stop(0)), "block_unknown"),
    honest("a block is lost", A, message(start(1), s.text_delta("a", 1), stop(1)), "block_unknown"),
    honest("the stop of a text is lost", A, s.ANTHROPIC.replace(s.BLOCK_STOP, b""), "stop_reason_missing"),
    honest(
        "a stop and the next start are lost",
        A,
        message(start(0), s.text_delta("a"), s.text_delta("b", 1), stop(1)),
        "block_unknown",
    ),
    honest(
        "a delta stands behind its block's stop",
        A,
        message(start(0), s.text_delta("a"), stop(0), s.text_delta("b")),
        "block_unknown",
    ),
    honest("a signature stands behind its block's stop", A, TWO.replace(sign() + stop(0), stop(0) + sign()), "block_unknown"),
    honest(
        "a block takes the place of one that is open",
        A,
        TWO.replace(stop(0), b"", 1).replace(b'"index": 1', b'"index": 0'),
        "block_unknown",
    ),
    honest(
        "a finished block comes again",
        A,
        TWO.replace(start(1), start(0, THINKING) + think("t") + sign() + stop(0) + start(1)),
        "spliced_generation",
    ),
    honest("text in a block of thinking", A, message(start(0, THINKING), think("t"), s.text_delta("a"), stop(0)), "block_unknown"),
    honest("a call's arguments are no JSON", A, s.anthropic(s.json_delta("{7}"), start=s.TOOL_START), "arguments_invalid"),
    honest("a tool is to be run, and no call came", A, s.anthropic(s.text_delta("a"), reason="tool_use"), "answer_incomplete"),
    honest(
        "the second half of a character never comes", A, s.anthropic(half(s.text_delta("a~"), "~", "\\ud83d")), "lone_surrogate"
    ),
    honest("the first half of a character never came", A, s.anthropic(half(s.text_delta("~b"), "~", "\\ude00")), "lone_surrogate"),
    honest(
        "all came twice, and then something once",
        A,
        s.MESSAGE_START * 2 + s.BLOCK_START * 2 + s.text_delta("a") * 2 + s.text_delta("b") + s.text_delta("c"),
        "event_twice",
    ),
    honest("a type is damaged", A, s.ANTHROPIC.replace(b"text_delta", b"tet_delta"), "name_damaged"),
    honest("a text's key is damaged", A, s.ANTHROPIC.replace(b'"text": "Hel', b'"txt": "Hel'), "name_damaged"),
    honest("a stop reason is damaged", A, s.ANTHROPIC.replace(b"end_turn", b"endturn"), "name_damaged"),
    honest(
        "the key of a stop reason is damaged", A, s.ANTHROPIC.replace(b'"stop_reason": "end', b'"stopreason": "end'), "name_damaged"
    ),
    honest("the key of the usage is damaged", A, s.ANTHROPIC.replace(b'"usage": {"output', b'"uage": {"output'), "name_damaged"),
    honest(
        "arguments are cut, and the message ends as if whole",
        A,
        s.anthropic(s.json_delta('{"q": "a'), start=s.TOOL_START, reason="tool_use"),
        "arguments_truncated",
    ),
    honest(
        "arguments are cut in a call that is never closed",
        A,
        s.anthropic(s.json_delta('{"q": "a'), start=s.TOOL_START).replace(s.BLOCK_STOP, b""),
        "arguments_truncated",
    ),
    honest("arguments without a call", A, message(s.json_delta('{"q": 1}'), stop(0)), "block_unknown"),
    honest("arguments under an index of no call", A, CALLS.replace(start(1, OTHER_TOOL), b""), "block_unknown"),
    honest("arguments in a block of text", A, s.anthropic(s.json_delta('{"q": 1}')), "block_unknown"),
    honest("a stop without a start", A, message(stop(0)), "block_unknown"),
    honest(
        "a call starts in the place of one that is incomplete",
        A,
        message(start(0, TOOL), s.json_delta('{"q"'), start(0, OTHER_TOOL), s.json_delta('{"q": 2}'), stop(0), reason="tool_use"),
        "block_unknown",
    ),
    honest(
        "a call is made again under its own id",
        A,
        message(start(0, TOOL), s.json_delta('{"q": 1}'), start(0, TOOL), s.json_delta('{"q": 1}'), stop(0), reason="tool_use"),
        "block_unknown",
    ),
]
