"""A JSON value that is not complete: what of it has come."""

from __future__ import annotations

from resplice.core.payload import Scanner


class OpenValue:
    """Collects the pieces of one JSON value, line by line, and says where it ends. Linear."""

    def __init__(self) -> None:
        self.payload = bytearray()
        self.breaks = bytearray()
        """The line ends since the last piece, as they came."""
        self.gap = False
        """An empty line stands among them."""
        self._scanner = Scanner()

    @property
    def in_string(self) -> bool:
        """The last piece ended inside a string."""
        return self._scanner.in_string

    def append(self, piece: bytes | bytearray, ending: bytes) -> int | None:
        """Add a piece, which `ending` follows on the wire; where in `payload` the value ends, None while it is open."""
        start = len(self.payload)
        self.payload += piece
        self.breaks, self.gap = bytearray(ending), False
        return self._scanner.feed(self.payload, start)

    def blank_line(self, ending: bytes) -> None:
        """An empty line follows."""
        self.breaks += ending
        self.gap = True

    @property
    def joins_digits(self) -> bool:
        """A digit at the beginning of what follows would be one more of the number that the last piece ended with."""
        return self.payload[-1:].isdigit() or self.payload.endswith((b"-", b".", b"e", b"E", b"+"))
