"""Bytes and names from outside, made fit for a terminal or a page of text."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["paragraph", "plural", "shown_bytes", "size", "visible"]

_PICTURES: Final = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "␡", "\n": "⏎"}
"""A control character has a picture of its own, so that it is not taken for its escape in JSON."""
_TRAILING: Final = re.compile(r" +$")
_JOINERS: Final = {"\u200c", "\u200d"}
"""They change how two letters or emoji are drawn, and nothing else."""


def visible(text: str, limit: int | None = None) -> str:
    """The text on one line, with nothing in it that a terminal would obey: controls of every kind are spelled out."""
    shown = _spelled(text)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return _TRAILING.sub(lambda blanks: "␠" * len(blanks[0]), shown)


def paragraph(text: str) -> str:
    """As `visible`, but for a text of many lines: line breaks and tabs stay."""
    return "\n".join(line.replace("␉", "\t") for line in (_spelled(line) for line in text.split("\n")))


def shown_bytes(data: bytes, limit: int | None = None) -> str:
    """Bytes on one line: text where they are text, hexadecimal escapes where they are not."""
    cut = data if limit is None else data[: 4 * limit]
    return visible(cut.decode("utf-8", "backslashreplace"), limit)


def _spelled(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(_PICTURES.get(one) or (one if one.isprintable() or one in _JOINERS else f"<U+{ord(one):04X}>") for one in text)


def plural(count: int, name: str) -> str:
    """``1 event``, ``1,234 events``, ``2 losses``."""
    if count == 1:
        return f"1 {name}"
    return f"{count:,} {name}{'es' if name.endswith('s') else 's'}"


def size(count: int) -> str:
    """Bytes as a person reads them."""
    if count < 10_000:  # noqa: PLR2004 - up to there the exact number is as short
        return plural(count, "byte")
    for unit in ("kB", "MB"):
        count_in_unit = count / (1000 if unit == "kB" else 1_000_000)
        if count_in_unit < 1000 or unit == "MB":  # noqa: PLR2004 - of the next unit
            break
    return f"{count_in_unit:,.1f} {unit}"
