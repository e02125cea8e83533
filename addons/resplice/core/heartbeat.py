"""Telling a heartbeat comment, written into a frame by a second writer, from text."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple

KEEPALIVE_NAMES: Final = frozenset({"ping", "keepalive", "keep-alive", "keep_alive", "heartbeat"})
"""Names, in lower case, that servers give to events which say nothing but that they live."""
_MAX_SHAPES: Final = 16
MAX_COMMENT: Final = 256
_WORDS: Final = (
    rb"keep[-_ ]?alive|heart[-_ ]?beat|ping|pong|hb|beat|alive|noop|no-op|waiting|"
    rb"OPENROUTER PROCESSING|processing|still (?:alive|working|processing)"
)
_VOCABULARY: Final = re.compile(rb":[ \t]?(?:" + _WORDS + rb")(?:[ \t]*[-\d:.,/+#()TZ][-\d:.,/+#() TZ]*)?$", re.IGNORECASE)
"""Comments that servers and gateways are known to send, perhaps with a time or a count behind them."""
_ANY_COMMENT: Final = re.compile(rb":[^\"\\{}\[\]]{0,128}$")
_DIGITS: Final = re.compile(rb"\d+")


_MAX_PING: Final = 128
_RUNS: Final = re.compile(rb"[A-Za-z_-]+")


def is_damaged_ping(event: str | None, raw: bytes) -> bool:
    """Whether an event's bytes, all of them, are nothing but the remains of a keepalive: `event: ping`, `data: {"type": "ping"}`.

    Every other event of every API has a word in it that is no part of these, an index for one.
    """
    if event is None or event.lower() not in KEEPALIVE_NAMES or len(raw) > _MAX_PING:
        return False
    words = (b"event", b"data", b"type" + event.encode())
    return all(any(_is_left_of(word, run) for word in words) for run in _RUNS.findall(raw))


def _is_left_of(word: bytes, run: bytes) -> bool:
    """Whether a run of letters is what is left of a word of which some were lost."""
    letters = iter(word)
    return all(letter in letters for letter in run)


class Evidence(Enum):
    """Why a tail is taken for a heartbeat."""

    SEEN = auto()
    """This stream has sent the same comment where a comment may stand."""
    KNOWN = auto()
    """It is in the vocabulary of servers and gateways."""
    POSSIBLE = auto()
    """It merely has a comment's form: as likely text."""


class Tail(NamedTuple):
    """The end of a line that may be a heartbeat: the bytes from `start` on."""

    start: int
    evidence: Evidence


class Heartbeats:
    """Remembers the comments that a stream has sent cleanly, and finds them at the end of torn lines."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, re.Pattern[bytes]] = {}

    def saw(self, comment: bytes) -> None:
        """Remember a comment line (without its line end) that stood where a comment may stand. Digits in it may vary."""
        if len(comment) > MAX_COMMENT or len(self._shapes) >= _MAX_SHAPES:
            return
        shape = _DIGITS.sub(b"0", comment)
        if shape not in self._shapes:
            self._shapes[shape] = re.compile(_DIGITS.sub(rb"\\d+", re.escape(shape)) + b"$")

    def tail(self, line: bytes | bytearray) -> Tail | None:
        """The heartbeat that a line ends with, by the strongest evidence there is."""
        end = bytes(line[-MAX_COMMENT:])
        before = len(line) - len(end)
        for pattern in self._shapes.values():
            if found := pattern.search(end):
                return Tail(before + found.start(), Evidence.SEEN)
        if found := _VOCABULARY.search(end):
            return Tail(before + found.start(), Evidence.KNOWN)
        if found := _ANY_COMMENT.search(end):
            return Tail(before + found.start(), Evidence.POSSIBLE)
        return None
