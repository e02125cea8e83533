"""ollama-python, with httpx's lines below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from honesty.clients.decoding import ClientError, member, parsed

_USAGE = ("total_duration", "prompt_eval_count", "eval_count")


def parts(body: bytes, broken: bool) -> Iterator[Any]:
    """The lines as they are handed out: every line is JSON, an empty one is none."""
    generate = body.count(b'"response"') > body.count(b'"message"')
    found = body.decode("utf-8", "replace").splitlines(keepends=True)
    if broken and found and not found[-1].endswith("\n"):
        found.pop()
    for line in found:
        part = parsed(line.splitlines()[0])
        if part.get("error"):
            raise ClientError("error")
        _validate(part, generate=generate)
        yield part | {"message": None} if generate else part
    if broken:
        raise ClientError("connection")


def _validate(part: dict[str, Any], *, generate: bool) -> None:
    """As its models do."""
    message = part.get("message")
    if generate:
        for name in ("response", "thinking"):
            _need(isinstance(part.get(name) or "", str))
    else:
        _need(isinstance(message, dict) and isinstance(message.get("role"), str))
        for name in ("content", "thinking"):
            _need(isinstance(message.get(name) or "", str))
        for call in message.get("tool_calls") or ():
            _need(isinstance(call["function"]["name"], str) and isinstance(call["function"]["arguments"], dict))
    _need(isinstance(part.get("done_reason") or "", str))
    for name in _USAGE:
        _need(isinstance(part.get(name) or 0, int))


def _need(holds: bool) -> None:
    if not holds:
        raise TypeError


def answer(parts: Iterable[Any]) -> dict[Any, Any]:
    """The loop that everybody writes, for chat and for generate."""
    said: dict[Any, Any] = {"content": "", "thinking": "", "calls": [], "stop": None, "usage": None}
    for part in parts:
        message = member(part, "message")
        if message is not None:
            said["content"] += member(message, "content") or ""
            said["thinking"] += member(message, "thinking") or ""
            for call in member(message, "tool_calls") or ():
                function = member(call, "function")
                said["calls"].append((member(function, "name"), dict(member(function, "arguments"))))
        else:
            said["content"] += member(part, "response") or ""
            said["thinking"] += member(part, "thinking") or ""
        if member(part, "done"):
            said["stop"] = member(part, "done_reason")
            said["usage"] = [member(part, name) for name in _USAGE]
    return said
