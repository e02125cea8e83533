"""Telling at a glance that a frame is the last one again, but for its text.

A long answer is thousands of frames that differ in one string and perhaps a counter. Once a frame has been checked strictly,
another one that has the same bytes around those holes, plain characters in the string and a plain number in the counter, is
strict JSON of the same shape by construction: to check it again would prove nothing. One regular expression match then
takes the place of the JSON scan and of reading the value; whatever does not match is checked in full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

_MAX_FRAME: Final = 2048
"""Larger frames are not learnt from: they don't come in thousands."""


class Hole(Enum):
    """What may differ between two frames of one shape."""

    TEXT = auto()
    """The string that the answer grows by."""
    COUNTER = auto()
    """A number that is one higher in each event."""
    NOISE = auto()
    """A string that nobody reads."""


_PLAIN: Final = rb'"([ !#-\[\]-~]*)"'
"""A JSON string of printable ASCII without escapes: as many characters as bytes."""
_TEXT: Final = _PLAIN.replace(b"*", b"+")
"""As above, and not empty: a frame without text may be a keepalive, which deserves a closer look."""
_COUNT: Final = rb"(0|[1-9][0-9]{0,14})"
_FORMS: Final = {Hole.TEXT: _TEXT, Hole.NOISE: _PLAIN, Hole.COUNTER: _COUNT}


class Echo(NamedTuple):
    """The shape of a frame that was checked strictly."""

    pattern: re.Pattern[bytes]
    text: int
    """Number of the group that holds the text."""
    counter: int
    """Number of the group that holds the counter; 0 if there is none."""


def learn(raw: bytes, holes: Mapping[bytes, Hole]) -> tuple[Echo, int] | None:
    """The shape of `raw`, one healthy frame, and the length of its text in bytes; None if it has no text, or not in a plain form.

    `holes` names the members that may differ. Each may stand in the frame once at the most, wherever.
    """
    if len(raw) > _MAX_FRAME:
        return None
    found: list[tuple[int, int, Hole]] = []
    for key, hole in holes.items():
        name = b'"' + key + b'"'
        if name not in raw:
            continue
        match = re.search(re.escape(name) + rb": ?" + _FORMS[hole], raw)
        if match is None or raw.count(name) != 1:
            return None
        found.append((match.start(1), match.end(1), hole))
    found.sort()
    kinds = [hole for _, _, hole in found]
    if kinds.count(Hole.TEXT) != 1 or kinds.count(Hole.COUNTER) > 1:
        return None
    start, end, _ = found[kinds.index(Hole.TEXT)]
    counter = kinds.index(Hole.COUNTER) + 1 if Hole.COUNTER in kinds else 0
    return Echo(re.compile(_pattern(raw, found)), kinds.index(Hole.TEXT) + 1, counter), end - start


def _pattern(raw: bytes, found: list[tuple[int, int, Hole]]) -> bytes:
    parts: list[bytes] = []
    at = 0
    for start, end, hole in found:
        parts += re.escape(raw[at:start]), _FORMS[hole].strip(b'"')
        at = end
    return b"".join([*parts, re.escape(raw[at:])])
