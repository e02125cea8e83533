"""What stands between frames and is legal there: comments, blank lines, fields that parsers ignore.

It passes, but for the forms that make clients lose frames. For a client that can't read comments at all, each block of them
becomes one keepalive, so that watchdogs behind us still see life, and everything else between frames goes.
"""

from __future__ import annotations

from typing import Final

from resplice.core.items import Filler
from resplice.core.kinds import Kind
from resplice.session.clients import Quirk
from resplice.session.stream import Stream

_WHY: Final = {
    True: "a comment, for a client that can't read comments",
    False: "bytes between events, for a client that can't read them",
}


class Fillers:
    """Decides about the fillers of one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._comment_ends = -1
        """Where in the input the last comment line ended: one that begins there belongs to the same block."""

    def item(self, item: Filler) -> bytes:
        """A filler in its place."""
        stream, raw = self._stream, item.raw
        stream.idle_bytes += len(raw)
        if stream.converts:
            return stream.change(raw, b"", Kind.BODY_FORM, "bytes between two events, in a form that was not asked for")
        if item.tail:
            return self._tail(raw)
        return self._convert(item) if stream.converts_comments else self._pass(item)

    @property
    def _dies_behind_id(self) -> bool:
        dialect = self._stream.dialect
        return dialect is not None and not dialect.comments_after_id and self._stream.dies_of(Quirk.COMMENT_AFTER_ID)

    def _tail(self, raw: bytes) -> bytes:
        if self._stream.tail_passes:
            return self._stream.pass_(raw)
        return self._stream.change(raw, b"", Kind.CR_LINE_END, "the rest of a line end whose event was rewritten")

    def _pass(self, item: Filler) -> bytes:
        stream, raw = self._stream, item.raw
        if stream.id_line_seen and not item.comment and self._dies_behind_id:
            return stream.change(raw, b"", Kind.COMMENT_AFTER_ID, "a blank line without an event, after an id line")
        if stream.cr_seen and b"\r" in raw and b"\r\n" not in raw:
            return stream.change(raw, raw.replace(b"\r", b"\n"), Kind.CR_LINE_END, "a line ended by a lone CR")
        return stream.pass_(raw)

    def released(self, item: Filler) -> bytes:
        """A filler that waited behind a terminal event, or behind keepalives before the stream's id."""
        return self._convert(item) if self._stream.converts_comments else self._stream.pass_(item.raw)

    def _convert(self, item: Filler) -> bytes:
        stream = self._stream
        begins_block = item.comment and item.offset != self._comment_ends
        if item.comment:
            self._comment_ends = item.offset + len(item.raw)
        facts = stream.facts
        if item.comment and facts.failed and stream.plain:
            return stream.pass_(item.raw)  # it does no harm there, and may be ours
        is_over = stream.ended or facts.stopped or facts.failed or facts.terminal
        frame = stream.sign_of_life() if begins_block and stream.confirmed and not is_over else b""
        kind = Kind.COMMENT if item.comment or not stream.plain else Kind.EXTRA_BLANK_LINE
        return stream.change(item.raw, frame, kind, _WHY[item.comment])
