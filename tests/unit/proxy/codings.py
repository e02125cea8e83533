"""Streaming encoders for every content coding: each frame flushed, as a server does that streams."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import brotli

from resplice.proxy.decode import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _zlib(wbits: int) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    packer = zlib.compressobj(6, wbits=wbits)
    return lambda data: packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH), packer.flush


def _brotli() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    packer = brotli.Compressor()
    return lambda data: packer.process(data) + packer.flush(), packer.finish


def _zstd() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if hasattr(zstd, "COMPRESSOBJ_FLUSH_BLOCK"):
        packer: Any = zstd.ZstdCompressor().compressobj()
        return lambda data: packer.compress(data) + packer.flush(zstd.COMPRESSOBJ_FLUSH_BLOCK), packer.flush
    other: Any = zstd.ZstdCompressor()
    return lambda data: other.compress(data, other.FLUSH_BLOCK), other.flush


ENCODERS: dict[str, Callable[[], tuple[Callable[[bytes], bytes], Callable[[], bytes]]]] = {
    "gzip": lambda: _zlib(31),
    "deflate": lambda: _zlib(15),
    "raw-deflate": lambda: _zlib(-15),
    "br": _brotli,
    "zstd": _zstd,
}


def encode(coding: str, frames: Iterable[bytes]) -> list[bytes]:
    """One piece for each frame, and the coding's end."""
    pack, end = ENCODERS[coding]()
    return [*(pack(frame) for frame in frames), end()]
