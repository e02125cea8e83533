"""Healthy answers, two of each API at least, text and a tool call: lists of frames, so that a scenario can break them."""

from __future__ import annotations

import json
from typing import Any, Final

type Frames = tuple[bytes, ...]

CHAT: Final = "openai-chat"
RESPONSES: Final = "openai-responses"
MESSAGES: Final = "anthropic-messages"

TEXT: Final = ("High", " tide", " in", " Lisbon", ":", "\n", "6:40", " — bring", " boots.")
TOOL: Final = "get_tide"
ARGUMENTS: Final = ('{"port": "Lis', 'bon", "day": "to', 'morrow"}')
MODEL: Final = "harbour-1"


def frame(payload: dict[str, Any], event: str | None = None) -> bytes:
    """One frame of an event stream: the payload on one line, with an `event:` line before it if it has a name."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def named(payload: dict[str, Any]) -> bytes:
    """One frame as Anthropic and the Responses API send it: its `event:` line repeats the payload's type."""
    return frame(payload, payload["type"])


# OpenAI chat completions


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One frame of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-tide", "object": "chat.completion.chunk", "created": 1790000000, "model": MODEL}
    return frame({**head, "choices": [choice], **more})


DONE: Final = b"data: [DONE]\n\n"
_CHAT_USAGE: Final = {"prompt_tokens": 21, "completion_tokens": 12, "total_tokens": 33}


def _chat(deltas: list[dict[str, Any]], finish: str) -> Frames:
    body = [chunk(delta) for delta in deltas]
    return (chunk({"role": "assistant", "content": ""}), *body, chunk({}, finish), _chat_usage(), DONE)


def _chat_usage() -> bytes:
    return chunk({}, choices=[], usage=_CHAT_USAGE)


def _call(arguments: str, **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": TOOL} if more else {})}
    return {"tool_calls": [{"index": 0, "function": function, **more}]}


CHAT_TEXT: Final = _chat([{"content": text} for text in TEXT], "stop")
CHAT_TOOL: Final = _chat([_call("", id="call_tide", type="function"), *(_call(part) for part in ARGUMENTS)], "tool_calls")


_SECOND: Final = {"index": 1, "id": "call_moon", "type": "function", "function": {"name": "get_moon", "arguments": "{}"}}
CHAT_TWO_TOOLS: Final = (*CHAT_TOOL[:-3], chunk({"tool_calls": [_SECOND]}), *CHAT_TOOL[-3:])
CHAT_WHOLE: Final = json.dumps(
    {
        "id": "chatcmpl-tide",
        "object": "chat.completion",
        "created": 1790000000,
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "".join(TEXT)}, "finish_reason": "stop"}],
        "usage": _CHAT_USAGE,
    },
    indent=2,
).encode()
"""The same answer as `CHAT_TEXT`, as it comes when no stream is asked for."""


# Anthropic messages


def block_delta(delta: dict[str, Any]) -> bytes:
    """One delta of the only content block."""
    return named({"type": "content_block_delta", "index": 0, "delta": delta})


def message_start(message_id: str = "msg_tide") -> bytes:
    """How every message begins."""
    message = {"id": message_id, "type": "message", "role": "assistant", "model": MODEL, "content": []}
    stop = {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 21, "output_tokens": 1}}
    return named({"type": "message_start", "message": message | stop})


def _messages(block: dict[str, Any], deltas: list[dict[str, Any]], stop: str) -> Frames:
    delta = {"stop_reason": stop, "stop_sequence": None}
    return (
        message_start(),
        named({"type": "content_block_start", "index": 0, "content_block": block}),
        named({"type": "ping"}),
        *(block_delta(one) for one in deltas),
        named({"type": "content_block_stop", "index": 0}),
        named({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 12}}),
        named({"type": "message_stop"}),
    )


MESSAGES_TEXT: Final = _messages({"type": "text", "text": ""}, [{"type": "text_delta", "text": text} for text in TEXT], "end_turn")
MESSAGES_TOOL: Final = _messages(
    {"type": "tool_use", "id": "toolu_tide", "name": TOOL, "input": {}},
    [{"type": "input_json_delta", "partial_json": part} for part in ARGUMENTS],
    "tool_use",
)


# OpenAI responses


def _response(status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {
        "input_tokens": 21,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 33,
    }
    head = {"id": "resp_tide", "object": "response", "created_at": 1790000000, "status": status, "model": MODEL}
    empty: dict[str, Any] = {"error": None, "incomplete_details": None, "instructions": None, "metadata": {}}
    settings: dict[str, Any] = {
        "parallel_tool_calls": True,
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1,
    }
    return {**head, "output": output, **empty, **settings, "usage": usage if status == "completed" else None}


def _responses(item: dict[str, Any], events: list[dict[str, Any]], last: dict[str, Any]) -> Frames:
    """All events of a response with one output item: `item` as it begins, what happens to it, `last` as it ends."""
    done = {**last, "status": "completed"}
    story: list[dict[str, Any]] = [
        {"type": "response.created", "response": _response("in_progress", [])},
        {"type": "response.in_progress", "response": _response("in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
        *({**event, "item_id": item["id"], "output_index": 0} for event in events),
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": _response("completed", [done])},
    ]
    return tuple(named({**event, "sequence_number": number}) for number, event in enumerate(story))


def _text_part(kind: str, text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": f"response.content_part.{kind}", "content_index": 0, "part": part}


def _text_event(kind: str, **more: str) -> dict[str, Any]:
    return {"type": f"response.output_text.{kind}", "content_index": 0, "logprobs": [], **more}


_WHOLE: Final = "".join(TEXT)
_ITEM: Final[dict[str, Any]] = {"id": "msg_tide", "type": "message", "role": "assistant", "content": []}
RESPONSES_TEXT: Final = _responses(
    _ITEM,
    [
        _text_part("added", ""),
        *(_text_event("delta", delta=text) for text in TEXT),
        _text_event("done", text=_WHOLE),
        _text_part("done", _WHOLE),
    ],
    {**_ITEM, "content": [{"type": "output_text", "text": _WHOLE, "annotations": []}]},
)

_CALL: Final[dict[str, Any]] = {"id": "fc_tide", "type": "function_call", "call_id": "call_tide", "name": TOOL}
_ARGUMENTS: Final = "response.function_call_arguments"
RESPONSES_TOOL: Final = _responses(
    {**_CALL, "arguments": ""},
    [
        *({"type": f"{_ARGUMENTS}.delta", "delta": part} for part in ARGUMENTS),
        {"type": f"{_ARGUMENTS}.done", "arguments": "".join(ARGUMENTS)},
    ],
    {**_CALL, "arguments": "".join(ARGUMENTS)},
)
