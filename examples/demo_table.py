"""Draws the demo's table: as wide as the terminal, coloured where there is one."""

from __future__ import annotations

import os
import shutil
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_WIDTH: Final = 64
MAX_WIDTH: Final = 132
_SHARES: Final = (0.28, 0.36)
_CODES: Final = {
    Outcome.WRONG: "1;31",
    Outcome.BROKE: "33",
    Outcome.ERROR: "36",
    Outcome.EXACT: "32",
}
_BOLD: Final = "1"
_DIM: Final = "2"


@dataclass(frozen=True, slots=True)
class Cell:
    """What a client got."""

    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    name: str
    says: str
    client: str
    without: Cell
    repaired: Cell
    record: str
    """What the log says about it, without line breaks."""


@dataclass(frozen=True, slots=True)
class Style:
    """How wide, and whether in colours and with lines that need Unicode."""

    width: int
    colour: bool
    fine: bool

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """What suits this stream; NO_COLOR and COLUMNS are honoured."""
        colour = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        width = shutil.get_terminal_size((100, 24)).columns
        fine = "utf" in (stream.encoding or "").lower()
        return cls(max(MIN_WIDTH, min(width, MAX_WIDTH)), colour, fine)

    def paint(self, text: str, code: str) -> str:
        """Colour the text."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    @property
    def bar(self) -> str:
        """Between two columns."""
        return "│" if self.fine else "|"

    @property
    def widths(self) -> tuple[int, int, int]:
        """Characters of each column; each has a blank on both sides, and two bars divide them."""
        room = self.width - 8
        first, second = (int(room * share) for share in _SHARES)
        return first, second, room - first - second

    def rule(self) -> str:
        """Draw a line across the table."""
        dash, cross = ("─", "┼") if self.fine else ("-", "+")
        return self.paint(cross.join(dash * (width + 2) for width in self.widths), _DIM)


def head(style: Style) -> Iterator[str]:
    """Yield the lines above the first row."""
    titles = ("fault", "without Resplice", "with Resplice")
    yield _line(style, [(title, _BOLD) for title in titles])
    yield style.rule()


def lines(row: Row, style: Style) -> Iterator[str]:
    """Yield the lines of a row and the rule below it."""
    widths = style.widths
    about = [(row.name, _BOLD), *_wrapped(row.says, widths[0]), *_wrapped(row.client, widths[0], _DIM)]
    cells = [_cell(cell, width) for cell, width in zip((row.without, row.repaired), widths[1:], strict=True)]
    height = max(len(about), *(len(cell) for cell in cells))
    for at in range(height):
        yield _line(style, [column[at] if at < len(column) else ("", "") for column in (about, *cells)])
    for at, line in enumerate(textwrap.wrap(row.record, style.width - 8, max_lines=2, placeholder=" ...")):
        yield f" {style.paint('log', _BOLD) if at == 0 else '   '}   {style.paint(line, _DIM)}"
    yield style.rule()


def _cell(cell: Cell, width: int) -> list[tuple[str, str]]:
    return [(str(cell.outcome), _CODES[cell.outcome]), *_wrapped(cell.detail, width)]


def _wrapped(text: str, width: int, code: str = "") -> list[tuple[str, str]]:
    return [(line, code) for line in textwrap.wrap(text, width, max_lines=4, placeholder=" ...")]


def _line(style: Style, columns: list[tuple[str, str]]) -> str:
    padded = [(text.ljust(width), code) for (text, code), width in zip(columns, style.widths, strict=True)]
    painted = [style.paint(text, code) if code else text for text, code in padded]
    return (" " + f" {style.paint(style.bar, _DIM)} ".join(painted)).rstrip()
