"""Broken promises of OpenAI Responses, one row each."""

from __future__ import annotations

import json
import re
from typing import Any

from fault_rows import Policy, R, exact, honest
from resplice.core.kinds import Kind

import streams as s

type Payload = dict[str, Any]


def wire(*payloads: Payload, first: int = 0) -> bytes:
    """A stream of these events, numbered from `first`."""
    return b"".join(s.typed(payload | {"sequence_number": number}) for number, payload in enumerate(payloads, first))


def plain(*payloads: Payload) -> bytes:
    """A stream of these events, as they are."""
    return b"".join(map(s.typed, payloads))


def event(name: str, **members: Any) -> Payload:
    return {"type": f"response.{name}"} | members


def text(delta: str, index: int = 0) -> Payload:
    return event("output_text.delta", item_id="msg_1", output_index=index, content_index=0, delta=delta)


def part_added(index: int = 0) -> Payload:
    part = {"type": "output_text", "text": "", "annotations": []}
    return event("content_part.added", item_id="msg_1", output_index=index, content_index=0, part=part)


def part_done(said: str, index: int = 0) -> Payload:
    part = {"type": "output_text", "text": said, "annotations": []}
    return event("content_part.done", item_id="msg_1", output_index=index, content_index=0, part=part)


def added(item: Payload, index: int = 0) -> Payload:
    return event("output_item.added", output_index=index, item=item)


def done(item: Payload, index: int = 0) -> Payload:
    return event("output_item.done", output_index=index, item=item)


def completed(*items: Payload, **members: Any) -> Payload:
    return event("completed", response=s.response("completed", list(items)) | members)


def message(said: str) -> Payload:
    content = [{"type": "output_text", "text": said, "annotations": []}]
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content}


def arguments(delta: str, index: int = 0) -> Payload:
    return event("function_call_arguments.delta", item_id="fc_1", output_index=index, delta=delta)


def ends(said: str) -> list[Payload]:
    """How a response ends that said that."""
    return [part_done(said), done(message(said)), completed(message(said))]


def but(stream: list[Payload], *gone: Payload) -> list[Payload]:
    """A stream without some of its events."""
    assert all(one in stream for one in gone)
    return [payload for payload in stream if payload not in gone]


def torn(frame: Payload, number: int, half: str) -> bytes:
    """A numbered event with a lone surrogate, escaped, for the mark in its text."""
    return wire(frame, first=number).replace(b"~", half.encode())


