"""Reading sidecar logs: files of any size, in bounded memory, damaged lines and all."""

from __future__ import annotations

import gzip
import importlib
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from resplice.cli.errors import UsageError
from resplice.cli.terminal import plural, visible
from resplice.records.check import is_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resplice.records.schema import Record

__all__ = ["STDIN", "LogReader", "holds_records", "log_files"]

STDIN: Final = "-"
_ROTATED: Final = re.compile(r"(.*\.jsonl)(?:\.(\d+))?(?:\.gz)?$")
_FIRST: Final = 1024 * 1024
_RECORD: Final = re.compile(rb'\s*\{\s*"v"\s*:\s*\d+\s*,\s*"type"\s*:')
_LOOKED_AT: Final = 50
"""Lines: the first ones of a log may be damaged."""
_SHOW_EVERY: Final = 0.2


def _parser() -> Callable[[bytes], Any]:
    """The fastest parser that is installed. Both refuse what is no JSON with a ValueError."""
    try:
        loads: Callable[[bytes], Any] = importlib.import_module("orjson").loads
    except ImportError:
        return json.loads
    return loads


_loads: Final = _parser()


def log_files(names: Iterable[str]) -> list[str]:
    """The files that are meant; a folder stands for the logs in it, rotated ones first.

    Raises:
        UsageError: there is no such file, or no log in the folder.

    """
    found: list[str] = []
    for name in names:
        path = Path(name)
        if name != STDIN and not path.exists():
            raise UsageError(f"{visible(name)} does not exist; give log files, or a folder of them.")
        inside = sorted(filter(_is_log, path.iterdir()), key=_age) if name != STDIN and path.is_dir() else [path]
        if not inside:
            raise UsageError(f"{visible(name)} has no log in it (*.jsonl).")
        found += [name] if name == STDIN else [str(one) for one in inside]
    return found


def holds_records(name: str) -> bool:
    """Whether one of a file's first lines is a record. Raises UsageError where it can't be read."""
    reader = LogReader([])
    try:
        with _opened(name) as file:
            lines = (file.readline(_FIRST) for _ in range(_LOOKED_AT))
            return any(_RECORD.match(line) or reader.parse(line) is not None for line in lines)
    except (OSError, EOFError, ValueError) as error:
        raise UsageError(f"{visible(name)} can't be read: {getattr(error, 'strerror', None) or error}.") from error


def _is_log(path: Path) -> bool:
    return _ROTATED.match(path.name) is not None and path.is_file()


def _age(path: Path) -> tuple[str, int]:
    """Oldest first: a rotated file's number grows with its age."""
    match = _ROTATED.match(path.name)
    return (match[1], -int(match[2] or 0)) if match else (path.name, 0)


@dataclass(slots=True)
class LogReader:
    """Reads records one by one, and counts what it could not read."""

    files: list[str]
    records: int = 0
    damaged: int = 0
    """Lines that are no record, or one that is damaged."""
    newer: int = 0
    """Records of a version of the schema that this program does not know."""

    def read(self) -> Iterator[Record]:
        """All records of all files. Raises UsageError where a file can't be read."""
        progress = _Progress(self.files)
        for name in self.files:
            try:
                with _opened(name) as file:
                    for line in file:
                        progress.at(len(line))
                        if (record := self.parse(line)) is not None:
                            self.records += 1
                            yield record
            except (OSError, EOFError, ValueError) as error:
                raise UsageError(f"{visible(name)} can't be read: {getattr(error, 'strerror', None) or error}.") from error
        progress.done()

    def parse(self, line: bytes) -> Record | None:
        """The record that a line holds; None if it holds none, which is counted."""
        try:
            record = _loads(line)
        except (ValueError, RecursionError):
            self.damaged += bool(line.strip())
            return None
        if isinstance(record, dict) and "type" in record and type(record.get("v")) is int and record["v"] > 1:
            self.newer += 1
            return None
        if not is_record(record):
            self.damaged += 1
            return None
        return dict(record)

    @property
    def troubles(self) -> list[str]:
        """What could not be read, a line each."""
        told = []
        if self.damaged:
            told.append(f"{plural(self.damaged, 'line')} could not be read and {'is' if self.damaged == 1 else 'are'} not counted")
        if self.newer:
            told.append(f"{plural(self.newer, 'record')} of a newer Resplice not counted; update this one")
        return told

    def complain(self) -> None:
        """Tell on standard error what could not be read."""
        for line in self.troubles:
            print(f"resplice: {line}", file=sys.stderr)


def _opened(name: str) -> IO[bytes]:
    if name == STDIN:
        return sys.stdin.buffer
    if name.endswith(".gz"):
        return gzip.open(name, "rb")  # type: ignore[return-value]  # a GzipFile reads like a file
    return Path(name).open("rb")


class _Progress:
    """Tells how far the reading is, where somebody is looking."""

    def __init__(self, files: list[str]) -> None:
        self._total = sum(Path(name).stat().st_size for name in files if name != STDIN)
        self._read = self._lines = 0
        self._shown = time.monotonic()
        self._looking = sys.stderr.isatty()

    def at(self, size: int) -> None:
        """So many bytes more were read."""
        self._read += size
        self._lines += 1
        if self._looking and self._lines % 1024 == 0 and time.monotonic() - self._shown > _SHOW_EVERY:
            self._shown = time.monotonic()
            share = f"{min(self._read / self._total, 1):.0%}" if self._total else "some"
            sys.stderr.write(f"\r{share} read, {self._lines:,} records")
            sys.stderr.flush()

    def done(self) -> None:
        """Take the line away."""
        if self._looking:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
