"""Streams in which every event comes twice: text that says everything twice, and nothing else would tell."""

from __future__ import annotations

from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken

_MAX_PAIRS: Final = 8
"""So many pairs of mere content are a text that repeats itself."""
TWICE: Final = Broken(Kind.EVENTS_DOUBLED, "every event came twice, or the answer says everything twice")


class Doubled:
    """Compares the events at the beginning of a stream, two by two; the first pair that differs ends it."""

    def __init__(self) -> None:
        self.watches = True
        self._first: dict[str, Json] | None = None
        self.pairs = 0
        """So many have come."""
        self._marked = False
        """A start or a stop came twice."""
        self._said = False

    def sees(self, value: dict[str, Json], *, says: bool, marks: bool) -> bool:
        """Take note of the next event: it `says` something, or `marks` start or stop. True: all have come twice, of both."""
        if self._first is None:
            self._first = value
            return False
        self.watches = value == self._first
        self._first = None
        self.pairs += 1
        self._said |= says
        self._marked |= marks
        doubled = self.watches and self._said and self._marked
        self.watches = self.watches and (self._marked or self.pairs < _MAX_PAIRS)
        return doubled
