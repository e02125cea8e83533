"""The SSE framer: bytes in, items out. Keeps every byte, in linear time.

Two ways lead through it. A block that ends in a blank line and is healthy at a glance is taken whole: one search, one strict
JSON scan. Everything else is read line by line by `Block`. Both give the same items for the same bytes; tests hold them to that.

The buffer is one bytearray, `_held`, from the first byte that no item covers yet. `_pos` is the first byte that has not been
read as a line; `_line_scan` and `_blank_scan` remember how far a line end or a blank line has been searched for, so that
no byte is searched twice however small the pieces are that it comes in.
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core import grammar
from resplice.core.block import Block
from resplice.core.glance import glance, glance_crlf
from resplice.core.grammar import CR, LF, NUL
from resplice.core.items import Filler, Frame, Item, Json, Overflow, Stray
from resplice.core.kinds import Kind

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"[\r\n]")
_BLANK_LINE: Final = re.compile(rb"\n\n|\r\r|\n\r")

_FIELDS: Final = (b"data: ", b"event: ")
_NONE: Final = -1


class SseFramer:
    """Cuts an event stream into items that together cover every byte that came in, in order.

    `receive_data(data)` takes bytes, cut anywhere, and returns the items that they complete; `b""` means the end of the input.
    It raises nothing, whatever the bytes. An event larger than `max_event_bytes` passes as `Overflow`.
    """

    def __init__(self, max_event_bytes: int = 64 * 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._held = bytearray()
        self._base = 0
        self._pos = 0
        self._line_scan = 0
        self._blank_scan = 0
        self._crlf_scan = 0
        self._blank_at = _NONE
        self._items: list[Item] = []
        self._block = Block(self._slice, self._items.append)
        self._at_start = True
        self._after_cr = False
        self._overflowing = False
        self._overflow_first = False
        self._overflow_last = b""
        self.waiting = False
        """What is held is the beginning of a block that may be healthy: without a line end nothing can change."""
        self.steady = False
        """Nothing is held, and nothing odd is going on: healthy frames at the beginning of the next chunk may be taken whole."""
        self.unfit = CR
        """A byte that no chunk may hold which is to go the short way: CR, unless the stream ends its lines in CRLF; NUL then."""
        self.tail = 0
        """1 where it does: the LF behind a blank line's CR, which `take` takes too, is an item of its own on the long way."""

    @property
    def at_boundary(self) -> bool:
        """No block is open, nor a line, nor a line end."""
        return self.steady

    @property
    def held(self) -> int:
        """How many bytes came in and have not left as an item."""
        return len(self._held)

    def held_bytes(self) -> bytes:
        """Those bytes."""
        return bytes(self._held)

    def receive_data(self, data: bytes) -> list[Item]:
        """Take some more input, `b""` at its end; return the items that it completes."""
        if not data:
            return self._end()
        items: list[Item] = []
        if self.steady and CR not in data:
            done = self._take_healthy(data, items)
            if done == len(data):
                return items
            data = data[done:]
        self._held += data
        self.steady = False
        if self.waiting and self._still_waits(data):
            return items
        self.waiting = False
        self._read()
        return self._hand_out(items)

    def take(self, data: bytes, pos: int) -> tuple[int, str | None, Json] | None:
        """The healthy frame at `pos` of a chunk: where it ends, its event name and its value. None if it needs a closer look.

        The short way around items, for a caller that finds the framer `steady` and no CR in the chunk; what it does not take
        goes to `receive_data`.
        """
        found = glance_crlf(data, pos) if self.tail else glance(data, pos)
        if found is not None:
            if found[0] - pos > self._max:
                return None
            self._base += found[0] - pos
        return found

    def passed(self, size: int) -> None:
        """So many bytes of healthy frames were taken off the input by the caller."""
        self._base += size

    def complete(self, data: bytes) -> bytes:
        """While `waiting`: the block that was held together with its end, `data`. The framer forgets it."""
        block = bytes(self._held[self._pos :]) + data
        self._held.clear()
        self._pos = 0
        self._line_scan = self._blank_scan = self._crlf_scan = 0
        self._blank_at = _NONE
        self.waiting = False
        self.steady = True
        return block

    def completes_at(self, data: bytes) -> int:
        """While `waiting`: where in `data` the blank line ends that completes what is held; 0 if it is not in there."""
        if data.startswith(b"\n") and self._held.endswith(b"\n"):
            return 1
        found = data.find(b"\n\n")
        return 0 if found == _NONE else found + 2

    def hold(self, data: bytes) -> bool:
        """While `waiting`, take input that can complete nothing, for it has no line end. False if it must be received."""
        if LF in data or CR in data or len(self._held) + len(data) > self._max:
            return False
        self._held += data
        return True

    def release(self) -> list[Item]:
        """Let a complete event go whose blank line is overdue; for a caller with a clock."""
        if self.waiting:
            self.waiting = False
            while self._read_line(final=False):
                pass
        if self._pos == len(self._held):
            self._block.release(self._base + self._pos)
        return self._hand_out([])

    def _end(self) -> list[Item]:
        self._at_start = self.waiting = False
        self._read(final=True)
        self._block.close(self._base + self._pos)
        return self._hand_out([])

    # -- healthy blocks, whole --------------------------------------------------------------------

    def _take_healthy(self, data: bytes, items: list[Item]) -> int:
        """Take healthy blocks off the beginning of a chunk; how many bytes that was."""
        pos, size = 0, len(data)
        while pos < size:
            offset = self._base
            found = self.take(data, pos)
            if found is None:
                break
            end, event, value = found
            items.append(Frame(offset, data[pos:end], event, value))
            pos = end
        return pos

    def _still_waits(self, data: bytes) -> bool:
        """Whether more of a block that may be healthy neither completes it nor shows that it is not."""
        if len(self._held) > self._max or CR in data:
            self.waiting = False
        elif LF in data:
            self.waiting = self._find_blank_line() == _NONE and self._may_wait()
        return self.waiting

    def _take_block(self) -> bool:
        """Take the block at hand off the buffer, if it is complete and healthy."""
        if self.tail and self._take_crlf_block():
            return True
        end = self._find_blank_line() + 2
        if end == 1 or not self._held.startswith(_FIELDS, self._pos) or end - self._pos > self._max:
            return False
        if self._held.find(b"\r", self._pos, end) != _NONE:
            return False
        raw = bytes(self._held[self._pos : end])
        found = glance(raw, 0)
        if found is None or found[0] != len(raw):
            return False
        self._block.writer.wrote_healthy(raw)
        self._items.append(Frame(self._base + self._pos, raw, found[1], found[2]))
        self.unfit, self.tail = CR, 0
        self._pos = end
        return True

    def _take_crlf_block(self) -> bool:
        """As `_take_block`, where lines end in CRLF: the last LF is an item of its own, as on the way line by line."""
        end = self._held.find(b"\r\n\r\n", max(self._pos, self._crlf_scan - 3)) + 4
        self._crlf_scan = len(self._held) if end == _NONE + 4 else end - 4
        if end == _NONE + 4 or end - self._pos > self._max:
            return False
        raw = bytes(self._held[self._pos : end])
        found = glance_crlf(raw, 0)
        if found is None or found[0] != len(raw):
            return False
        self._block.writer.wrote_healthy(raw)
        offset = self._base + self._pos
        self._items.append(Frame(offset, raw[:-1], found[1], found[2]))
        self._items.append(Filler(offset + len(raw) - 1, b"\n", tail=True))
        self._pos = end
        return True

    def _find_blank_line(self) -> int:
        if self._blank_at < self._pos:
            self._blank_at = self._held.find(b"\n\n", max(self._pos, self._blank_scan - 1))
            self._blank_scan = len(self._held) if self._blank_at == _NONE else self._blank_at
        return self._blank_at

    def _may_wait(self) -> bool:
        """Whether what is at hand may be the beginning of a healthy block: not yet one line more than such a block has."""
        held, pos = self._held, self._pos
        if held.find(b"\r", pos) != _NONE:
            return False
        first = held.find(b"\n", pos, pos + 256)
        if held.startswith(b"event:", pos):
            return first == _NONE or held.find(b"\n", first + 1, len(held) - 1) == _NONE
        return held.startswith(b"data:", pos) and held.find(b"\n", pos, len(held) - 1) == _NONE

    # -- everything else, line by line ------------------------------------------------------------

    def _read(self, *, final: bool = False) -> None:
        if self._at_start and not self._read_start():
            return
        while self._pos < len(self._held):
            if self._after_cr:
                self._read_lf_behind_cr()
            elif self._overflowing:
                self._pass_overflow()
            elif self._block.idle and self._take_block():
                continue
            elif self._block.idle and not final and self._blank_at == _NONE and self._may_wait():
                self.waiting = True
                break
            elif not self._read_line(final=final):
                break
        if not final and len(self._held) - self._block_start() > self._max:
            self._begin_overflow()

    def _read_start(self) -> bool:
        """At the very beginning: drop a byte order mark. False while it can't be told."""
        if len(self._held) < len(_BOM) and _BOM.startswith(self._held):
            return False
        self._at_start = False
        if self._held.startswith(_BOM):
            self._items.append(Stray(0, _BOM, Kind.BOM))
            self._pos = len(_BOM)
        return True

    def _read_lf_behind_cr(self) -> None:
        self._after_cr = False
        if self._held[self._pos] != LF:
            return
        if self._block.idle:
            self._items.append(Filler(self._base + self._pos, b"\n", tail=True))
            self.unfit, self.tail = NUL, 1
        else:
            self._block.lf_behind_cr()
        self._pos = self._pos + 1

    def _read_line(self, *, final: bool) -> bool:
        """Give the next line to the block. False if it is not complete."""
        found = _LINE_END.search(self._held, max(self._line_scan, self._pos))
        stop = found.start() if found else len(self._held)
        end = self._line_end(stop, final=final) if found else stop
        if end is None or (found is None and not (final and stop > self._pos)):
            self._line_scan = stop
            return False
        if end - self._block_start() > self._max:
            self._begin_overflow()
            return True
        line = grammar.line(
            bytes(self._held[self._pos : stop]), self._base + self._pos, self._base + end, bytes(self._held[stop:end])
        )
        self._after_cr = stop == self._pos and line.ending == b"\r"
        self._pos = end
        self._block.feed(line)
        return True

    def _line_end(self, stop: int, *, final: bool) -> int | None:
        """Where the line end at `stop` is over.

        A CR may be the first half of a CRLF. An empty line ends with it all the same, so that its event need not wait for
        the other half; any other line waits, for its event is not complete anyway.
        """
        if self._held[stop] == LF or stop == self._pos:
            return stop + 1
        if stop + 1 < len(self._held):
            return stop + 2 if self._held[stop + 1] == LF else stop + 1
        return stop + 1 if final else None

    # -- events beyond the cap --------------------------------------------------------------------

    def _block_start(self) -> int:
        return self._pos if self._block.idle else self._block.begin - self._base

    def _begin_overflow(self) -> None:
        """The event at hand is larger than the cap: it passes raw until its blank line."""
        self._pos = self._line_scan = self._blank_scan = self._crlf_scan = self._block_start()
        self._blank_at = _NONE
        self._block.abandon()
        self._overflowing = self._overflow_first = True
        self.waiting = False
        self._overflow_last = b""
        self._pass_overflow()

    def _pass_overflow(self) -> None:
        rest = self._overflow_last + self._held[self._pos :]
        found = _BLANK_LINE.search(rest)
        size = (found.end() if found else len(rest)) - len(self._overflow_last)
        piece = bytes(self._held[self._pos : self._pos + size])
        self._items.append(Overflow(self._base + self._pos, piece, self._overflow_first, found is not None))
        self._overflow_first = False
        self._overflow_last = piece[-1:]
        self._overflowing = found is None
        self._after_cr = found is not None and piece.endswith(b"\r")
        self._pos = self._pos + size

    # -- the buffer -------------------------------------------------------------------------------

    def _slice(self, begin: int, end: int) -> bytes:
        return bytes(self._held[begin - self._base : end - self._base])

    def _hand_out(self, items: list[Item]) -> list[Item]:
        """Hand out what was made, and forget the bytes that it covers."""
        if self._items:
            items += self._items
            self._items.clear()
        if keep := self._block_start():
            del self._held[:keep]
            self._base += keep
            self._pos -= keep
            self._line_scan = max(self._line_scan - keep, 0)
            self._blank_scan = max(self._blank_scan - keep, 0)
            self._crlf_scan = max(self._crlf_scan - keep, 0)
            self._blank_at = max(self._blank_at - keep, _NONE)
        self.steady = not (self._held or self._at_start or self._after_cr or self._overflowing or self._block.writer.is_odd)
        return items
