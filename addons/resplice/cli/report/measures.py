"""Figures of any number of streams, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from typing import Any, Final

__all__ = ["Histogram", "Timeline"]

_GROWTH: Final = 1.1
"""Each class of a histogram is a tenth wider than the one before: a quantile is right to a few per cent."""
_EDGES: Final = (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)
_MAX_COLUMNS: Final = 120
_WIDTHS: Final = (60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600, 28 * 24 * 3600)
"""Seconds that a column may stand for."""


class Histogram:
    """How often which duration occurred, in milliseconds."""

    def __init__(self) -> None:
        self._classes: Counter[int] = Counter()
        self.largest = 0.0

    def add(self, milliseconds: float) -> None:
        """Count one."""
        self._classes[_class(milliseconds)] += 1
        self.largest = max(self.largest, milliseconds)

    def quantile(self, share: float) -> float | None:
        """The duration that this share of all does not exceed, give or take five per cent; None if there is none."""
        wanted, seen = share * self._classes.total(), 0
        for number, count in sorted(self._classes.items()):
            seen += count
            if seen >= wanted:
                return min(float(round(_GROWTH ** (number + 0.5), 1)), self.largest)
        return None

    def columns(self) -> list[tuple[str, int]]:
        """A few wide classes for a person: `(up to what, how many)`."""
        counts = [0] * (len(_EDGES) + 1)
        for number, count in self._classes.items():
            place = next((at for at, edge in enumerate(_EDGES) if _GROWTH ** (number + 0.5) <= edge), len(_EDGES))
            counts[place] += count
        return list(zip([*(f"≤ {edge / 1000:g} s" for edge in _EDGES), f"> {_EDGES[-1] / 1000:g} s"], counts, strict=True))

    def as_json(self) -> dict[str, Any]:
        """In plain types."""
        return {
            "p50": self.quantile(0.5),
            "p95": self.quantile(0.95),
            "p99": self.quantile(0.99),
            "max": self.largest,
            "columns": dict(self.columns()),
        }


def _class(milliseconds: float) -> int:
    return math.floor(math.log(milliseconds, _GROWTH)) if milliseconds >= 1 else 0


class Timeline:
    """What happened when, in columns that get wider as the time gets longer."""

    def __init__(self) -> None:
        self._width = 0
        self._columns: dict[int, Counter[str]] = {}

    @property
    def width(self) -> int:
        """Seconds that a column stands for."""
        return _WIDTHS[self._width]

    def add(self, ts: str, what: str) -> None:
        """Count something at a time, which is written as records have it. What is no time is left out."""
        try:
            at = datetime.fromisoformat(ts).timestamp()
        except (ValueError, OverflowError):
            return
        self._columns.setdefault(int(at // self.width), Counter())[what] += 1
        while self._span() > _MAX_COLUMNS and self._width < len(_WIDTHS) - 1:
            self._widen()

    def _span(self) -> int:
        return max(self._columns) - min(self._columns) + 1

    def _widen(self) -> None:
        before = self.width
        self._width += 1
        wider: dict[int, Counter[str]] = {}
        for number, counted in self._columns.items():
            wider.setdefault(number * before // self.width, Counter()).update(counted)
        self._columns = wider

    def columns(self) -> list[tuple[float, Counter[str]]]:
        """The columns without a gap, at most a few hundred: `(its beginning, in seconds since the epoch, what happened)`."""
        if not self._columns:
            return []
        first = max(min(self._columns), max(self._columns) - 4 * _MAX_COLUMNS)
        numbers = range(first, max(self._columns) + 1)
        return [(number * self.width, self._columns.get(number, Counter())) for number in numbers]

    def as_json(self) -> dict[str, Any]:
        """In plain types."""
        return {"seconds": self.width, "columns": [{"from": begin, **counted} for begin, counted in self.columns()]}
