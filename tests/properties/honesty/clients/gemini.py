"""Google's SDKs, and who reads the array as what it is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from honesty.clients.decoding import ClientError, lines, parsed, parsed_js

_END_OF_EVENT = re.compile("\n\n|\r\r|\r\n\r\n")
_PLAIN = re.compile(r'[{}"]')
_USAGE = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount")
_URLSAFE = str.maketrans("-_", "+/")
_JS_BLANKS = " \t\n\r\v\f\ufeff\u00a0\u2028\u2029"


class _Raw:
    """Lines without `data: `, until their braces balance."""

    def __init__(self) -> None:
        self.held = ""
        self.depth = 0
        self.in_string = self.escaped = False

    def add(self, line: str) -> str | None:
        for char in line:
            if self.in_string:
                if self.escaped:
                    self.escaped = False
                elif char == "\\":
                    self.escaped = True
                elif char == '"':
                    self.in_string = False
            elif char == '"':
                self.in_string = True
            elif char == "{":
                self.depth += 1
            elif char == "}":
                self.depth -= 1
        self.held += line
        return self.flush() if self.depth == 0 else None

    def flush(self) -> str:
        held = self.held
        self.held, self.depth, self.in_string, self.escaped = "", 0, False, False
        return held


def python(body: bytes, broken: bool) -> Iterator[Any]:
    """google-genai: nothing but `data: `, everything else is JSON of its own."""
    for text in _python_texts(body, broken):
        value = parsed(text)
        if json.dumps(value).startswith('{"error":'):
            raise ClientError("error")
        yield value


def _python_texts(body: bytes, broken: bool) -> Iterator[str]:
    raw, data = _Raw(), []
    found = lines(body)
    last = found.pop()
    for line in (one.decode("utf-8", "replace") for one in ([*found, last] if last and not broken else found)):
        if not line:
            if data:
                yield "\n".join(data)
                data = []
        elif line.startswith("data: "):
            data.append(line[6:])
        elif (text := raw.add(line)) is not None:
            yield text
    if broken:
        raise ClientError("connection")
    if rest := raw.flush():
        yield rest
    if data:
        yield "\n".join(data)


def node(body: bytes, broken: bool) -> Iterator[Any]:
    """@google/genai: what does not begin with `data:` between two blank lines is skipped."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    _throw_if_error(text)
    *found, rest = _END_OF_EVENT.split(text)
    for event in found:
        trimmed = event.strip(_JS_BLANKS)
        if trimmed.startswith("data:"):
            inner = trimmed[5:].strip(_JS_BLANKS)
            _throw_if_error(inner)
            yield parsed_js(inner)
    if broken or rest.strip(_JS_BLANKS):
        raise ClientError("incomplete")


def _throw_if_error(text: str) -> None:
    if '"error"' not in text:
        return
    try:
        value = parsed_js(text)
    except ValueError:
        return
    error = value.get("error") if isinstance(value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int | float) and 400 <= code < 600:
        raise ClientError("error")


def whole(body: bytes, broken: bool) -> Iterator[Any]:
    """One JSON array."""
    if broken:
        raise ClientError("connection")
    value = parsed(body.decode())
    if not isinstance(value, list):
        raise ClientError("no array")
    for one in value:
        if one.get("error"):
            raise ClientError("error")
        yield one


def contents(chunks: Iterable[Any], *, strict: bool = True) -> dict[Any, Any]:
    """The loop that everybody writes; the types are checked first where the SDK does so."""
    candidates: dict[Any, dict[str, Any]] = {}
    usage: Any = None
    for chunk in chunks:
        if not isinstance(chunk, dict):
            if strict:
                raise TypeError(chunk)
            continue
        if counts := chunk.get("usageMetadata"):
            usage = {name: counts[name] for name in counts if name in _USAGE}
        for candidate in chunk.get("candidates") or ():
            if strict:
                _validate(candidate)
            slot = candidates.setdefault(candidate.get("index") or 0, {"parts": [], "finish": None})
            slot["finish"] = candidate.get("finishReason") or slot["finish"]
            for part in (candidate.get("content") or {}).get("parts") or ():
                _add(slot["parts"], part)
    return {"usage": usage} | {index: (slot["parts"], slot["finish"]) for index, slot in candidates.items()}


def _add(parts: list[Any], part: dict[str, Any]) -> None:
    signature = part.get("thoughtSignature")
    if call := part.get("functionCall"):
        parts.append(["call", call.get("name"), call.get("args"), signature])
        return
    kind = "thought" if part.get("thought") else "text"
    text = part.get("text") or ""
    if parts and parts[-1][0] == kind and not signature:
        parts[-1][1] += text
    elif text or signature:
        parts.append([kind, "" + text, signature])


def _validate(candidate: Any) -> None:
    if not isinstance(candidate, dict) or not isinstance(candidate.get("content") or {}, dict):
        raise TypeError(candidate)
    for part in (candidate.get("content") or {}).get("parts") or ():
        if (
            not isinstance(part, dict)
            or not isinstance(part.get("text") or "", str)
            or not isinstance(part.get("thought") or False, bool)
        ):
            raise TypeError(part)
        if signature := part.get("thoughtSignature"):
            base64.b64decode(signature.translate(_URLSAFE), validate=True)
        call = part.get("functionCall") or {}
        if not isinstance(call, dict) or not isinstance(call.get("args") or {}, dict):
            raise TypeError(call)
