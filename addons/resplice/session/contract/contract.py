"""The seam between a stream and what its API promises about the order and the fields of events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json


@dataclass(frozen=True, slots=True)
class Mended:
    """What becomes of an event that does not fit its API's contract. No events: it goes."""

    events: tuple[tuple[str | None, dict[str, Json]], ...]
    """In order: each one's name for the `event:` line, or None, and its payload.

    A payload that is made of the event's own `value` shares with it what stays, the very same objects (`value | {"index": 2}`):
    then `core.members.edited` keeps their bytes.
    """
    kind: Kind
    why: str
    """One sentence for the record; holds nothing from the wire but names, ids and numbers."""
    also: tuple[Kind, ...] = ()
    left: tuple[Kind, ...] = ()
    """Further kinds that were found in it and, by policy, left alone."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The event contradicts the stream so that no repair is safe: a loss, which by policy ends it with an error."""

    kind: Kind
    why: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The event passes as it came, but something about it is worth a record."""

    kind: Kind
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """The event waits for the one that follows it, and so do the comments between the two."""

    passes: Callable[[dict[str, Json]], bool | None]
    """What follows (`{}`: nothing that can be read) -> whether the event passes, as it came, or goes. None: that does not tell."""
    kind: Kind
    why: str
    """For the record, if it goes."""


@dataclass(frozen=True, slots=True)
class Preceded:
    """The event passes as it came, behind others that were missing in front of it."""

    events: tuple[tuple[str | None, dict[str, Json]], ...]
    kind: Kind
    why: str


type Fate = Mended | Broken | Noted | Held | Preceded | None
"""None: the event fits, and passes as the bytes that it came as."""


class Contract(Protocol):
    """Follows one stream. Bounded, whatever the stream; never raises for what came from the wire."""

    steady: bool
    """The event shown last left the contract as it was, and nothing waits for the next one: an event of the same shape,
    which differs in its text alone, fits too and need not be shown."""

    def mend(self, value: dict[str, Json], event: str | None, facts: Facts) -> Fate:
        """What becomes of the next event. `value` itself is never changed; `facts`, which have been read from it, may be corrected.

        Shown is what the dialect takes for an event of its own: all but errors, foreign events, hollow ones, second starts.
        A terminal event is shown in the moment it is delivered, behind `flush`.
        """
        ...

    @property
    def calls_are_whole(self) -> bool:
        """There are tool calls whose arguments are complete, though nothing has said so yet, and none without any (chat)."""
        ...

    def flush(self, facts: Facts) -> Mended | None:
        """The answer ends: what waited, or is still missing before the terminal event. Asked once.

        With `facts.failed` an error event is what follows.
        """
        ...

    def complete(self, facts: Facts) -> Mended | None:
        """The upstream ended without saying that the answer is whole: the events that say so, where that follows from what came.

        `facts` then tell the stop reason. None: it does not follow, and an error is what comes.
        """
        ...


class Listener:
    """A contract that wants to hear of every delta, even of those that need not be shown."""

    def hear(self, text: bytes, number: int | None) -> bool:
        """An event of the known shape came again, with that text and that number. False: it has to be shown after all."""
        raise NotImplementedError

    counts = False
    """The events are numbered without a gap."""

    def is_next(self, value: dict[str, Json]) -> bool:
        """Whether an event's number shows that no event before it is missing."""
        del value
        return False

    @property
    def misses(self) -> bool:
        """What an event said that came damaged is still to be told."""
        raise NotImplementedError

    def miss(self, kind: Kind, why: str) -> bool:
        """An event came that can't be read. True: what follows will say it again, or tell that it does not (`Broken`)."""
        raise NotImplementedError


class NoContract:
    """For dialects that promise nothing that is kept here."""

    steady = True
    calls_are_whole = False

    def mend(self, value: dict[str, Json], event: str | None, facts: Facts) -> Fate:
        """Every event fits."""
        del value, event, facts
        return None

    def flush(self, facts: Facts) -> Mended | None:
        """Nothing waits."""
        del facts
        return None

    def complete(self, facts: Facts) -> Mended | None:
        """Nothing follows."""
        del facts
        return None
