"""Deltas that repeat the whole text before them, for who asked to have them cut: where text may repeat itself, that is a guess."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

_MAX_FIELDS: Final = 256


@dataclass(slots=True)
class _Field:
    """One field's text: what has been said, and what of it has gone out."""

    first: str
    second: str = ""
    """Waits for the third: two that fit may do so by chance."""
    whole: str | None = None
    """All of the text so far, once the field is known to be cumulative."""
    plain: bool = False


class Growth:
    """Tells, field by field, deltas from cumulative ones: three in a row, each longer than the one before and beginning with it."""

    def __init__(self) -> None:
        self._fields: dict[Hashable, _Field] = {}

    def cut(self, key: Hashable, text: str) -> str | None:
        """What is new in the next piece of a field; None where a field known to be cumulative stops being so."""
        field = self._fields.get(key)
        if not text or (field is not None and field.plain):
            return text
        if field is None:
            if len(self._fields) < _MAX_FIELDS:
                self._fields[key] = _Field(text)
            return text
        if field.whole is not None:
            return self._cut_known(field, text)
        return self._find_out(field, text)

    def _cut_known(self, field: _Field, text: str) -> str | None:
        before, field.whole = field.whole or "", text
        return text[len(before) :] if text.startswith(before) else None

    def _find_out(self, field: _Field, text: str) -> str:
        before = field.second or field.first
        if len(text) <= len(before) or not text.startswith(before):
            held, field.second, field.plain = field.second, "", True
            return held + text
        if not field.second:
            field.second = text
            return ""
        field.whole, field.second = text, ""
        return text[len(field.first) :]

    def end(self, key: Hashable) -> str:
        """The field ends: what waited, as it came."""
        field = self._fields.get(key)
        if field is None:
            return ""
        held, field.second = field.second, ""
        return held
