"""Dialects of a user's own, from Python files."""

from __future__ import annotations

import re
import runpy
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resplice.dialects import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["own_dialects"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
"""It stands in the log, and in what people type."""


def own_dialects(path: str) -> tuple[Dialect, ...]:
    """The dialects in a file: what its `DIALECT` or `DIALECTS` is.

    The file is run; nothing of it stays but what is returned, so reading it again finds it as it is then.

    Raises:
        ValueError: it can't be read, or fails, or has none; the message is one line that says what is wrong, and where.

    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"there is no file {path!r}")
    try:
        found = runpy.run_path(str(file))
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path!r} fails{_where(error, file)}: {_told(error)}") from error
    dialects = found.get("DIALECTS", found.get("DIALECT"))
    rows = (dialects,) if isinstance(dialects, Dialect) else dialects
    if not isinstance(rows, tuple | list) or not rows:
        raise ValueError(f"{path!r} has neither DIALECT nor DIALECTS; see examples/dialects/my_gateway.py")
    return tuple(_checked(rows, path))


def _checked(rows: Iterable[object], path: str) -> Iterable[Dialect]:
    for dialect in rows:
        if not isinstance(dialect, Dialect):
            raise ValueError(f"{path!r}: DIALECTS has a {type(dialect).__name__}; give instances of resplice.dialects.Dialect")  # noqa: TRY004 - one kind of error for all that is wrong with the file
        if not isinstance(dialect.name, str) or not _NAME.fullmatch(dialect.name):
            raise ValueError(f"{path!r}: {str(dialect.name)[:64]!r} is no name for a dialect; use a-z, 0-9 and hyphens")
        yield dialect


def _where(error: BaseException, file: Path) -> str:
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f" in line {lines[-1]}" if lines else ""


def _told(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())[:200]}"
