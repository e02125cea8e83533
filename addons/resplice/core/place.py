"""Where in a JSON value its bytes break off: in a key, in a string and whose, in a number, between two tokens."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|"', re.DOTALL)
_REGION: Final = re.compile(rb"[ \t]*+(:?)[ \t]*+(?:[-+.\deE]++|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?)?[ \t]*+")


class Where(Enum):
    """What kind of place it is."""

    BETWEEN = auto()
    """Outside of strings: between two tokens, or in a number or a word of JSON itself."""
    KEY = auto()
    STRING = auto()
    WHOLE = auto()
    """The value is complete."""


class Place(NamedTuple):
    """A place in a JSON value."""

    where: Where
    start: int
    """Where the string's content begins, or what follows the last token."""
    key: bytes = b""
    """In a string: the key whose value it is, or is in."""
    behind_key: bool = False
    """Behind a key; its colon, if it came, begins what follows the last token."""


def locate(value: bytes) -> Place:
    """The place at the end of `value`, which begins a JSON object or array."""
    parents: list[tuple[int, bytes]] = []
    key, start, expects_key, behind_key, colon = b"", 0, False, False, False
    for found in _TOKEN.finditer(value):
        token = found[0]
        if token == b":":
            if not behind_key or colon:
                break  # it is no JSON from here on
            start, colon, expects_key = found.start(), True, False
            continue
        start = found.end()
        if token == b'"':
            return Place(Where.KEY if expects_key else Where.STRING, start, key)
        behind_key = colon = False
        if token.startswith(b'"'):
            behind_key = expects_key
            key = token[1:-1] if expects_key else key
        elif token in b"{[":
            parents.append((token[0], key))
            expects_key = token == b"{"
        elif token in b"}]":
            if len(parents) < 2:  # noqa: PLR2004 - the outermost closes
                return Place(Where.WHOLE, start)
            key = parents.pop()[1]
            expects_key = False
        else:
            expects_key = bool(parents) and parents[-1][0] == 0x7B  # noqa: PLR2004 - a brace
    return Place(Where.BETWEEN, start, key, behind_key)


def comment_at(value: bytes, place: Place, rest: bytes) -> int | None:
    """Where, outside of strings, what is no JSON begins with a colon; `rest` is what follows. None: nowhere."""
    region = value[place.start :]
    found = _REGION.match(region)
    if found is None:
        return None
    colon = found[1] if place.behind_key else b""
    end = found.end() if place.behind_key or not found[1] else found.start(1)
    if region[end : end + 1] == b":":
        return place.start + end
    if colon and (end < len(region) or rest.lstrip(b" \t").startswith(b":")):
        return place.start + found.start(1)
    return None
