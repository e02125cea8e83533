"""`resplice tail`: a log as it is written, one readable line for each record."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resplice.cli.errors import UsageError
from resplice.cli.logs import LogReader, log_files
from resplice.cli.terminal import plural, size, visible
from resplice.records.states import state_of_record

if TYPE_CHECKING:
    from resplice.records.schema import Record

__all__ = ["DESCRIPTION", "Lines", "add_arguments", "follow", "tail"]

DESCRIPTION: Final = """\
Follows a sidecar log while it is written. LOG is a file, or a folder: then the newest log in it, also when a new one is begun.
"""
_POLL: Final = 0.25
_NAME: Final = 60
_WHY: Final = 160
_MAX_OPEN: Final = 10_000
_COLOURS: Final = {"repair": "33", "loss": "31;1", "failed": "31;1", "stall": "35", "stream.open": "2"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("log", metavar="LOG", help="log file or folder")
    parser.add_argument("-n", "--last", metavar="N", type=int, default=10, help="begin with the last N records (default: 10)")
    parser.add_argument("--no-follow", action="store_true", help="end where the log ends")
    parser.add_argument("--host", help="only streams of this host")
    parser.add_argument("--dialect", help="only streams of this API")
    parser.add_argument("--kind", help="only this kind of fault")
    parser.add_argument("--damage", action="store_true", help="only what was damaged: repairs, losses, failed streams")


def tail(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Raises UsageError."""
    lines = Lines(_wanted(args), colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    reader = LogReader(log_files([args.log]))
    past = deque((line for record in reader.read() if (line := lines.line(record))), maxlen=max(args.last, 0))
    for line in past:
        print(line)
    reader.complain()
    if args.no_follow:
        return 0
    for record in follow(Path(args.log)):
        if (line := lines.line(record)) is not None:
            print(line, flush=True)
    return 0


def _wanted(args: argparse.Namespace) -> Callable[[Record, Record], bool]:
    """`(record, its stream's first record) -> bool`."""

    def wanted(record: Record, opening: Record) -> bool:
        if args.host is not None and opening.get("host") != args.host:
            return False
        if args.dialect is not None and args.dialect not in {record.get("dialect"), opening.get("dialect")}:
            return False
        if args.kind is not None and args.kind not in {
            record.get("kind"),
            *record.get("also", ()),
            *(record.get("findings") or ()),
        }:
            return False
        return not args.damage or record["type"] in {"repair", "loss"} or record.get("whole") is False

    return wanted


class Lines:
    """Writes records as lines. Knows the streams that are open, so that each line can name its host."""

    def __init__(self, wanted: Callable[[Record, Record], bool], *, colour: bool) -> None:
        self._wanted = wanted
        self._colour = colour
        self._open: OrderedDict[str, Record] = OrderedDict()

    def line(self, record: Record) -> str | None:
        """The record's line; None where it is not wanted."""
        stream = str(record.get("stream"))
        if record["type"] == "stream.open":
            self._open[stream] = {key: record.get(key) for key in ("host", "path", "dialect", "model")}
            if len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)
        opening = self._open.get(stream, {})
        if record["type"] == "stream.close":
            self._open.pop(stream, None)
        if not self._wanted(record, opening):
            return None
        told = _TOLD.get(record["type"], _other)(record, opening)
        where = f"{opening.get('host') or '-'}"
        text = (
            f"{visible(str(record.get('ts'))[11:23])}  {visible(stream[:8]):<8}  {visible(where, _NAME)}  {visible(told, 3 * _WHY)}"
        )
        return self._painted(text, "failed" if record.get("whole") is False else record["type"])

    def _painted(self, text: str, what: str) -> str:
        return f"\x1b[{_COLOURS[what]}m{text}\x1b[0m" if self._colour and what in _COLOURS else text


def _opened(record: Record, _: Record) -> str:
    about = ", ".join(str(one) for one in (record.get("dialect"), record.get("model"), record.get("client")) if one)
    return f"open    {str(record.get('path')).partition('?')[0]} ({about})"


def _found(record: Record, _: Record) -> str:
    kinds = ", ".join(map(str, (record["kind"], *record["also"])))
    would = "" if record["applied"] or record["type"] == "note" else " (not applied)"
    return f"{record['type']:<7} {kinds}{would} at byte {record['in_offset']:,}: {str(record['why'])[:_WHY]}"


def _stalled(record: Record, _: Record) -> str:
    return (
        f"stall   {record['silence_ms'] / 1000:.1f} s after {size(record['bytes_in'])}{'' if record['resumed'] else ', to the end'}"
    )


def _closed(record: Record, _: Record) -> str:
    faults = ", ".join(f"{count} {kind}" for kind, count in (record.get("findings") or {}).items())
    amount = f"{plural(record['events_out'], 'event')}, {size(record['bytes_out'])}"
    ended = f"{state_of_record(record)}: {record['outcome']}, terminal {record['terminal']}"
    return f"close   {ended}, {amount}{f'; {faults}' if faults else ''}"


def _other(record: Record, _: Record) -> str:
    count = f" {record['count']:,} records" if isinstance(record.get("count"), int) else ""
    return f"{record['type']}{count}"


_TOLD: Final[dict[str, Callable[[Record, Record], str]]] = {
    "stream.open": _opened,
    "repair": _found,
    "loss": _found,
    "note": _found,
    "stall": _stalled,
    "stream.close": _closed,
}


def follow(path: Path, wait: Callable[[float], None] = time.sleep) -> Iterator[Record]:
    """Records that are written from now on. The log may be rotated, truncated, or begun anew under another name."""
    current, file, rest = None, None, b""
    first = True
    while True:
        newest = _newest(path)
        if newest is not None and (file is None or current != _identity(newest)):
            if file is not None:
                yield from _records(rest + file.read())
                file.close()
            file, rest, current = newest.open("rb"), b"", _identity(newest)
            file.seek(0, os.SEEK_END if first else os.SEEK_SET)
        first = False
        if file is not None:
            if os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)
                rest = b""
            whole, newline, rest = (rest + file.read()).rpartition(b"\n")
            yield from _records(whole + newline)
        wait(_POLL)


def _records(data: bytes) -> Iterator[Record]:
    reader = LogReader([])
    for line in data.splitlines():
        if (record := reader.parse(line)) is not None:
            yield record


def _newest(path: Path) -> Path | None:
    try:
        if not path.is_dir():
            return path if path.exists() else None
        logs = [one for one in path.iterdir() if one.suffix == ".jsonl"]
        return max(logs, key=lambda one: one.stat().st_mtime, default=None)
    except OSError as error:
        raise UsageError(f"{visible(str(path))} can't be read: {error.strerror}.") from error


def _identity(path: Path) -> Any:
    found = path.stat()
    return found.st_dev, found.st_ino
