"""A tool call's arguments: JSON inside JSON, which arrives in pieces. Nothing of it is kept."""

from __future__ import annotations

import json
import re
from typing import Final

from resplice.core.json_validator import JsonState, JsonValidator

_CONTROL: Final = re.compile("([\x00-\x1f])")


class Arguments:
    """Follows one call's arguments, and tells how far they have come."""

    def __init__(self) -> None:
        self._json = JsonValidator()

    @property
    def state(self) -> JsonState:
        """How far they have come."""
        return self._json.state

    def feed(self, piece: str) -> None:
        """Read on."""
        self._json.feed(piece)

    def feed_escaped(self, piece: str) -> str:
        """Read on. Returns the piece with the control characters in its strings escaped: the very same where there are none."""
        parts = []
        for part in _CONTROL.split(piece):
            raw = self._json.in_string and len(part) == 1 and part < " "
            parts.append(json.dumps(part)[1:-1] if raw else part)
            self._json.feed(parts[-1])
        joined = "".join(parts)
        return piece if joined == piece else joined
