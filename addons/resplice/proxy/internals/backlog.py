"""What waits inside mitmproxy for an HTTP/2 client that does not read.

Towards an HTTP/1 client, and over an open window, mitmproxy reads no faster than it can write. Behind a closed window it queues
without end: https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/proxy/layers/http/_http_h2.py
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["Backlog"]

logger = logging.getLogger("resplice")

_COUNTS: Final = 16
"""So many times at most is the queue counted while as much as the limit passes: its pieces are many, and have no sum."""


class Backlog:
    """One stream's queue, and how large it may become."""

    def __init__(self, connection: Any, stream_id: int, limit: int) -> None:
        """``connection`` is what the HttpLayer has for the client's connection; ``limit`` is in bytes."""
        self._queues: Mapping[int, Iterable[Any]] = connection.h2_conn.stream_buffers
        self._stream_id = stream_id
        self._limit = limit
        self._count_at = limit
        """Bytes handed over from which on it is worth counting."""

    def waiting(self) -> int:
        """Bytes in the queue; 0 where it can't be read."""
        try:
            return sum(len(piece.data) for piece in self._queues.get(self._stream_id, ()))
        except Exception:  # fail open: mitmproxy's queue may look different one day
            logger.exception("Resplice failed to count what waits for a client; the stream goes on without a bound.")
            self._queues = {}
            return 0

    def exceeds(self, handed: int) -> bool:
        """Whether too much waits, now that so many bytes were handed over in all. A sixteenth more may pass unseen."""
        if handed <= self._count_at:
            return False
        waiting = self.waiting()
        self._count_at = handed + max(self._limit - waiting, self._limit // _COUNTS)
        return waiting > self._limit
