"""The sequence numbers of a response's events: what they prove, and how they go on where events are added or dropped."""

from __future__ import annotations

import marshal
import zlib
from collections import deque
from collections.abc import Iterable
from itertools import count, repeat
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken, Mended

type Payload = dict[str, Json]

type About = tuple[Json, ...]
type Said = tuple[About, Json]

_SECOND: Final = 2
_MAX_KEPT: Final = 64
_PLAIN_FORM: Final = 0
"""The form of `marshal` in which equal values are equal bytes: it refers to no value that came before."""


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
        self._gaps = False
        self._said: deque[tuple[int, About, Json]] = deque(maxlen=_MAX_KEPT)
        """The numbers of the last events, and what each was about and said; a text as str or as UTF-8."""

    @property
    def following(self) -> int:
        """The number that the next event has, if none is missing."""
        return 0 if self.last is None else self.last + 1

    @property
    def counts(self) -> bool:
        """Numbers came, and so far each was the next one."""
        return self._counts and self._seen >= _SECOND and not self._gaps

    def follow(self, about: About, texts: Iterable[bytes]) -> None:
        """Take note of events that were the last one again but for their texts (UTF-8), and had the numbers that follow."""
        self.free = 0
        self._said.extend(zip(count(self.following), repeat(about), texts))
        self.last = self._said[-1][0]

    def see(self, value: Payload, about: About) -> Mended | Broken | None:
        """The next event."""
        number = value.get("sequence_number")
        if type(number) is not int or not self._counts:
            return None
        last, self.free = self.last, 0
        said = _said(value, about)
        if last is not None and number <= last:
            if self._kept(number) == said:
                return Mended((), Kind.EVENT_TWICE, f"event {number} comes twice")
            if self._seen >= _SECOND:
                return Broken(Kind.CONTRADICTION, f"event {number} stands behind event {last}")
            self._counts = False  # this upstream writes numbers, but does not count
        elif last is not None and number > last + 1:
            self.free = number - last - 1
            self._gaps = True
        self._seen += 1
        self._keep(number, said)
        return None

    def _keep(self, number: int, said: Said) -> None:
        self.last = number
        self._said.append((number, *said))

    def _kept(self, number: int) -> Said | None:
        """What the event of that number said, if it is known."""
        for kept, about, text in reversed(self._said):
            if kept == number:
                return about, text.decode() if type(text) is bytes else text
        return None


def _said(value: Payload, about: About) -> Said:
    delta = value.get("delta")
    if type(delta) is str:
        return about, delta
    try:
        return about, zlib.crc32(marshal.dumps(value, _PLAIN_FORM))
    except ValueError:  # nested too deeply
        return about, None
