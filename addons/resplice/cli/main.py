"""The command line."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final, NoReturn

from resplice import __version__
from resplice.cli import explain, faults, replay, report, run, tail
from resplice.cli.errors import UsageError
from resplice.cli.terminal import visible
from resplice.records.schema import schema_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point of `resplice`; returns the exit status."""
    _speak_plainly()
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(given)
    except UsageError as error:
        print(f"resplice: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Nothing is left to be flushed at the exit.
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(given: list[str]) -> int:
    if given[:1] == ["run"]:  # every argument behind it is mitmdump's, argparse must not look at them
        return run.run(given[1:])
    args = _parser().parse_args(given)
    for module, name, _ in _COMMANDS:
        if args.command == name:
            return int(getattr(module, name)(args))
    if args.command == "schema":
        print(schema_text(), end="")
        return 0
    _parser().print_help()
    return 0


_COMMANDS: Final = (
    (replay, "replay", "send recorded streams through Resplice"),
    (report, "report", "tell what sidecar logs say"),
    (explain, "explain", "tell the story of one stream"),
    (tail, "tail", "follow a log while it is written"),
    (faults, "faults", "list what is repaired, and how"),
)
"""Each is a module with a function of the command's name, which runs it."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{visible(message)}; see `{self.prog} --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="resplice", description="Repairs broken LLM streams.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands.add_parser("run", help="start mitmdump with Resplice loaded")
    for module, name, summary in _COMMANDS:
        one = commands.add_parser(
            name,
            help=summary,
            description=module.DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(one)
    commands.add_parser("schema", help="print the JSON Schema of the sidecar log")
    return parser


def _version() -> str:
    try:
        proxy = metadata.version("mitmproxy")
    except metadata.PackageNotFoundError:
        proxy = "not installed"
    return f"resplice {__version__} (mitmproxy {proxy}, Python {platform.python_version()})"


def _speak_plainly() -> None:
    """A terminal that can't show a character gets its number instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
