"""What a row of the catalogue holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resplice.core.kinds import Kind

GITHUB: Final = "https://github.com/"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the catalogue."""

    kind: Kind
    group: str
    broken: str
    """What is wrong with the bytes, and who breaks on it."""
    repair: str
    """What is done."""
    safe: str
    """Why that can't make a right answer wrong."""
    source: str
    """One link: a specification, or the report of a real occurrence."""
    dialects: tuple[str, ...] = ()
    """Names of the dialects in which it is repaired; none: in all of them."""
    example: str = ""
    """Bytes with the fault, ⏎ for LF, ␍ for CR."""
    opt_in: bool = False
    """The repair would be a guess: it is done only where `resplice_on` names it."""

    @property
    def is_repair(self) -> bool:
        """Something is mended, and a user may decide that it is not. Losses and notes are facts: they can't be decided away."""
        return self.group not in {"losses", "notes", "sockets"}
