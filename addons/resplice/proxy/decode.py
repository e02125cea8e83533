"""Content codings, decoded as the bytes arrive, with what mitmproxy itself depends on."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol

__all__ = ["DecodeError", "Decoder", "Growth", "for_codings"]


def _first(*modules: str) -> Any:
    """The first of the modules that is installed."""
    for name in modules[:-1]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return importlib.import_module(modules[-1])


# None of them has types. mitmproxy 12.3 went from zstandard to the standard library's module, or its backport.
brotli: Any = _first("brotli")
zstd: Any = _first("zstandard", "compression.zstd", "backports.zstd")

_PIECE: Final = 256 * 1024
"""No piece that comes out is larger, where the library lets us say so."""
_FREE: Final = 2 * 1024 * 1024
_RATIO: Final = 1100
"""Data may grow to `_FREE` and so many times its size, which is what gzip can do at most."""
_MOST_KEPT: Final = 256 * 1024
"""So much encoded data is kept, to find what is sound of a piece that is damaged."""
_ZSTD_WINDOW_LOG: Final = 23
"""8 MiB, the window that RFC 9659 allows to a sender."""


class DecodeError(Exception):
    """The data is damaged, or a bomb. The message is a sentence without anything from the wire."""


class Growth:
    """How much went into something, and how much came out of it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.came = 0
        self.went = 0

    def goes(self, size: int) -> None:
        """So much comes out.

        Raises:
            DecodeError: that is more than any honest data becomes.

        """
        self.went += size
        if self.went > _FREE + _RATIO * self.came:
            raise DecodeError(f"the {self._what} data grows to more than {_RATIO} times its size")


class Decoder:
    """One content coding."""

    def __init__(self, coding: str, engine: Callable[[bytes], Engine], magic: Callable[[bytes], bool]) -> None:
        self._coding = coding
        self._make = engine
        self._engine: Engine | None = None
        self.starts = magic
        """Whether data that begins with these two bytes or more is a member of this coding; False where that can't be told."""
        self._pending = b""
        self._members = 0
        self._growth = Growth(coding)
        self._kept: bytearray | None = None
        """All that came of the present member; None where that is too much."""
        self._given = 0
        """How much came out of it."""

    @property
    def open(self) -> bool:
        """The data has begun, and its end has not been seen: were it to stop here, it would be truncated."""
        return self._engine is not None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Encoded bytes in, pieces of decoded ones out. What follows the data's end and is no further member is ignored.

        Raises:
            DecodeError: in place of the first byte that can't be decoded.

        """
        self._growth.came += len(data)
        while data:
            if self._engine is None and not (data := self._begin(data)):
                return
            for piece in self._through(data):
                self._growth.goes(len(piece))
                yield piece
            data = self._end()

    def _through(self, data: bytes) -> Iterator[bytes]:
        """What becomes of the data, up to the end of the member, or to the damage."""
        if self._engine is None:
            return
        kept = self._kept
        if kept is not None and len(kept) + len(data) <= _MOST_KEPT:
            kept += data
        else:
            kept = self._kept = None
        try:
            for piece in self._engine.feed(data):
                self._given += len(piece)
                yield piece
        except Exception as error:  # each library has errors of its own, all of them mean this
            if kept is not None:
                yield from self._sound_part(bytes(kept), len(data))
            raise DecodeError(f"the {self._coding} data is damaged") from error

    def _sound_part(self, kept: bytes, size: int) -> Iterator[bytes]:
        """Of a member whose last `size` bytes hold the damage: what had not come out, byte by byte."""
        engine, skip, at = self._make(kept), self._given, len(kept) - size
        try:
            for step in (kept[:at], *(kept[i : i + 1] for i in range(at, len(kept)))):
                for piece in engine.feed(step):
                    if len(piece) > skip:
                        yield piece[skip:]
                    skip = max(0, skip - len(piece))
        except Exception:  # noqa: BLE001 - here is the damage
            return

    def _end(self) -> bytes:
        """At the member's end: what stands behind it."""
        if self._engine is None or not self._engine.eof:
            return b""
        rest, self._engine = self._engine.rest, None
        self._members += 1
        return rest

    def _begin(self, data: bytes) -> bytes:
        """Start the next member once its first two bytes are there."""
        head = self._pending + data
        if len(head) < 2:  # noqa: PLR2004 - see the docstring
            self._pending = head
            return b""
        self._pending = b""
        if self._members and not self.starts(head):
            return b""
        self._engine = self._make(head)
        self._kept, self._given = bytearray(), 0
        return head


