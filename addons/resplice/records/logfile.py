"""The file under the sidecar log: its place, its mode, its rotation, and how a line that was cut is mended.

Several processes may write one log. Each block of lines is written, and the file rotated, under an advisory lock on the file
that the path names; who had to wait for the lock looks the path up again, for the file may have been rotated away meanwhile.
Where the system has no such lock (Windows, some network file systems) each process needs a log of its own.
"""

from __future__ import annotations

import errno
import importlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections import deque
    from types import ModuleType

fcntl: ModuleType | None = None
with suppress(ImportError):  # Windows has none
    fcntl = importlib.import_module("fcntl")

__all__ = ["LogFile"]

MODE: Final = 0o600
FOLDER_MODE: Final = 0o700

# A symbolic link would lead the records to a file of somebody else's choice; a pipe without a reader must not block.
_FLAGS: Final = (
    os.O_RDWR
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)

LOCK_WITHIN: Final = 2.0
"""Seconds to wait for another process that writes the same log."""
_LOCK_POLL: Final = 0.002
_OTHERS_WRITE: Final = 0o022

os_write = os.write
"""The one place where bytes leave; tests put a full or a slow disk here."""


class LogFile:
    """Appends whole lines to the file that a path with strftime marks means at the moment.

    The file may be removed, renamed or truncated by others at any time: it is looked up anew for every block of lines.
    Failures are OSErrors; what was written before one is accounted for, to the byte.
    """

    def __init__(self, template: str, *, max_bytes: int, keep: int) -> None:
        """``max_bytes`` 0: never rotated by size. ``keep``: how many rotated files (``.1``, ``.2`` …) stay."""
        self.template = template
        self.path = ""
        self.rotation_error: OSError | None = None
        self._max_bytes = max_bytes
        self._keep = keep
        self._fd: int | None = None
        self._size = 0
        self._done = 0
        """How many bytes of the first pending line are in the file already, after a write that was cut short."""
        self._torn = False
        """The file's last line has no end."""

    def write(self, pending: deque[bytes], now: float) -> None:
        """Append the lines, taking each off ``pending`` once it is in the file; after an OSError it has the rest."""
        while pending:
            self._lock(now)
            try:
                count = self._fitting(pending)
                if not count:
                    count = 0 if self._rotate(now) else len(pending)
                if count:
                    self._append(pending, count)
            finally:
                self._unlock()

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._done = 0
            os.close(fd)

    def _lock(self, now: float) -> None:
        """Open the file that the path names now, as `_refresh` does, for this process alone.

        Raises:
            OSError: it can't be opened, or another process keeps it.

        """
        deadline = time.monotonic() + LOCK_WITHIN
        self._refresh(now)
        while not self._try_lock():
            if time.monotonic() > deadline:
                raise OSError(errno.EWOULDBLOCK, "is kept by another process", self.path)
            time.sleep(_LOCK_POLL)
            self._refresh(now)
        self._refresh(now)  # what another process wrote before it let go of the file

    def _try_lock(self) -> bool:
        """Whether the open file is locked, and still the one that the path names."""
        if fcntl is None or self._fd is None:
            return True
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # the file system knows no locks
        return self._is_still_there()

    def _unlock(self) -> None:
        if fcntl is not None and self._fd is not None:
            with suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _refresh(self, now: float) -> None:
        """See to it that the open file is the one under today's name, and that the state we remember is still true."""
        path = time.strftime(self.template, time.localtime(now))
        if path != self.path or not self._is_still_there():
            self.close()
            self.path = path
        if self._fd is None:
            self._fd = self._open()
            self._size = -1
        size = os.fstat(self._fd).st_size
        if size != self._size:
            self._look(self._fd, size)

    def _is_still_there(self) -> bool:
        if self._fd is None:
            return False
        try:
            found = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # the name can't be looked up just now, but the open file can be written
        return os.path.samestat(found, os.fstat(self._fd))

    def _look(self, fd: int, size: int) -> None:
        """Somebody else wrote or cut the file, or it was just opened: look whether its last line has an end."""
        self._size = size
        self._done = 0
        self._torn = False
        if size > 0:
            os.lseek(fd, size - 1, os.SEEK_SET)  # O_APPEND: the next write goes to the end all the same
            self._torn = os.read(fd, 1) != b"\n"

    def _open(self) -> int:
        _make_folders(Path(self.path).parent)
        try:
            fd = os.open(self.path, _FLAGS, MODE)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(errno.ELOOP, "is a symbolic link, which is not followed", self.path) from error
            raise
        try:
            _secure(fd, self.path)
        except OSError:
            os.close(fd)
            raise
        return fd

    def _fitting(self, pending: deque[bytes]) -> int:
        """How many lines go into this file; 0 means that it is full. One line always fits into an empty file."""
        if not self._max_bytes:
            return len(pending)
        size, count = self._size, 0
        for line in pending:
            size += len(line)
            if size > self._max_bytes and not (count == 0 and (self._size == 0 or self._done)):
                break
            count += 1
        return count

    def _rotate(self, now: float) -> bool:
        """Rename ``x`` to ``x.1``, ``x.1`` to ``x.2`` … False where the folder does not allow it: the file grows on.

        The file stays open, and so locked, until its last name is given: nobody else rotates meanwhile.
        """
        if fcntl is None:
            self.close()  # Windows renames no file that is open
        try:
            for number in range(self._keep - 1, 0, -1):
                if os.path.lexists(f"{self.path}.{number}"):
                    Path(f"{self.path}.{number}").replace(f"{self.path}.{number + 1}")
            if self._keep:
                Path(self.path).replace(f"{self.path}.1")
            else:
                Path(self.path).unlink()
        except OSError as error:
            self.rotation_error = error
            self._lock(now)
            return False
        self.rotation_error = None
        self.close()
        return True

    def _append(self, pending: deque[bytes], count: int) -> None:
        assert self._fd is not None  # noqa: S101 - for the type checker; _refresh has just opened it
        lines = b"".join(line for line, _ in zip(pending, range(count), strict=False))
        block = memoryview((b"\n" if self._torn else b"") + lines[self._done :])
        while block:
            sent = os_write(self._fd, block)
            if sent <= 0:
                raise OSError(errno.EIO, "nothing was written", self.path)
            self._advance(pending, sent)
            block = block[sent:]

    def _advance(self, pending: deque[bytes], sent: int) -> None:
        """Account for ``sent`` bytes that are in the file now."""
        self._size += sent
        sent += self._done - self._torn
        self._torn = False
        while pending and sent >= len(pending[0]):
            sent -= len(pending.popleft())
        self._done = sent


def _make_folders(folder: Path) -> None:
    """Make what is missing, each for its owner alone (``makedirs`` would leave the upper ones to the umask)."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(FOLDER_MODE, exist_ok=True)


def _secure(fd: int, path: str) -> None:
    """Refuse what is no plain file of our own (changing the mode of a device would be worse), and keep all but the owner out.

    In a folder that others may write, a second name for the file, or another owner, is somebody else's doing.
    """
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", path)
    if hasattr(os, "geteuid") and Path(path).parent.stat().st_mode & _OTHERS_WRITE:
        if found.st_nlink > 1:
            raise OSError(errno.EMLINK, "has a second name (a hard link), and others may write its folder", path)
        if found.st_uid != os.geteuid():
            raise OSError(errno.EPERM, "is another user's, and others may write its folder", path)
    if stat.S_IMODE(found.st_mode) != MODE and hasattr(os, "fchmod"):
        os.fchmod(fd, MODE)