HIGH, LOW = "\\ud83d", "\\ude00"
CREATED = event("created", response=s.response("in_progress", []))
IN_PROGRESS = event("in_progress", response=s.response("in_progress", []))
BEGUN = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
CALL = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "f", "arguments": '{"x": 1}'}
CALL_BEGUN = CALL | {"status": "in_progress", "arguments": ""}
CUT_CALL = CALL | {"arguments": '{"x'}
REASONING = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gA+/=="}
REASONING_BEGUN = {"id": "rs_1", "type": "reasoning", "summary": []}
SUMMARY_PART = {"type": "summary_text", "text": ""}
SUMMARY_ADDED = event("reasoning_summary_part.added", item_id="rs_1", output_index=0, summary_index=0, part=SUMMARY_PART)
SUMMARY = event("reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=0, delta="hm")
HELLO = [text("Hel"), text("lo")]
START = [CREATED, added(BEGUN), part_added()]
TEXT = [*START, *HELLO, part_done("Hello"), done(message("Hello")), completed(message("Hello"))]
CALLS = [CREATED, added(CALL_BEGUN), arguments('{"x": '), arguments("1}"), done(CALL), completed(CALL)]
ONE_PIECE = [CREATED, added(CALL_BEGUN), arguments('{"x": 1}'), done(CALL), completed(CALL)]
HALF = [text("a~"), done(message("a~")), completed(message("a~"))]
CHAT_USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
ZEROS = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
USAGE = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
SYNTHESIS = Policy(on=frozenset({Kind.COMPLETED_MISSING}))

WHOLE = s.response("completed", [REASONING, message("Hello"), CALL, {"id": "x", "type": "new_call", "a": 1.0}])
EARLY = {"response": WHOLE | {"status": "in_progress", "output": [], "usage": None}}
HELLO_PART = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
UNFOLDED = wire(
    event("created", **EARLY),
    event("in_progress", **EARLY),
    added(REASONING_BEGUN | {"encrypted_content": "gA+/=="}),
    SUMMARY_ADDED,
    SUMMARY,
    event("reasoning_summary_text.done", item_id="rs_1", output_index=0, summary_index=0, text="hm"),
    event("reasoning_summary_part.done", item_id="rs_1", output_index=0, summary_index=0, part=SUMMARY_PART | {"text": "hm"}),
    done(REASONING),
    added(BEGUN, 1),
    part_added(1),
    event("output_text.delta", **HELLO_PART, delta="Hello", logprobs=[]),
    event("output_text.done", **HELLO_PART, text="Hello", logprobs=[]),
    part_done("Hello", 1),
    done(message("Hello"), 1),
    added(CALL_BEGUN, 2),
    arguments(CALL["arguments"], 2),
    event("function_call_arguments.done", item_id="fc_1", output_index=2, arguments=CALL["arguments"]),
    done(CALL, 2),
    added({"id": "x", "type": "new_call", "a": 1.0}, 3),
    done({"id": "x", "type": "new_call", "a": 1.0}, 3),
    event("completed", response=WHOLE),
)

EXACT = [
    exact("an unstreamed response", R, json.dumps(WHOLE).encode(), "whole_answer", whole=UNFOLDED),
    exact("an unstreamed response over lines", R, json.dumps(WHOLE, indent=1).encode() + b"\n", "whole_answer", whole=UNFOLDED),
    exact(
        "all types stand in the names alone",
        R,
        re.sub(rb'\{"type": "response\.[a-z_.]+", ', b"{", wire(*TEXT)),
        "type_missing",
        whole=wire(*TEXT),
    ),
    exact(
        "all types stand in the names alone",
        R,
        b"".join(s.sse({k: v for k, v in payload.items() if k != "type"}, payload["type"]) for payload in TEXT),
        "type_missing",
        whole=plain(*TEXT),
    ),
    exact(
        "the response is in progress without having been created",
        R,
        wire(IN_PROGRESS, *TEXT[1:], first=1),
        "created_missing",
        "sequence_number",
        whole=wire(CREATED, IN_PROGRESS, *TEXT[1:], first=1),
    ),
    exact("an item is not announced", R, wire(*but(TEXT, added(BEGUN))), "item_not_announced", whole=wire(*TEXT)),
    exact(
        "neither item nor part is announced",
        R,
        wire(*but(TEXT, added(BEGUN), part_added())),
        "item_not_announced",
        "part_not_announced",
        whole=wire(*TEXT),
    ),
    exact("the response is created twice", R, wire(*TEXT[:1], *TEXT), "duplicate_start", whole=wire(*TEXT)),
    exact("an item is announced twice", R, wire(*TEXT[:2], *TEXT[1:]), "announced_twice", whole=wire(*TEXT)),
    exact("a part is announced twice", R, wire(*TEXT[:3], *TEXT[2:]), "announced_twice", whole=wire(*TEXT)),
    exact("a part is not announced", R, wire(*but(TEXT, part_added())), "part_not_announced", whole=wire(*TEXT)),
    exact(
        "nothing is numbered, and a part is not announced",
        R,
        plain(*but(TEXT, part_added())),
        "part_not_announced",
        whole=plain(*TEXT),
    ),
    exact(
        "reasoning is not announced",
        R,
        wire(CREATED, SUMMARY, done(REASONING), completed(REASONING)),
        "item_not_announced",
        "part_not_announced",
        whole=wire(CREATED, added(REASONING_BEGUN), SUMMARY_ADDED, SUMMARY, done(REASONING), completed(REASONING)),
    ),
    exact("a tool call is not announced", R, wire(*but(CALLS, added(CALL_BEGUN))), "item_not_announced", whole=wire(*ONE_PIECE)),
    exact(
        "a tool call is named by the last event alone",
        R,
        wire(*but(CALLS, added(CALL_BEGUN), done(CALL))),
        "item_not_announced",
        whole=wire(*ONE_PIECE),
    ),
    exact("the last event has no output", R, wire(*TEXT[:-1], completed()), "completed_output", whole=wire(*TEXT)),
    exact(
        "the last event's output is null",
        R,
        wire(*CALLS[:-1], completed() | {"response": completed()["response"] | {"output": None}}),
        "completed_output",
        whole=wire(*CALLS),
    ),
    exact(
        "the last event has no output, and the item was never finished but its part was",
        R,
        wire(*TEXT[:-2], completed()),
        "completed_output",
        "snapshot_only",
        whole=wire(*TEXT),
    ),
    exact(
        "usage has the names of chat completions",
        R,
        wire(*TEXT[:-1], completed(message("Hello"), usage=CHAT_USAGE)),
        "completed_usage",
        whole=wire(*TEXT[:-1], completed(message("Hello"), usage=CHAT_USAGE | USAGE | ZEROS)),
    ),
    exact(
        "usage has no details",
        R,
        wire(*TEXT[:-1], completed(message("Hello"), usage=USAGE)),
        "completed_usage",
        whole=wire(*TEXT[:-1], completed(message("Hello"), usage=USAGE | ZEROS)),
    ),
    exact(
        "the last event is called done",
        R,
        wire(*TEXT).replace(b"response.completed", b"response.done"),
        "terminal_name",
        whole=wire(*TEXT),
    ),
    exact(
        "a pair of surrogates is cut",
        R,
        wire(*START) + torn(text("a~"), 3, HIGH) + torn(text("~b"), 4, LOW) + wire(*ends("a\U0001f600b"), first=5),
        "lone_surrogate",
        whole=wire(*START, text("a"), text("\U0001f600b"), *ends("a\U0001f600b")),
    ),
    exact(
        "a half stands alone in its delta",
        R,
        wire(*START) + torn(text("~"), 3, HIGH) + torn(text("~b"), 4, LOW) + wire(*ends("\U0001f600b"), first=5),
        "lone_surrogate",
        "sequence_number",
        whole=wire(*START, text("\U0001f600b"), *ends("\U0001f600b")),
    ),
    # what is said twice
    exact("three events come twice", R, wire(*TEXT[:5]) + wire(*TEXT[2:], first=2), "event_twice", whole=wire(*TEXT)),
    exact("an event comes twice under its number", R, wire(*TEXT[:4]) + wire(*TEXT[3:], first=3), "event_twice", whole=wire(*TEXT)),
    exact(
        "the last delta is missing",
        R,
        wire(*TEXT[:4]) + wire(*TEXT[5:], first=5),
        "tail_missing",
        whole=wire(*TEXT[:4], event("output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta="lo", logprobs=[]),
                   *TEXT[5:]),
    ),
    exact(
        "all second copies are empty",
        R,
        wire(*TEXT[:5], part_done(""), done(BEGUN), completed()),
        "snapshot_empty",
        "completed_output",
        whole=wire(*TEXT[:5], part_done("Hello"), done(BEGUN | {"content": message("Hello")["content"]}),
                   completed(BEGUN | {"content": message("Hello")["content"]})),
    ),
    exact(
        "an item is told by the last event alone",
        R,
        wire(CREATED, completed(message("Hello"), CALL)),
        "snapshot_only",
        whole=wire(*START, event("output_text.delta", **HELLO_PART | {"output_index": 0}, delta="Hello", logprobs=[]),
                   event("output_text.done", **HELLO_PART | {"output_index": 0}, text="Hello", logprobs=[]),
                   part_done("Hello"), done(message("Hello")), added(CALL_BEGUN, 1), arguments(CALL["arguments"], 1),
                   event("function_call_arguments.done", item_id="fc_1", output_index=1, arguments=CALL["arguments"]),
                   done(CALL, 1), completed(message("Hello"), CALL)),
    ),
    exact("an item is never finished", R, wire(*but(TEXT, done(message("Hello")))), "snapshot_only", whole=wire(*TEXT)),
    exact(
        "each event has another id of the item",
        R,
        wire(*TEXT[:3], text("Hel") | {"item_id": "msg_2"}, text("lo") | {"item_id": "msg_3"}, *TEXT[5:]).replace(
            b'"item_id": "msg_1"', b'"item_id": "msg_4"'),
        "item_id",
        whole=wire(*TEXT),
    ),
    exact(
        "an item has no id",
        R,
        wire(*TEXT).replace(b'"id": "msg_1", ', b"").replace(b'"item_id": "msg_1", ', b""),
        "item_id",
        whole=wire(*TEXT[:-1], completed(message("Hello"))).replace(b'"msg_1"', b'"msg_t_0"'),
    ),
    exact(
        "two items under one index",
        R,
        wire(*TEXT[:-1], *CALLS[1:-1], completed(message("Hello"), CALL)),
        "output_index",
        whole=wire(*TEXT[:-1], added(CALL_BEGUN, 1), arguments('{"x": ', 1), arguments("1}", 1), done(CALL, 1),
                   completed(message("Hello"), CALL)),
    ),
]  # fmt: skip

HONEST = [
    honest(
        "one type stands in the name alone",
        R,
        wire(*TEXT).replace(b'{"type": "response.output_text.delta", ', b"{", 1),
        "unparsable_data",
    ),
    honest(
        "half of a character never comes",
        R,
        wire(*START) + b"".join(torn(one, n, HIGH) for n, one in enumerate(HALF, 3)),
        "lone_surrogate",
    ),
    honest("the response is never created", R, wire(*TEXT[1:]), "created_missing"),
    honest("the beginning is lost", R, wire(*TEXT[1:], first=1), "created_missing"),
    honest("a delta is lost in the middle", R, wire(*TEXT[:3]) + wire(*TEXT[4:], first=4), "contradiction"),
    honest(
        "two deltas are swapped",
        R,
        wire(*TEXT[:3]) + wire(text("lo"), first=4) + wire(text("Hel"), first=3) + wire(*TEXT[5:], first=5),
        "contradiction",
    ),
    honest("another answer's delta", R, wire(*TEXT[:4], text("no") | {"item_id": "msg_9"}, *TEXT[4:]), "contradiction"),
    honest("a number comes again with another text", R, wire(*TEXT[:4]) + wire(text("no"), *TEXT[4:], first=3), "contradiction"),
    honest("the second copy differs", R, wire(*TEXT[:-3], *ends("Howdy")), "contradiction"),
    honest("the last event differs", R, wire(*TEXT[:-1], completed(message("Howdy"))), "contradiction"),
    honest(
        "the last event lacks an item",
        R,
        wire(*TEXT[:-1], added(CALL_BEGUN, 1), done(CALL, 1), completed(message("Hello"))),
        "contradiction",
    ),
    honest(
        "the last event is another response's",
        R,
        wire(*TEXT[:-1], completed(message("Hello")))
        .replace(b'"completed", "response": {"id": "resp_01"', b"")
        .replace(b'"response.completed", "response": {"id": "resp_01"', b'"response.completed", "response": {"id": "resp_02"'),
        "contradiction",
    ),
    honest(
        "arguments are no JSON",
        R,
        wire(*CALLS[:2], arguments('{"x": NaN}'), done(CALL | {"arguments": '{"x": NaN}'})),
        "arguments_invalid",
    ),
    honest(
        "an item is announced in the place of one that goes on", R, wire(*TEXT[:4], added(CALL_BEGUN), *TEXT[4:]), "contradiction"
    ),
    honest(
        "the last event has no output, and an item is lost",
        R,
        wire(CREATED, added(CALL_BEGUN, 1), done(CALL, 1), completed()),
        "answer_incomplete",
    ),
    honest("an unstreamed response that goes on", R, json.dumps(WHOLE | {"status": "queued"}).encode(), "json_body"),
    honest(
        "the last event has no output, and an item was never finished", R, wire(*START, *HELLO, completed()), "answer_incomplete"
    ),
    honest("a tool call is never named", R, wire(CREATED, arguments('{"x": 1}'), completed()), "answer_incomplete"),
    honest(
        "arguments are cut, and the response ends as if whole",
        R,
        wire(CREATED, added(CALL_BEGUN), arguments('{"x'), done(CUT_CALL), completed(CUT_CALL)),
        "arguments_truncated",
    ),
    honest("the last event is missing", R, wire(*TEXT[:-1]), "answer_incomplete"),
    honest(
        "a payload without a type is none that its event can have",
        R,
        wire(*START) + s.sse({"item": 1}, "response.output_text.delta"),
        "unparsable_data",
    ),
    honest("the last event is missing, and an item was never finished", R, wire(*TEXT[:5]), "answer_incomplete", policy=SYNTHESIS),
]
