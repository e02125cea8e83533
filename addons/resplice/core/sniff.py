"""Telling by a body's first bytes in which form it came."""

from __future__ import annotations

from typing import Final

from resplice.core.items import Item
from resplice.core.wire import BLANKS, Framer, NoShortWay, Wire

_PADDING: Final = BLANKS + b"\0"
_BOM: Final = b"\xef\xbb\xbf"
_MAX_BLANKS: Final = 4096
"""A body that begins with more blanks than this comes in the form that was asked for."""


class Sniffer(NoShortWay):
    """Holds the first bytes until the form is clear, then hands them to that form's framer, which takes over.

    `asked` is the form that the client reads; `others` are those that the body may have instead.
    """

    def __init__(self, asked: Wire, others: tuple[Wire, ...], max_event_bytes: int) -> None:
        self._asked = asked
        self._others = others
        self._max = max_event_bytes
        self._held = b""
        self.form: Wire | None = None
        """The body's form, once it is clear."""
        self.framer: Framer | None = None
        """What takes over then."""

    @property
    def held(self) -> int:
        """How many bytes have not left as an item."""
        return len(self._held) if self.framer is None else self.framer.held

    @property
    def at_boundary(self) -> bool:
        """Nothing has come."""
        return not self.held

    def held_bytes(self) -> bytes:
        """Those bytes."""
        return self._held if self.framer is None else self.framer.held_bytes()

    def receive_data(self, data: bytes) -> list[Item]:
        """Take some more input, `b""` at its end; return the items that it completes."""
        if self.framer is not None:
            return self.framer.receive_data(data)
        self._held += data
        text = self._held.lstrip(_PADDING).removeprefix(_BOM).lstrip(_PADDING)
        head = self._held if self._asked.binary else text
        as_asked = bool(head) and self._asked.starts(head)
        if data and len(self._held) < _MAX_BLANKS and _BOM.startswith(text) and not (as_asked and self._asked.binary):
            return []
        self.form = self._asked
        if text and not as_asked:
            self.form = next((form for form in self._others if form.starts(text)), self._asked)
        self.framer = self.form.framer(self._max)
        items = self.framer.receive_data(self._held) if self._held else []
        return items if data else items + self.framer.receive_data(b"")

    def release(self) -> list[Item]:
        """Nothing that could go is held."""
        return []
