"""The times of one stream, in seconds on the caller's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

STALL_AFTER: Final = 10.0
"""A silence of the upstream that is longer than this (seconds) is a stall, and on record."""


@dataclass(slots=True)
class Pace:
    """When things happened."""

    opened_at: float
    first_in_at: float | None = None
    first_token_at: float | None = None
    last_in_at: float = field(init=False)
    last_out_at: float | None = None
    longest_gap: float = 0.0
    stalls: int = 0
    stalled: float = 0.0
    notable: float = -1.0
    """No gap that is not longer needs `came`: it would do no more than set `last_in_at`. For a caller to whom that is too slow."""
    closed_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.last_in_at = self.closed_at = self.opened_at

    def came(self, now: float) -> float:
        """Bytes came from the upstream. Returns the stall that ended with them, in seconds; 0 if there was none."""
        gap = now - self.last_in_at
        stall = self._gap(gap) if gap > self.notable else 0.0
        self.last_in_at = now
        if self.first_in_at is None:
            self.first_in_at = now
        return stall

    def closed(self, now: float) -> float:
        """The stream is over; the silence before that counts too. Returns the stall that it ends with, as `came` does."""
        self.closed_at = now
        return self._gap(now - self.last_in_at)

    def last_sign(self) -> float:
        """When the upstream spoke, or the client got something, whichever is later."""
        return self.last_in_at if self.last_out_at is None else max(self.last_in_at, self.last_out_at)

    def _gap(self, gap: float) -> float:
        self.longest_gap = max(self.longest_gap, gap)
        self.notable = min(self.longest_gap, STALL_AFTER)
        if gap <= STALL_AFTER:
            return 0.0
        self.stalls += 1
        self.stalled += gap
        return gap
