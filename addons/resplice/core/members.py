"""Changing members of a JSON object while every other byte of it stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed lacks it
from typing import Final

from resplice.core.payload import Json, scan_value

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
    found = [(at, end) for name, _, at, end in _members(text, _skip(text, 0)) if name == key]
    return found[-1] if found else None


def edited(payload: bytes, old: dict[str, Json], new: dict[str, Json]) -> bytes:
    """`payload`, one strict JSON object of the value `old`, so changed that its value is `new`.

    What `new` shares with `old`, the very same object at the same place, keeps its bytes: numbers that no Python float holds,
    escapes, blanks, keys that stand there twice. Only the rest is written anew.

    Raises:
        ValueError: what is to be written anew has no form in JSON (an infinity), or is nested too deeply to be read or written.

    """
    try:
        return _edited(payload.decode(), _skip(payload.decode(), 0), old, new).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _edited(text: str, start: int, old: Json, new: Json) -> str:
    if new is old:
        return text[start : scan_value(text, start)[1]]
    if type(old) is dict and type(new) is dict:
        return _edited_object(text, start, old, new)
    if type(old) is list and type(new) is list:
        return _edited_array(text, start, old, new)
    return json.dumps(new, separators=(",", ":"), allow_nan=False)


def _edited_object(text: str, start: int, old: dict[str, Json], new: dict[str, Json]) -> str:
    members = list(_members(text, start))
    last = {name: number for number, (name, *_) in enumerate(members)}
    parts = []
    for number, (name, begin, at, end) in enumerate(members):
        if name in new and new[name] is old[name]:
            parts.append(text[begin:end])
        elif name in new and number == last[name]:
            parts.append(text[begin:at] + _edited(text, at, old[name], new[name]))
    for name, value in new.items():
        if name not in last:
            parts.append(f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'), allow_nan=False)}")
    return "{" + ",".join(parts) + "}"


def _edited_array(text: str, start: int, old: list[Json], new: list[Json]) -> str:
    """Elements of the old list wherever they stand in the new one; others are taken for what became of the one in their place."""
    begins = list(_elements(text, start))
    places: dict[int, int] = {}
    for number, before in enumerate(old):
        places.setdefault(id(before), number)
    parts = []
    for number, value in enumerate(new):
        place = number if number < len(old) and old[number] is value else places.get(id(value), number)
        if place < len(old):
            parts.append(_edited(text, begins[place], old[place], value))
        else:
            parts.append(json.dumps(value, separators=(",", ":"), allow_nan=False))
    return "[" + ",".join(parts) + "]"


def _elements(text: str, start: int) -> Iterator[int]:
    """Where each element of the array at `start` begins."""
    pos = _skip(text, start + 1)
    while text[pos] != "]":
        yield pos
        pos = _skip(text, scan_value(text, pos)[1])
        if text[pos] == ",":
            pos = _skip(text, pos + 1)


def _members(text: str, start: int) -> Iterator[tuple[str, int, int, int]]:
    """Of each member of the object at `start`: its name, where the name begins, where its value does, and where that ends."""
    pos = _skip(text, start + 1)
    while text[pos] == '"':
        name, behind = scanstring(text, pos + 1)
        at = _skip(text, _skip(text, behind) + 1)
        end = scan_value(text, at)[1]
        yield name, pos, at, end
        pos = _skip(text, end)
        if text[pos] == ",":
            pos = _skip(text, pos + 1)


def _skip(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    return match.end() if match else pos
