"""`resplice report`: what happened, by host, model, dialect, fault and outcome, and over time."""

from __future__ import annotations

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from resplice.cli.errors import UsageError
from resplice.cli.logs import LogReader, log_files
from resplice.cli.report.tally import Tally
from resplice.cli.report.text import text_lines
from resplice.cli.terminal import size, visible

__all__ = ["DESCRIPTION", "add_arguments", "report"]

PRIVATE: Final = 0o600

DESCRIPTION: Final = """\
Tells what a sidecar log says: streams by host, model, API and client, faults, stalls, and how all of it went over time.
A LOG is a file, a folder of them, or - for standard input; files may be compressed (.gz).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("logs", nargs="+", metavar="LOG", help="log file or folder; - is standard input")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", metavar="FILE", help="one self-contained page, to be sent with a bug report")
    form.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--since", metavar="TIME", type=_moment, help="leave out what is older, e.g. 2026-11-21T09:30")
    parser.add_argument("--until", metavar="TIME", type=_moment, help="leave out what is younger")
    parser.add_argument("--host", help="only streams of this host")
    parser.add_argument("--top", metavar="N", type=_count, default=10, help="lines in each table (default: 10)")


def report(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Raises UsageError."""
    reader = LogReader(log_files(args.logs))
    tally = Tally(since=args.since, until=args.until, host=args.host)
    for record in reader.read():
        tally.add(record)
    if args.json:
        print(json.dumps(tally.as_json(reader), indent=2))
    elif args.html:
        from resplice.cli.report.page import html_page  # noqa: PLC0415 - only those wait for the template engine who need it

        _write(Path(args.html), html_page(tally, reader, args.top))
    else:
        print(*text_lines(tally, reader, args.top), sep="\n")
    return 0


def _write(path: Path, page: str) -> None:
    data = page.encode("utf-8", "replace")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except (OSError, ValueError) as error:
        raise UsageError(f"{visible(str(path))} can't be written: {getattr(error, 'strerror', None) or error}.") from error
    print(f"{size(len(data))} written to {visible(str(path))}")


def _moment(text: str) -> str:
    """A time as records have it: texts of that form sort as the times do."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give e.g. 2026-11-21 or 2026-11-21T09:30") from error
    aware = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines, 1 or more")
    return int(text)
