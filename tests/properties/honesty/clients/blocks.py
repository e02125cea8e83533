"""Loops over events of Anthropic's Messages and of OpenAI's Responses, and the SDKs' own accumulators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jiter

from honesty.clients.chat import arguments, plain
from honesty.clients.decoding import ClientError, joined, member, parsed_js


def anthropic_node(events: Iterable[tuple[str | None, str]]) -> Iterator[Any]:
    """The payloads of events that have a name; an empty one is one."""
    for event, data in events:
        if event == "error":
            raise ClientError("error")
        if event is None or event == "ping" or not data:
            continue
        yield parsed_js(data)


class _Message:
    def __init__(self) -> None:
        self.blocks: dict[Any, dict[str, Any]] = {}
        self.stop: Any = None
        self.input: Any = None
        self.output: Any = None

    def block(self, index: Any) -> dict[str, Any]:
        return self.blocks.setdefault(index, {"kind": None, "name": None, "text": "", "thinking": "", "json": "", "signature": ""})

    def start(self, index: Any, content: Any) -> None:
        block = self.block(index)
        block["kind"], block["name"] = member(content, "type"), member(content, "name")
        block["text"] += member(content, "text") or ""
        block["thinking"] += member(content, "thinking") or ""

    def delta(self, index: Any, delta: Any) -> None:
        block = self.block(index)
        match member(delta, "type"):
            case "text_delta":
                block["text"] += member(delta, "text")
            case "thinking_delta":
                block["thinking"] += member(delta, "thinking")
            case "signature_delta":
                block["signature"] = member(delta, "signature")
            case "input_json_delta":
                if block["name"] is None:
                    raise KeyError(index)
                block["json"] += member(delta, "partial_json")

    def answer(self) -> dict[Any, Any]:
        told = [
            (
                index,
                block["name"],
                joined(block["text"]),
                joined(block["thinking"]),
                arguments(block["json"]) if block["name"] else None,
                block["signature"],
            )
            for index, block in self.blocks.items()
        ]
        return {"blocks": told, "stop": self.stop, "usage": (self.input, self.output)}


def message_events(events: Iterable[Any]) -> dict[Any, Any]:
    """The loop that everybody writes."""
    message = _Message()
    for event in events:
        match member(event, "type"):
            case "message_start":
                message.input = member(member(member(event, "message"), "usage"), "input_tokens")
            case "content_block_start":
                message.start(member(event, "index"), member(event, "content_block"))
            case "content_block_delta":
                message.delta(member(event, "index"), member(event, "delta"))
            case "message_delta":
                message.stop = member(member(event, "delta"), "stop_reason")
                message.output = member(member(event, "usage"), "output_tokens")
    return message.answer()


def message_final(events: Iterable[Any]) -> dict[Any, Any]:
    """The accumulator behind `.stream()`: blocks are those of the list, wherever their index points."""
    message, started, content = _Message(), False, []
    for event in events:
        kind = member(event, "type")
        if kind == "message_start":
            if not started:
                usage = member(member(event, "message"), "usage")
                message.input, message.output = member(usage, "input_tokens"), member(usage, "output_tokens")
            started = True
        elif not started:
            continue
        elif kind == "content_block_start":
            place = len(content)
            content.append(_kind(member(event, "content_block")))
            message.start(place, member(event, "content_block"))
        elif kind == "content_block_delta":
            _accumulate(message, content, member(event, "index"), member(event, "delta"))
        elif kind == "content_block_stop":
            content[member(event, "index")]
        elif kind == "message_delta":
            message.stop = member(member(event, "delta"), "stop_reason")
            message.output = member(member(event, "usage"), "output_tokens")
    if not started:
        raise AssertionError
    return message.answer()


def _kind(block: Any) -> Any:
    """The block's type; to a text that does not begin with one nothing can be added."""
    kind = member(block, "type")
    return f"{kind} without" if kind in {"text", "thinking"} and member(block, kind) is None else kind


_TAKES = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking", "input_json_delta": "tool_use"}


def _accumulate(message: _Message, content: list[Any], index: Any, delta: Any) -> None:
    kind = content[index]
    place = index if index >= 0 else len(content) + index
    takes = _TAKES.get(member(delta, "type"))
    if takes == kind:
        message.delta(place, delta)
        if kind == "tool_use" and message.block(place)["json"]:
            jiter.from_json(message.block(place)["json"].encode(), partial_mode=True)
    elif kind == f"{takes} without" and member(delta, "type") != "signature_delta":
        raise TypeError(kind)


# -- responses -------------------------------------------------------------------------------------

_TEXTS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "summary",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}
_CALLS = ("function_call", "custom_tool_call")
_ENDS = ("response.completed", "response.incomplete")


def response_events(events: Iterable[Any]) -> dict[Any, Any]:
    """The loop that everybody writes: texts and arguments from their deltas, the end from the last event."""
    texts: dict[Any, str] = {}
    calls: dict[Any, Any] = {}
    end: Any = (None, None)
    for event in events:
        kind = member(event, "type")
        if kind in _TEXTS:
            index = member(event, "output_index")
            if _TEXTS[kind] in {"arguments", "input"} and index not in calls:
                raise KeyError(index)
            part = member(event, "content_index") if "summary" not in kind else member(event, "summary_index")
            key = (index, part, _TEXTS[kind])
            texts[key] = texts.get(key, "") + member(event, "delta")
        elif kind == "response.output_item.added":
            item = member(event, "item")
            if member(item, "type") in _CALLS:
                calls[member(event, "output_index")] = member(item, "name")
        elif kind in _ENDS:
            response = member(event, "response")
            end = (member(response, "status"), plain(member(response, "usage")))
        elif kind == "error":
            raise ClientError("error")
        elif kind == "response.failed":
            raise ClientError("failed")
    said = [(key, arguments(text) if key[2] == "arguments" else joined(text)) for key, text in texts.items()]
    return {"texts": said, "calls": list(calls.items()), "end": end}


def response_final(events: Iterable[Any]) -> dict[Any, Any]:
    """Who takes the answer from the last event."""
    final: Any = None
    for event in events:
        kind = member(event, "type")
        if kind in {"error", "response.failed"}:
            raise ClientError(kind)
        if kind in _ENDS:
            final = member(event, "response")
    if final is None:
        raise ClientError("no response.completed")
    output = [_item(item) for item in member(final, "output") or ()]
    return {"output": output, "end": (member(final, "status"), plain(member(final, "usage")))}


def _item(item: Any) -> Any:
    kind = member(item, "type")
    if kind == "message":
        return kind, [(member(part, "type"), member(part, "text"), member(part, "refusal")) for part in member(item, "content")]
    if kind == "reasoning":
        return kind, [member(part, "text") for part in member(item, "summary")]
    return kind, member(item, "name"), arguments(member(item, "arguments") or ""), member(item, "input")
