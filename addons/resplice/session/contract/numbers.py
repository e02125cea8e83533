"""The sequence numbers of a response's events: what they prove, and how they go on where events are added or dropped."""

from __future__ import annotations

import json
import zlib
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken, Mended

type Payload = dict[str, Json]

type About = tuple[Json, ...]
type Said = tuple[About, Json]

_SECOND: Final = 2
_MAX_KEPT: Final = 64


class Numbers:
    """Follows them. A gap alone proves nothing: gateways that filter leave some."""

    def __init__(self) -> None:
        self.last: int | None = None
        self.free = 0
        """So many numbers are free in front of the last event."""
        self.shift = 0
        """By how much our numbers of events are ahead of the upstream's."""
        self._seen = 0
        self._counts = True
        self._said: dict[int, Said] = {}
        """What the last events said, by their numbers."""

    def is_next(self, number: Json, about: About, text: Json) -> bool:
        """Take note of an event that is the last one again but for its text, if it has the number that follows."""
        if number is not None:
            if number != (-1 if self.last is None else self.last) + 1:
                return False
            self.free = 0
            self._keep(number, (about, text))
        return True

    def see(self, value: Payload, about: About) -> Mended | Broken | None:
        """The next event."""
        number = value.get("sequence_number")
        if type(number) is not int or not self._counts:
            return None
        last, self.free = self.last, 0
        said = _said(value, about)
        if last is not None and number <= last:
            if self._said.get(number) == said:
                return Mended((), Kind.EVENT_TWICE, f"event {number} comes twice")
            if self._seen >= _SECOND:
                return Broken(Kind.CONTRADICTION, f"event {number} stands behind event {last}")
            self._counts = False  # this upstream writes numbers, but does not count
        elif last is not None and number > last + 1:
            self.free = number - last - 1
        self._seen += 1
        self._keep(number, said)
        return None

    def _keep(self, number: int, said: Said) -> None:
        self.last = number
        self._said[number] = said
        if len(self._said) > _MAX_KEPT:
            del self._said[next(iter(self._said))]


def _said(value: Payload, about: About) -> Said:
    delta = value.get("delta")
    if type(delta) is str:
        return about, delta
    try:
        return about, zlib.crc32(json.dumps(value).encode())
    except RecursionError:
        return about, None