class Engine(Protocol):
    """A library's decoder."""

    @property
    def eof(self) -> bool:
        """The data's end has been seen."""
        ...

    @property
    def rest(self) -> bytes:
        """What came behind it."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """More data in, pieces of what it becomes out."""
        ...


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._engine = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def rest(self) -> bytes:
        return self._engine.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        engine, piece = self._engine, b"."
        while not engine.eof and piece:
            piece = engine.decompress(data, _PIECE)
            data = engine.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < _PIECE:
                return


class _Brotli:
    rest = b""

    def __init__(self) -> None:
        self._engine = brotli.Decompressor()
        self._is_bounded = hasattr(self._engine, "can_accept_more_data")

    @property
    def eof(self) -> bool:
        return bool(self._engine.is_finished())

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._is_bounded:  # before 1.2: as little as possible at a time
            for start in range(0, len(data), 16):
                if piece := bytes(self._engine.process(data[start : start + 16])):
                    yield piece
            return
        while True:
            piece = bytes(self._engine.process(data, output_buffer_limit=_PIECE))
            data = b""
            if piece:
                yield piece
            if self._engine.is_finished() or (self._engine.can_accept_more_data() and not piece):
                return


class _Zstd:
    def __init__(self) -> None:
        self._is_standard = hasattr(zstd, "DecompressionParameter")
        if self._is_standard:
            self._engine = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})
        else:
            self._engine = zstd.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW_LOG).decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._engine.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._engine.unused_data)

    def feed(self, data: bytes) -> Iterator[bytes]:
        engine = self._engine
        if self._is_standard:
            while True:
                if piece := engine.decompress(data, _PIECE):
                    yield piece
                data = b""
                if engine.eof or engine.needs_input:
                    return
        for start in range(0, len(data), 64):
            if piece := engine.decompress(data[start : start + 64]):
                yield piece
            if engine.eof:
                self._engine = _Ended(bytes(engine.unused_data) + data[start + 64 :])
                return


class _Ended(NamedTuple):
    """In place of an engine that has come to its end within the data."""

    unused_data: bytes
    eof: bool = True


MAX_CODINGS: Final = 2
"""Nobody applies more of them to a stream."""


def for_codings(codings: list[str]) -> list[Decoder] | None:
    """The decoders that undo the codings, listed in the order of their application; None if one is unknown, or they are many."""
    decoders: list[Decoder] = []
    for coding in reversed([name.strip().lower() for name in codings]):
        if coding in {"", "identity", "none"}:
            continue
        if coding not in _CODINGS or len(decoders) == MAX_CODINGS:
            return None
        decoders.append(Decoder(coding, *_CODINGS[coding]))
    return decoders


def _deflate(head: bytes) -> Engine:
    """The standard says zlib's wrapping, many a server sends the bare data."""
    wrapped = head[0] & 15 == 8 and int.from_bytes(head[:2]) % 31 == 0  # noqa: PLR2004 - RFC 1950: CM, FCHECK
    return _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _is_zstd(head: bytes) -> bool:
    return head[:2] == b"\x28\xb5" or (head[0] & 0xF0 == 0x50 and head[1] == 0x2A)  # noqa: PLR2004 - RFC 8878: magic numbers


_GZIP: Final = (lambda _: _Zlib(16 + zlib.MAX_WBITS), lambda head: head[:2] == b"\x1f\x8b")
_CODINGS: Final[dict[str, tuple[Callable[[bytes], Engine], Callable[[bytes], bool]]]] = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": (_deflate, lambda _: False),
    "br": (lambda _: _Brotli(), lambda _: False),
    "zstd": (lambda _: _Zstd(), _is_zstd),
}
