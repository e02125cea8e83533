"""Content codings, decoded as the bytes arrive, with what mitmproxy itself depends on."""

from __future__ import annotations

import importlib
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MAX_STEP", "DecodeError", "Decoder", "for_codings"]


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

MAX_STEP: Final = 32 * 1024 * 1024
"""What one piece of input (at most 64 KiB) may become. Text shrinks to a tenth; a bomb to a thousandth and less."""
_ZSTD_WINDOW_LOG: Final = 23
"""8 MiB, the window that RFC 9659 allows to a sender."""


class DecodeError(Exception):
    """The data is damaged, or a bomb. The message is a sentence without anything from the wire."""


class Decoder:
    """One content coding."""

    def __init__(self, coding: str, engine: Callable[[bytes], Any], slice_size: int, magic: Callable[[bytes], bool]) -> None:
        self._coding = coding
        self._make = engine
        self._engine: Any = None
        self._slice_size = slice_size
        """So much of the input is decoded at a time that its output is bounded by a few MiB, whatever the input."""
        self._starts_member = magic
        self._pending = b""
        self._members = 0

    @property
    def open(self) -> bool:
        """The data has begun, and its end has not been seen: were it to stop here, it would be truncated."""
        return self._engine is not None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Encoded bytes in, pieces of decoded ones out. What follows the data's end and is no further member is ignored.

        Raises:
            DecodeError: in place of the first piece that can't be decoded.

        """
        total = 0
        for start in range(0, len(data), self._slice_size):
            for piece in self._step(data[start : start + self._slice_size]):
                total += len(piece)
                if total > MAX_STEP:
                    raise DecodeError(f"the {self._coding} data grows to more than {MAX_STEP >> 20} MiB at once")
                yield piece

    def _step(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._engine is None:
                data = self._begin(data)
                if self._engine is None:
                    return
            try:
                piece, done, data = _run(self._engine, data)
            except Exception as error:  # each library has errors of its own, all of them mean this
                raise DecodeError(f"the {self._coding} data is damaged") from error
            if done:
                self._engine = None
                self._members += 1
            if piece:
                yield piece

    def _begin(self, data: bytes) -> bytes:
        """Start the next member once its first two bytes are there."""
        head = self._pending + data
        if len(head) < 2:  # noqa: PLR2004 - see the docstring
            self._pending = head
            return b""
        self._pending = b""
        if self._members and not self._starts_member(head):
            return b""
        self._engine = self._make(head)
        return head


class _Brotli:
    """Brotli's decompressor behind the interface that zlib's has."""

    unused_data = b""

    def __init__(self) -> None:
        self._engine = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._engine.is_finished())

    def decompress(self, data: bytes) -> bytes:
        return bytes(self._engine.process(data))


def for_codings(codings: list[str]) -> list[Decoder] | None:
    """The decoders that undo the codings, which are listed in the order of their application; None if one is unknown."""
    decoders = []
    for coding in reversed([name.strip().lower() for name in codings]):
        if coding in {"", "identity", "none"}:
            continue
        if coding not in _CODINGS:
            return None
        decoders.append(Decoder(coding, *_CODINGS[coding]))
    return decoders


def _run(engine: Any, data: bytes) -> tuple[bytes, bool, bytes]:
    piece = engine.decompress(data)
    return piece, engine.eof, engine.unused_data if engine.eof else b""


def _deflate(head: bytes) -> Any:
    """The standard says zlib's wrapping, many a server sends the bare data."""
    wrapped = head[0] & 15 == 8 and int.from_bytes(head[:2]) % 31 == 0  # noqa: PLR2004 - RFC 1950: CM, FCHECK
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _zstd(_: bytes) -> Any:
    if hasattr(zstd, "DecompressionParameter"):
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})
    return zstd.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW_LOG).decompressobj()


def _is_zstd(head: bytes) -> bool:
    return head[:2] == b"\x28\xb5" or (head[0] & 0xF0 == 0x50 and head[1] == 0x2A)  # noqa: PLR2004 - RFC 8878: magic numbers


_GZIP: Final = (lambda _: zlib.decompressobj(16 + zlib.MAX_WBITS), 4096, lambda head: head[:2] == b"\x1f\x8b")
_CODINGS: Final[dict[str, tuple[Callable[[bytes], Any], int, Callable[[bytes], bool]]]] = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": (_deflate, 4096, lambda _: False),
    "br": (lambda _: _Brotli(), 16, lambda _: False),
    "zstd": (_zstd, 256, _is_zstd),
}
