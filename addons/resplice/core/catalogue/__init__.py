"""Every fault that Resplice knows, one row each: what is broken, why the fix is safe, where it was seen.

The README's tables are made from this.
"""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue import anthropic, encoding, framing, losses, meaning, terminals, transport
from resplice.core.catalogue.row import Fault
from resplice.core.kinds import Kind

__all__ = ["BY_KIND", "CATALOGUE", "OPT_IN", "REPAIRS", "Fault"]

_GROUPS: Final = (framing, encoding, meaning, anthropic, terminals, losses, transport)

CATALOGUE: Final[tuple[Fault, ...]] = tuple(row for group in _GROUPS for row in group.ROWS)
BY_KIND: Final[dict[Kind, Fault]] = {fault.kind: fault for fault in CATALOGUE}
OPT_IN: Final[frozenset[Kind]] = frozenset(fault.kind for fault in CATALOGUE if fault.opt_in)
"""Repairs that would be guesses."""
REPAIRS: Final[frozenset[Kind]] = frozenset(fault.kind for fault in CATALOGUE if fault.is_repair)
"""What a user may switch off and on."""
