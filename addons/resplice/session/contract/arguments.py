"""A tool call's arguments: JSON inside JSON, which arrives in pieces. Nothing of it is kept."""

from __future__ import annotations

import json
import re
from typing import Final

from resplice.core.payload import Scanner

_CONTROL: Final = re.compile("([\x00-\x1f])")


class Arguments:
    """Follows one call's arguments, and tells whether they came to their end."""

    def __init__(self) -> None:
        self._scanner = Scanner()
        self._begun = False
        self._closed = False

    @property
    def incomplete(self) -> bool:
        """An object or array was opened and never closed."""
        return self._begun and not self._closed

    def grow(self, piece: str) -> bool:
        """Read on, where there is nothing to escape; False where there may be, and nothing was read."""
        if _CONTROL.search(piece):
            return False
        self._read(piece)
        return True

    def feed(self, piece: str) -> str:
        """Read on. Returns the piece with the control characters in its strings escaped: the very same where there are none."""
        if self.grow(piece):
            return piece
        parts = []
        for part in _CONTROL.split(piece):
            raw = self._scanner.in_string and len(part) == 1 and part < " "
            parts.append(json.dumps(part)[1:-1] if raw else part)
            self._read(part)
        joined = "".join(parts)
        return piece if joined == piece else joined

    def _read(self, piece: str) -> None:
        """Anything but an object or array counts as complete: it has no end that could be missed."""
        if not self._begun:
            piece = piece.lstrip()
            if not piece:
                return
            self._begun = True
            self._closed = piece[0] not in "{["
        if not self._closed:
            self._closed = self._scanner.feed(piece.encode("utf-8", "surrogatepass")) is not None
