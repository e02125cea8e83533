"""Changing one member of a JSON object while every other byte stays as it is."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed lacks it
from typing import Final

from resplice.core.payload import scan_once

_BLANKS: Final = re.compile(r"[ \t\r\n]*")


def replace_member(payload: bytes, key: str, value: str) -> bytes | None:
    """`payload`, one strict JSON object, with the string `value` at its top-level `key`; None if it has no such key.

    Of a key that stands there twice the last is changed: the one that parsers report.
    """
    text = payload.decode()
    span = _find(text, key)
    if span is None:
        return None
    start, end = span
    return (text[:start] + json.dumps(value) + text[end:]).encode()


def _find(text: str, key: str) -> tuple[int, int] | None:
    found = None
    pos = _skip(text, _skip(text, 0) + 1)
    while text[pos] == '"':
        name, pos = scanstring(text, pos + 1)
        start = _skip(text, _skip(text, pos) + 1)
        _, end = scan_once(text, start)
        if name == key:
            found = start, end
        pos = _skip(text, end)
        if text[pos] != ",":
            break
        pos = _skip(text, pos + 1)
    return found


def _skip(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    return match.end() if match else pos
