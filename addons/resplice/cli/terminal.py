"""Bytes and names from outside, made fit for a terminal."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["plural", "size", "visible"]

_PICTURES: Final = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "␡", "\n": "⏎"}
"""A control character has a picture of its own, so that it is not taken for its escape in JSON."""
_TRAILING: Final = re.compile(r" +$")


def visible(text: str, limit: int | None = None) -> str:
    """The text on one line, with nothing in it that a terminal would obey: controls of every kind are spelled out."""
    shown = "".join(_PICTURES.get(one) or (one if one.isprintable() else f"<U+{ord(one):04X}>") for one in text)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return _TRAILING.sub(lambda blanks: "␠" * len(blanks[0]), shown)


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
