"""A text of which an event was lost: nothing more of it goes out until it is said again, and proves what the event said."""

from __future__ import annotations

import zlib
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken
from resplice.session.contract.parts import CALLS, MEMBERS, TEXTS, Payload, part_of
from resplice.session.contract.spoken import Key, Spoken
from resplice.session.contract.surrogates import is_whole
from resplice.session.contract.work import Work

_ARGUMENTS: Final = frozenset(name for name, _ in CALLS.values())
_WAITS: Final = "what a text goes on with behind a lost event is told when the text is said again"


class Missed:
    """Follows one response from such a loss to the `.done` of the text."""

    def __init__(self, spoken: Spoken) -> None:
        self._spoken = spoken
        self.open: Key | None = None
        """The text that the last event was about, if it goes on."""
        self.text: Key | None = None
        """The text that waits."""
        self._broken = Broken(Kind.TRUNCATED_JSON, "")
        self._missing = 0
        """So many sequence numbers did not come since."""
        self._length = self._checksum = 0
        """Of what came behind the loss."""

    def begin(self, kind: Kind, why: str) -> bool:
        """An event can't be read. False: it can't have been a piece of a text that will be said again."""
        if self.open is None or self.text is not None or self._spoken.text(self.open) is None:
            return False
        self.text, self._broken = self.open, Broken(kind, why)
        self._missing = self._length = self._checksum = 0
        return True

    def see(self, kind: str, value: Payload, index: int | None) -> None:
        """The next event, which fits."""
        name, _, last = kind.rpartition(".")
        self.open = None
        if index is None:
            return
        if last == "delta" and name in MEMBERS:
            self.open = (index, name, part_of(value))
        elif kind == "response.output_item.added" and (call := _type_of(value.get("item"))) in CALLS:
            self.open = (index, CALLS[call][0], None)
        elif kind.endswith("_part.added") and (part := part_of(value)) and (text := _type_of(value.get("part"))) in TEXTS:
            self.open = (index, TEXTS[text][0], part)

    def take(self, kind: str, value: Payload, index: int | None, free: int, work: Work) -> Broken | None:
        """The next event while the text waits. `free`: so many numbers are missing in front of it.

        What was lost is proven where the text, said again, begins with what came before the loss, ends with what came behind
        it, and has something between the two; and if of all numbers one is missing, that was it. Calls need no number: all that
        their events say is said again, and compared.
        """
        name, _, last = kind.rpartition(".")
        said = value.get("delta" if last == "delta" else MEMBERS.get(name, ""))
        self._missing += free
        if (index, name, part_of(value)) != self.text or last not in {"delta", "done"} or type(said) is not str:
            return self._broken
        if value.get("logprobs"):
            return self._broken  # those of the lost event are not told again, delta by delta
        if last == "delta":
            self._length += len(said)
            self._checksum = zlib.crc32(said.encode("utf-8", "surrogatepass"), self._checksum)
            return None if work.drop(Kind.TAIL_MISSING, _WAITS) else self._broken
        rest = self._spoken.rest(self.text, said)
        is_proven = rest is not None and self._fits(rest) and (name in _ARGUMENTS or self._missing == 1)
        self.text = None
        return None if is_proven else self._broken

    def _fits(self, rest: str) -> bool:
        behind = rest[len(rest) - self._length :]
        return len(rest) > self._length and is_whole(rest) and zlib.crc32(behind.encode()) == self._checksum


def _type_of(value: Json) -> str:
    kind = value.get("type") if type(value) is dict else None
    return kind if type(kind) is str else ""
