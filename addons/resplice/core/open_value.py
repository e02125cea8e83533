"""A JSON value that is not complete: what of it has come, and how far a heartbeat may have torn it."""

from __future__ import annotations

from resplice.core.heartbeat import MAX_COMMENT, Evidence, Heartbeats, Tail
from resplice.core.payload import Checkpoint, Scanner


class OpenValue:
    """Collects the pieces of one JSON value, line by line, and says where it ends. Linear, also with a heartbeat in every line."""

    def __init__(self) -> None:
        self.payload = bytearray()
        self.breaks = bytearray()
        """The line ends since the last piece, as they came."""
        self.gap = False
        """An empty line stands among them."""
        self._scanner = Scanner()
        self._mark: Checkpoint = self._scanner.mark()
        self._mark_at = 0

    @property
    def in_string(self) -> bool:
        """The last piece ended inside a string."""
        return self._scanner.in_string

    def append(self, piece: bytes | bytearray, ending: bytes) -> int | None:
        """Add a piece, which `ending` follows on the wire; where in `payload` the value ends, None while it is open."""
        start = len(self.payload)
        self.payload += piece
        self._mark, self._mark_at = self._scanner.mark(), start
        self.breaks, self.gap = bytearray(ending), False
        return self._scanner.feed(self.payload, start)

    def blank_line(self, ending: bytes) -> None:
        """An empty line follows."""
        self.breaks += ending
        self.gap = True

    def tail(self, heartbeats: Heartbeats) -> Tail | None:
        """The heartbeat that the last piece may end with."""
        start = max(self._mark_at, len(self.payload) - MAX_COMMENT)
        found = heartbeats.tail(self.payload[start:])
        return None if found is None else Tail(found.start + start - self._mark_at, found.evidence)

    def is_ambiguous(self, tail: Tail, *, raw_newlines: bool) -> bool:
        """Whether the tail, inside a string, may be text as well as a heartbeat.

        `raw_newlines`: this stream has had raw line breaks in its strings, so that an empty line is no evidence.
        """
        possible = tail.evidence is Evidence.POSSIBLE
        unsure = tail.evidence is Evidence.KNOWN and not self.gap
        return self.in_string and (possible or unsure or raw_newlines) and not (possible and raw_newlines)

    def may_cut(self, tail: Tail, *, raw_newlines: bool) -> bool:
        """Whether the tail can only be a heartbeat."""
        if tail.evidence is Evidence.POSSIBLE:
            return False
        if self.in_string:
            return not self.is_ambiguous(tail, raw_newlines=raw_newlines)
        return self.payload[self._mark_at + tail.start :] != b":"

    def cut(self, tail: Tail) -> None:
        """Cut the tail off."""
        del self.payload[self._mark_at + tail.start :]
        self._scanner.reset(self._mark)
        self._scanner.feed(self.payload, self._mark_at)
