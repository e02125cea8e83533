"""The sequence numbers of a response's events: what they prove, and how they go on where events are added or dropped."""

from __future__ import annotations

from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken, Mended

type Payload = dict[str, Json]

_SECOND: Final = 2


class Numbers:
    """Follows them. A gap alone proves nothing: gateways that filter leave some."""

    def __init__(self) -> None:
        self.last: int | None = None
        self.gap = False
        """Numbers were left out."""
        self.free = 0
        """So many numbers are free in front of the last event."""
        self.shift = 0
        """By how much our numbers of events are ahead of the upstream's."""
        self._seen = 0
        self._counts = True
        self._value: Payload | None = None
        self._text: Json = None

    def is_next(self, number: Json, text: Json) -> bool:
        """Take note of an event that is the last one again but for its text, if it has the number that follows."""
        if number is not None and number != (-1 if self.last is None else self.last) + 1:
            return False
        if number is not None:
            self.last, self.free = number, 0
        self._value, self._text = None, text
        return True

    def see(self, value: Payload, *, again: bool) -> Mended | Broken | None:
        """The next event; `again`: it is the last one again but, perhaps, for its text."""
        number = value.get("sequence_number")
        if type(number) is not int or not self._counts:
            return None
        last, self.free = self.last, 0
        if last is not None and number <= last:
            same = value == self._value or (again and self._value is None and value.get("delta") == self._text)
            if number == last and same:
                return Mended((), Kind.EVENT_TWICE, f"event {number} comes twice")
            if self._seen >= _SECOND:
                return Broken(Kind.CONTRADICTION, f"event {number} stands behind event {last}")
            self._counts = False  # this upstream writes numbers, but does not count
        elif last is not None and number > last + 1:
            self.gap, self.free = True, number - last - 1
        self._seen += 1
        self.last, self._value = number, value
        return None
