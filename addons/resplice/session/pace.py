"""The times of one stream, in seconds on the caller's clock."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """When things happened."""

    opened_at: float
    first_in_at: float | None = None
    first_token_at: float | None = None
    last_in_at: float = field(init=False)
    last_out_at: float | None = None
    longest_gap: float = 0.0
    closed_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.last_in_at = self.closed_at = self.opened_at

    def came(self, now: float) -> None:
        """Bytes came from the upstream."""
        gap = now - self.last_in_at
        if gap > self.longest_gap:  # noqa: PLR1730 - max() costs more, and this runs for every chunk
            self.longest_gap = gap
        self.last_in_at = now
        if self.first_in_at is None:
            self.first_in_at = now

    def closed(self, now: float) -> None:
        """The stream is over; the silence before that counts too."""
        self.longest_gap = max(self.longest_gap, now - self.last_in_at)
        self.closed_at = now
