"""ollama-python, with httpx's lines below it."""

from __future__ import annotations

from typing import Any

from honesty.clients.decoding import ClientError, parsed

_USAGE = ("total_duration", "prompt_eval_count", "eval_count")


def read(body: bytes, broken: bool) -> dict[Any, Any]:
    """The loop that everybody writes, for chat and for generate."""
    answer: dict[Any, Any] = {"content": "", "thinking": "", "calls": [], "stop": None, "usage": None}
    found = body.decode("utf-8", "replace").splitlines(keepends=True)
    if broken and found and not found[-1].endswith("\n"):
        found.pop()
    for line in found:
        _add(answer, parsed(line.splitlines()[0]))
    if broken:
        raise ClientError("connection")
    return answer


def _add(answer: dict[Any, Any], part: Any) -> None:
    if part.get("error"):
        raise ClientError("error")
    message = part.get("message")
    if message is not None:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise TypeError(message)
        answer["content"] += message.get("content") or ""
        answer["thinking"] += message.get("thinking") or ""
        for call in message.get("tool_calls") or ():
            function = call["function"]
            answer["calls"].append((function["name"], dict(function["arguments"])))
    elif "response" in part:
        answer["content"] += part["response"] or ""
    else:
        raise KeyError("message")
    if part.get("done"):
        answer["stop"] = part.get("done_reason")
        answer["usage"] = [part.get(name) for name in _USAGE]
