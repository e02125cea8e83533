"""A reader of answers of the tests' own: what a client has in its hands at the end of a stream, whatever the API.

It shares no line with the product: bodies are decoded by `streams.decode`, or as JSON lines, and their payloads by their shape.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import streams as s


@dataclass
class Reading:
    """An answer, or as much of it as came."""

    text: str = ""
    reasoning: str = ""
    tools: dict[Any, list[str]] = field(default_factory=dict)
    """Slot -> name and arguments."""
    stop: str | None = None
    failed: bool = False
    """An error event was among the events, in a shape that SDKs raise."""


def read(body: bytes, *, lines: bool = False) -> Reading:
    """The answer in a body of server-sent events, or of JSON lines."""
    values = [json.loads(line) for line in body.split(b"\n") if line.strip()] if lines else [v for _, v in s.decode(body)]
    reading = Reading()
    for value in values:
        if isinstance(value, dict):
            _read_error(reading, value)
            for reader in (_read_chat, _read_messages, _read_responses, _read_gemini, _read_ollama):
                reader(reading, value)
    return reading


def _read_error(reading: Reading, value: dict[str, Any]) -> None:
    reading.failed |= bool(value.get("error")) or value.get("type") in {"error", "response.failed"}


def _slot(reading: Reading, key: Any, name: str | None = None) -> list[str]:
    slot = reading.tools.setdefault(key, ["", ""])
    slot[0] += name or ""
    return slot


def _read_chat(reading: Reading, value: dict[str, Any]) -> None:
    for choice in value.get("choices") or ():
        delta = choice.get("delta") or {}
        reading.text += delta.get("content") or ""
        reading.reasoning += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls") or ():
            function = call.get("function") or {}
            _slot(reading, call.get("index"), function.get("name"))[1] += function.get("arguments") or ""
        if function := delta.get("function_call"):
            _slot(reading, "function_call", function.get("name"))[1] += function.get("arguments") or ""
        reading.stop = choice.get("finish_reason") or reading.stop


def _read_messages(reading: Reading, value: dict[str, Any]) -> None:
    match value:
        case {"type": "content_block_start", "index": index, "content_block": {"type": "tool_use", "name": name}}:
            _slot(reading, index, name)
        case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}:
            reading.text += text
        case {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": text}}:
            reading.reasoning += text
        case {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": text}}:
            _slot(reading, index)[1] += text
        case {"type": "message_delta", "delta": {"stop_reason": reason}}:
            reading.stop = reason or reading.stop


def _read_responses(reading: Reading, value: dict[str, Any]) -> None:
    match value:
        case {"type": "response.output_text.delta", "delta": text}:
            reading.text += text
        case {"type": "response.output_item.added", "output_index": index, "item": {"type": "function_call", "name": name}}:
            _slot(reading, index, name)
        case {"type": "response.function_call_arguments.delta", "output_index": index, "delta": text}:
            _slot(reading, index)[1] += text
        case {"type": "response.completed" | "response.incomplete", "response": {"status": status}}:
            reading.stop = status


def _read_gemini(reading: Reading, value: dict[str, Any]) -> None:
    for candidate in value.get("candidates") or ():
        for number, part in enumerate((candidate.get("content") or {}).get("parts") or ()):
            if call := part.get("functionCall"):
                key = (len(reading.tools), number)
                _slot(reading, key, call.get("name"))[1] += json.dumps(call.get("args"), sort_keys=True)
            elif part.get("thought"):
                reading.reasoning += part.get("text") or ""
            else:
                reading.text += part.get("text") or ""
        reading.stop = candidate.get("finishReason") or reading.stop


def _read_ollama(reading: Reading, value: dict[str, Any]) -> None:
    if "done" not in value:
        return
    message = value.get("message") or {}
    reading.text += (message.get("content") or "") + (value.get("response") or "")
    reading.reasoning += message.get("thinking") or ""
    for call in message.get("tool_calls") or ():
        _slot(reading, len(reading.tools), call["function"]["name"])[1] += json.dumps(call["function"]["arguments"], sort_keys=True)
    if value["done"]:
        reading.stop = value.get("done_reason") or "done"
