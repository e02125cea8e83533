"""How far the JSON text of a tool call's arguments has come."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from resplice.core.payload import Scanner

_BLANKS: Final = " \t\r\n"
_OPENERS: Final = ("{", "[")


class State(Enum):
    """How far it has come."""

    EMPTY = auto()
    OPEN = auto()
    COMPLETE = auto()
    ODD = auto()
    """It does not begin like an object: nothing can be said about it."""


class JsonText:
    """Follows the pieces of one call's arguments. Checks nothing but where the value ends: what is in it is the model's."""

    def __init__(self) -> None:
        self.state = State.EMPTY
        self._scanner = Scanner()

    @property
    def in_string(self) -> bool:
        """The last piece ended inside a string."""
        return self._scanner.in_string

    def feed(self, piece: str) -> None:
        """The next piece."""
        if self.state is State.EMPTY:
            piece = piece.lstrip(_BLANKS)
            if piece:
                self.state = State.OPEN if piece.startswith(_OPENERS) else State.ODD
        if self.state is State.OPEN and self._scanner.feed(piece.encode("utf-8", "surrogatepass")) is not None:
            self.state = State.COMPLETE

    def collides(self, piece: str) -> bool:
        """Whether the piece begins another value behind one that is complete."""
        return self.state is State.COMPLETE and piece.lstrip(_BLANKS).startswith(_OPENERS)
