"""What the writer of a stream does, as far as it has shown: the ground on which one reading is told from another.

Observed where events are read line by line, and asked there. Frames that are healthy at a glance show the same habit each time, one
prefix with one blank, so that the first of them is enough.
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.heartbeat import Heartbeats

_MAX_SAMPLE: Final = 8192
_WORD: Final = re.compile(rb'"([^"\\\s]{1,128})"')


class Writer:
    """Habits of one stream's writer."""

    def __init__(self) -> None:
        self.comments = Heartbeats()
        """The comments that it has sent whole."""
        self.spaced: bool | None = None
        """It puts a blank behind `data:`. None: it has not shown, or has done both."""
        self._mixed = False
        self.doubled: bool | None = None
        """It writes every prefix twice. None: no prefix came yet."""
        self.splits = False
        """It has spread a value over several frames, at a place where nothing else can be meant."""
        self._first: bytes | None = None

    @property
    def is_odd(self) -> bool:
        """It has habits that a glance at a healthy frame would not see."""
        return self.doubled is not False or self.spaced is False

    def wrote_prefix(self, *, spaced: bool, doubled: bool) -> None:
        """A payload came behind a `data:` prefix."""
        self.doubled = doubled if self.doubled is None else self.doubled and doubled
        self._mixed |= self.spaced is not None and self.spaced is not spaced
        self.spaced = None if self._mixed else spaced

    def wrote_frame(self, raw: bytes) -> None:
        """A whole frame came. The first one is kept, for it names what all others name again."""
        if self._first is None:
            self._first = raw[:_MAX_SAMPLE]

    def wrote_healthy(self, raw: bytes) -> None:
        """A whole frame came that is healthy at a glance."""
        self.wrote_prefix(spaced=True, doubled=False)
        self.wrote_frame(raw)

    def has_said(self, word: bytes) -> bool:
        """Whether the first frame holds this word, whole and in quotes."""
        return word in _WORD.findall(self._first or b"")
