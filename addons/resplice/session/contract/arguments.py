"""A tool call's arguments: JSON inside JSON, which arrives in pieces. Nothing of it is kept."""

from __future__ import annotations

import json
import re
from typing import Final

from resplice.session.contract.json_text import JsonText, State

_CONTROL: Final = re.compile("([\x00-\x1f])")


class Arguments:
    """Follows one call's arguments, and tells whether they came to their end."""

    def __init__(self) -> None:
        self._text = JsonText()

    @property
    def incomplete(self) -> bool:
        """An object or array was opened and never closed. Anything else has no end that could be missed."""
        return self._text.state is State.OPEN

    def grow(self, piece: str) -> bool:
        """Read on, where there is nothing to escape; False where there may be, and nothing was read."""
        if _CONTROL.search(piece):
            return False
        self._text.feed(piece)
        return True

    def feed(self, piece: str) -> str:
        """Read on. Returns the piece with the control characters in its strings escaped: the very same where there are none."""
        if self.grow(piece):
            return piece
        parts = []
        for part in _CONTROL.split(piece):
            raw = self._text.in_string and len(part) == 1 and part < " "
            parts.append(json.dumps(part)[1:-1] if raw else part)
            self._text.feed(part)
        joined = "".join(parts)
        return piece if joined == piece else joined
