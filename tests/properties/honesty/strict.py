"""Whether a body is a healthy stream by strict rules, of this or of another answer: then nothing in it tells that it was damaged.

Strict is: the form that one writer keeps to, only members and words that the healthy streams of the API have, and everything
that is said twice said alike. It shares no line with the product, and knows nothing of how a body was damaged.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from honesty import strict_apis
from honesty.clients.bedrock import messages
from honesty.clients.decoding import parsed
from honesty.healthy import streams

_OPAQUE: Final = {"args", "arguments", "input", "metadata"}
"""What is in there is the model's own."""
_WORDS: Final = {
    "type", "object", "role", "finish_reason", "finishReason", "stop_reason", "stopReason", "status", "done_reason", "done",
}  # fmt: skip
"""Members that hold one word of the API."""
_FRAME: Final = re.compile(r"(?:event:( ?)(?P<name>[^\n]*)\n)?data:( ?)(?P<data>[^\n]*)\n")
_COMMENT: Final = re.compile(r"(?::[^\n]*\n)+")


class FlawError(Exception):
    """Something tells."""


def is_healthy(api: str, body: bytes) -> bool:
    """Whether nothing tells."""
    try:
        strict_apis.CHECKS[api](_payloads(api, body))
    except Exception:  # noqa: BLE001 - a flaw, or so damaged that a check falls over it
        return False
    return True


def _payloads(api: str, body: bytes) -> list[tuple[str | None, Any]]:
    """(Event name, payload) of everything but keepalives, in the form of the API."""
    if api == "gemini-array":
        found = [(None, value) for value in parsed(body.decode())]
    elif api == "ollama":
        text = body.decode()
        if not text.endswith("\n"):
            raise FlawError
        found = [(None, parsed(line)) for line in text[:-1].split("\n")]
    elif api == "bedrock-converse":
        found = [(headers[":event-type"], parsed(payload.decode())) for headers, payload in messages(body, whole=True)]
    else:
        found = _events(body)
    known = _vocabulary(api)
    for _, value in found:
        if value is not None and _shape(value) - known:
            raise FlawError
    return found


def _events(body: bytes) -> list[tuple[str | None, Any]]:
    text = body.decode()
    if "\r" in text:
        if text.count("\r\n") != text.count("\n") or text.count("\r") != text.count("\n"):
            raise FlawError
        text = text.replace("\r\n", "\n")
    if not text.endswith("\n\n") or "\0" in text or text[0] == "\ufeff":
        raise FlawError
    found: list[tuple[str | None, Any]] = []
    blanks: set[str] = set()
    for frame in re.split("\n{2,}", text.strip("\n")):
        if _COMMENT.fullmatch(frame + "\n"):
            continue
        match = _FRAME.fullmatch(frame + "\n")
        if not match:
            raise FlawError
        blanks.update(blank for blank in match.group(1, 3) if blank is not None)
        data = match["data"]
        value = None if data == "[DONE]" else parsed(data)
        if not _is_keepalive(match["name"], value):
            found.append((match["name"], value))
    if len(blanks) > 1:
        raise FlawError
    return found


def _is_keepalive(name: str | None, value: Any) -> bool:
    if value in ({}, {"type": "ping"}):
        return name in {None, "ping"}
    return isinstance(value, dict) and value.get("id") == "chatcmpl-keepalive"


@cache
def _vocabulary(api: str) -> frozenset[tuple[Any, ...]]:
    """Every path in the payloads of the API's healthy streams, with the type, or the word, that is there."""
    shapes: set[tuple[Any, ...]] = set()
    for stream in streams().values():
        if stream.api == api:
            found = _raw_payloads(stream.api, stream.body)
            for value in found:
                shapes |= _shape(value)
    return frozenset(shapes)


def _raw_payloads(api: str, body: bytes) -> list[Any]:
    if api == "gemini-array":
        return list(parsed(body.decode()))
    if api == "ollama":
        return [parsed(line) for line in body.decode().split("\n") if line]
    if api == "bedrock-converse":
        return [parsed(payload.decode()) for _, payload in messages(body, whole=True)]
    return [value for _, value in _events(body) if value is not None]


def _shape(value: Any, path: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    """Every member's path with its type."""
    if isinstance(value, dict):
        found = {(*path, "{}")}
        for key, inner in value.items():
            if key in _OPAQUE and isinstance(inner, dict):
                found.add((*path, key, "{}"))
            else:
                found |= _shape(inner, (*path, key))
        return found
    if isinstance(value, list):
        found = {(*path, "[]")}
        for inner in value:
            found |= _shape(inner, path)
        return found
    if path and path[-1] in _WORDS and value is not None:
        return {(*path, "=", value)}
    kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    return {(*path, kind)}
