"""Looks at the first events of a stream that nobody asked for, while every byte of it passes.

If one of them has the full signature of an API, broken framing behind it may be mended. A stream that has shown none after a few
events is let go, and costs nothing from then on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from resplice.core.framer import SseFramer
from resplice.core.items import Filler, Frame
from resplice.dialects import BUILT_IN, Dialect, Dialects

_MAX_EVENT: Final = 256 * 1024
"""An event larger than this is not looked at."""
_PATIENCE: Final = 64
_EVENT, _FILLER = 8, 1
"""What an event, and a comment, cost of that patience."""


class Seen(NamedTuple):
    """An event that proves an API."""

    dialect: Dialect
    frame: Frame
    end: int
    """Where in the data at hand it ends."""


class Scout:
    """Reads along."""

    def __init__(self, among: Dialects) -> None:
        self._among = among
        self._framer = SseFramer(_MAX_EVENT)
        self._came = 0
        self._patience = _PATIENCE
        self.frames = 0
        """How many events were seen."""

    @property
    def over(self) -> bool:
        """There is no point in looking further."""
        return self._patience <= 0

    def look(self, data: bytes) -> Seen | None:
        """Look at the next bytes. An event counts if it is healthy, and complete with these."""
        base = self._came
        self._came += len(data)
        for item in self._framer.receive_data(data):
            self._patience -= _FILLER if isinstance(item, Filler) else _EVENT
            if isinstance(item, Frame):
                self.frames += 1
                found = None if item.kinds else self._among.for_frame(item.value, item.event)
                end = item.offset + len(item.raw) - base
                if found is not None and end > 0:
                    return Seen(found, item, end)
            if self.over:
                break
        return None


def dialect_of(body: bytes, among: Dialects = BUILT_IN) -> Dialect | None:
    """The dialect of a recorded event stream of which no request is known, by its first event that is of any."""
    framer = SseFramer(_MAX_EVENT)
    for item in framer.receive_data(body[:_MAX_EVENT]) + framer.receive_data(b""):
        found = among.resembling(item.value, item.event) if isinstance(item, Frame) else None
        if found is not None:
            return found
    return None
