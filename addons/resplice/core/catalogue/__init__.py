"""Every fault that Resplice knows, one row each: what is broken, why the fix is safe, where it was seen.

The README's tables are made from this.
"""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue import anthropic, chat, encoding, framing, losses, meaning, responses, terminals, transport
from resplice.core.catalogue.row import Fault, Touches
from resplice.core.kinds import Kind

__all__ = ["BY_KIND", "CATALOGUE", "GROUPS", "OPT_IN", "REPAIRS", "Fault", "Touches"]

GROUPS: Final[dict[str, str]] = {
    "framing": "Framing",
    "encoding": "Encoding",
    "meaning": "Ids, names, keepalives",
    "chat": "Chat completions: the fields of chunks",
    "tool calls": "Chat completions: tool calls",
    "messages": "Anthropic Messages: the order and the fields of events",
    "responses": "OpenAI Responses: the order and the fields of events",
    "terminals": "Ends of streams",
    "errors": "Errors inside a 200",
    "losses": "Losses: they end in an honest error",
    "notes": "Notes: nothing is changed",
    "sockets": "WebSockets: observed, never changed",
}
"""The groups of rows, in the order in which they are shown, and their titles."""
_MODULES: Final = (framing, encoding, meaning, chat, anthropic, responses, terminals, losses, transport)

CATALOGUE: Final[tuple[Fault, ...]] = tuple(row for module in _MODULES for row in module.ROWS)
BY_KIND: Final[dict[Kind, Fault]] = {fault.kind: fault for fault in CATALOGUE}
OPT_IN: Final[frozenset[Kind]] = frozenset(fault.kind for fault in CATALOGUE if fault.opt_in)
"""Repairs that would be guesses."""
REPAIRS: Final[frozenset[Kind]] = frozenset(fault.kind for fault in CATALOGUE if fault.is_repair)
"""What a user may switch off and on."""
