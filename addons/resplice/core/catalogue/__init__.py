"""Every fault that Resplice knows, one row each: what is broken, why the fix is safe, where it was seen.

The README's tables are made from this.
"""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue import encoding, framing, losses, meaning, terminals, transport
from resplice.core.catalogue.row import Fault
from resplice.core.kinds import Kind

__all__ = ["BY_KIND", "CATALOGUE", "OPT_IN", "REPAIRS", "Fault"]

CATALOGUE: Final[tuple[Fault, ...]] = framing.ROWS + encoding.ROWS + meaning.ROWS + terminals.ROWS + losses.ROWS + transport.ROWS
BY_KIND: Final[dict[Kind, Fault]] = {fault.kind: fault for fault in CATALOGUE}
OPT_IN: Final[frozenset[Kind]] = frozenset(fault.kind for fault in CATALOGUE if fault.opt_in)
"""Repairs that would be guesses."""
REPAIRS: Final[frozenset[Kind]] = frozenset(fault.kind for fault in CATALOGUE if fault.is_repair)
"""What a user may switch off and on."""
