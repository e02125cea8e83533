"""The seam between a stream and what its API promises about the order and the fields of events."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Broken:
    """The event contradicts the stream so that no repair is safe: a loss, which by policy ends it with an error."""

    kind: Kind
    why: str


class Contract(Protocol):
    """Follows one stream. Bounded, whatever the stream; never raises for what came from the wire."""

    pending: bool
    """Something of an earlier event waits for the next one: every event must be shown to `mend`."""

    def mend(self, value: dict[str, Json], event: str | None, facts: Facts) -> Mended | Broken | None:
        """None: the event fits, and passes as the bytes that it came as. `value` itself is never changed."""
        ...

    def flush(self, facts: Facts) -> Mended | None:
        """The answer ends: what waited, or is still missing before the terminal event."""
        ...
