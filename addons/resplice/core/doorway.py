"""Whether a body begins as the API's do, where the response's content type is not one of theirs.

Gateways send streams as `text/plain` or as JSON, and so an asked-for stream is looked for there, too; but applications that write
text, pages, or a protocol of their own have paths like Ollama's. The first bytes tell, and until they do no more is held than they.
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.items import Item
from resplice.core.wire import Framer, NoShortWay, Wire

_BOM: Final = b"\xef\xbb\xbf"
_PADDING: Final = b" \t\r\n\0"
_BRACE: Final = re.compile(rb"\{[ \t\r\n]*")
_PAGES: Final = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<title", b"<center", b"<h1")
"""An error page in the place of an answer."""
_FIELDS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_JSON: Final = (b"{", b"[")
_LINE_KEYS: Final = ("model", "remote_model", "created_at", "message", "response", "thinking", "done", "error", "detail")
_BEGINNINGS: Final = {
    "sse": (*_FIELDS, *_JSON, *_PAGES),
    "json-array": (*_FIELDS, *_JSON, *_PAGES),
    "ndjson": (*(f'{{"{key}"'.encode() for key in _LINE_KEYS), *_PAGES),
}
"""How bodies of each form begin, or what is known to come in their place."""


def begins_well(head: bytes, wire: Wire) -> bool | None:
    """Whether a body with these first bytes may be of that form; None: too few to tell."""
    beginnings = _BEGINNINGS.get(wire.name)
    if beginnings is None:
        return True
    text = head.lstrip(_PADDING)
    if _BOM.startswith(text):
        return None
    text = _BRACE.sub(b"{", text.removeprefix(_BOM).lstrip(_PADDING), count=1).lower()
    if text.startswith(beginnings):
        return True
    return None if any(one.startswith(text) for one in beginnings) else False


class Doorway(NoShortWay):
    """Holds the first bytes until they tell, then hands them to the framer, which takes over, or lets go of the body."""

    def __init__(self, wire: Wire, framer: Framer) -> None:
        self._wire = wire
        self._held = b""
        self._inner = framer
        self.framer: Framer | None = None
        """What takes over, once the body has begun well."""
        self.foreign = False
        """It has not: `held_bytes` is all that came."""

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
        self._held += data
        well = begins_well(self._held, self._wire)
        if well is False:
            self.foreign = True
        if self.foreign or (well is None and data):
            return []
        self.framer = self._inner
        items = self.framer.receive_data(self._held) if self._held else []
        return items if data else items + self.framer.receive_data(b"")

    def release(self) -> list[Item]:
        """Nothing that could go is held."""
        return []
