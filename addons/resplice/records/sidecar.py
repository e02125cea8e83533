"""The sidecar log's writer: a bounded queue and one thread, so that no stream ever waits for a disk."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from resplice.records.logfile import LogFile
from resplice.records.schema import Record, encode, lost_record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SidecarWriter"]

logger = logging.getLogger("resplice")

BATCH_BYTES: Final = 1024 * 1024
QUEUE_BYTES: Final = 64 * 1024 * 1024
EXIT_TIMEOUT: Final = 2.0

QUEUE_FULL: Final = "queue_full"
NOT_SERIALISABLE: Final = "not_serialisable"


class SidecarWriter:
    """Writes records to a file, from any thread and without ever blocking or raising.

    While the disk refuses, records wait in the queue and the write is tried again; what comes when the queue is full is
    dropped, counted, told once through ``logging``, and put on record (``log.lost``) as soon as writing works again.
    """

    def __init__(
        self,
        path: str,
        *,
        max_bytes: int,
        keep: int,
        queue_size: int = 10_000,
        clock: Callable[[], float] = time.time,
        linger: float = 0.05,
        retry: float = 1.0,
    ) -> None:
        """``path`` may hold ``~`` and strftime marks. Raises ValueError where it can't be a path at all.

        ``linger``: for how many seconds records are collected before they are written together. ``retry``: the pause
        after a failure. ``max_bytes`` 0: no rotation by size.
        """
        if not path.strip() or "\0" in path:
            raise ValueError("The path of the sidecar log is empty or holds a NUL character.")
        self.written = 0
        """Records that are in the file, those of type ``log.lost`` included."""
        self.dropped = 0
        """Records that were given to ``write`` and will never be in the file."""
        self._clock = clock
        self._linger = linger
        self._retry = retry
        self._queue_size = queue_size
        self._file = LogFile(os.path.abspath(os.path.expanduser(path)), max_bytes=max_bytes, keep=keep)  # noqa: PTH100, PTH111 - unlike pathlib, they leave an unknown ~name alone
        self._changed = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._queue_bytes = 0
        self._pending: deque[bytes] = deque()
        self._notices = 0
        self._notice_seq = 0
        self._lost: dict[str, tuple[int, float]] = {}
        self._told = False
        self._failure: str | None = None
        self._rotation_told = False
        self._closing = False
        self._abandoned = False
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread. It is a daemon: a hanging disk does not keep the process alive."""
        if self._thread is None and not self._closing:
            self._thread = threading.Thread(target=self._run, name="resplice-sidecar", daemon=True)
            self._thread.start()
            atexit.register(self.close, EXIT_TIMEOUT)

    def write(self, record: Record) -> bool:
        """Queue a record. False: it had to be dropped, and is counted."""
        if os.getpid() != self._pid:  # a forked child has neither the thread nor a lock that it could trust
            return False
        try:
            line = encode(record)
        except Exception as error:  # noqa: BLE001 - a record must never be able to break a stream
            return self._refuse(NOT_SERIALISABLE, repr(error))
        with self._changed:
            if self._closing:
                self.dropped += 1
                return False
            few = len(self._queue) + len(self._pending) < self._queue_size
            small = not self._queue or self._queue_bytes + len(line) <= QUEUE_BYTES
            if few and small:
                self._queue.append(line)
                self._queue_bytes += len(line)
                if len(self._queue) == 1:
                    self._changed.notify()
                return True
        return self._refuse(QUEUE_FULL, "the disk is slower than the records come")

    def close(self, timeout: float) -> None:
        """Write all that is queued and end the thread; give up after ``timeout`` seconds. Later calls do nothing."""
        if os.getpid() != self._pid or self._abandoned:
            return
        if self._queue:
            self.start()
        with self._changed:
            self._closing = True
            self._changed.notify()
        atexit.unregister(self.close)
        if self._thread is None:
            return
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._abandon()

    def _abandon(self) -> None:
        with self._changed:
            self._abandoned = True
            count = len(self._queue) + max(len(self._pending) - self._notices, 0)
            self._queue.clear()
        if count:
            self.dropped += count
            _log(logging.ERROR, "The sidecar log %r hangs; %d records were given up.", self._file.template, count)

    def _refuse(self, reason: str, detail: str) -> bool:
        """Count a record that was dropped; tell of the first one only."""
        with self._changed:
            self.dropped += 1
            count, since = self._lost.get(reason, (0, self._clock()))
            self._lost[reason] = (count + 1, since)
            told, self._told = self._told, True
            self._changed.notify()
        if not told:
            detail = self._failure or detail
            message = "The sidecar log %r loses records (%s: %s). Streams are not affected."
            _log(logging.ERROR, message, self._file.template, reason, detail)
        return False

    def _run(self) -> None:
        while self._collect():
            self._flush()
        with contextlib.suppress(OSError):
            self._file.close()

    def _collect(self) -> bool:
        """Wait until there is something to write, and take it. False: all is done and the thread shall end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._queue or self._pending or self._lost)
            self._changed.wait_for(lambda: self._closing, self._retry if self._failure else self._linger)
            if self._abandoned:
                return False
            if not self._pending:
                self._take_batch()
            if not self._notices:
                self._add_notices()
            return bool(self._pending)

    def _take_batch(self) -> None:
        size = 0
        while self._queue and size < BATCH_BYTES:
            line = self._queue.popleft()
            self._queue_bytes -= len(line)
            self._pending.append(line)
            size += len(line)

    def _add_notices(self) -> None:
        """Tell in the log itself what could not be written, behind the records that could."""
        for reason, (count, since) in self._lost.items():
            detail = self._failure or ""
            record = lost_record(count=count, reason=reason, detail=detail, since=since, ts=self._clock(), seq=self._notice_seq)
            self._pending.append(encode(record))
            self._notices += 1
            self._notice_seq += 1
        self._lost = {}

    def _flush(self) -> None:
        before = len(self._pending)
        try:
            self._file.write(self._pending, self._clock())
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread goes on and the loss is told
            self._note_failure(error)
        else:
            self._note_success()
        self.written += before - len(self._pending)
        if self._pending and self._closing:
            self._give_up()

    def _note_failure(self, error: Exception) -> None:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else repr(error)
        if reason != self._failure:
            self._failure = reason
            message = "The sidecar log %r can't be written: %s. Streams are not affected; up to %d records wait in memory."
            _log(logging.ERROR, message, self._file.path or self._file.template, reason, self._queue_size)

    def _note_success(self) -> None:
        failed, self._failure = self._failure is not None, None
        self._notices = 0
        with self._changed:
            recovered = self._told and not self._lost and not self._queue
            if recovered:
                self._told = False
        if recovered or (failed and not self._told):
            message = "The sidecar log %r is written again; %d records have been lost so far."
            _log(logging.WARNING, message, self._file.path, self.dropped)
        self._note_rotation()

    def _note_rotation(self) -> None:
        error = self._file.rotation_error
        if error is not None and not self._rotation_told:
            message = "The sidecar log %r can't be rotated (%s), it grows beyond its limit."
            _log(logging.WARNING, message, self._file.path, error.strerror)
        self._rotation_told = error is not None

    def _give_up(self) -> None:
        """The last attempt failed: what is left is lost, and only the log line can say so."""
        with self._changed:
            count = len(self._queue) + len(self._pending) - self._notices
            self._queue.clear()
            self._pending.clear()
            self.dropped += count
        if count:
            _log(logging.ERROR, "The sidecar log %r was closed with %d records unwritten.", self._file.template, count)


def _log(level: int, message: str, *values: object) -> None:
    with contextlib.suppress(Exception):  # a handler of somebody else's must not break a stream, or end the thread
        logger.log(level, message, *values)
