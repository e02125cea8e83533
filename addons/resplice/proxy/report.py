"""What is told of a finished stream outside of the sidecar log: one line on the terminal, and the flow's metadata."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from resplice.core.events import Reason, Receipt
from resplice.core.kinds import Kind
from resplice.records.redact import clean

if TYPE_CHECKING:
    from resplice.records.schema import StreamContext

__all__ = ["level", "metadata", "sentence"]

_TEXT: Final = 160
_ENDS: Final = {
    Reason.COMPLETE: "complete",
    Reason.UPSTREAM_END: "the upstream ended it",
    Reason.UPSTREAM_ABORT: "the upstream broke off",
    Reason.CLIENT_DISCONNECT: "the client left",
    Reason.CLIENT_STALLED: "the client stopped reading",
    Reason.IDLE: "the upstream fell silent",
    Reason.KILLED: "killed",
    Reason.SHUTDOWN: "the proxy was shut down",
}
_TERMINALS: Final = {
    "synthesised": "terminal event added",
    "error": "ended in an error event",
    "missing": "no terminal event",
}


def level(receipt: Receipt) -> int:
    """Healthy streams and clients that leave are everyday life; everything else a person may want to see."""
    sound = receipt.outcome is Reason.COMPLETE and receipt.kinds.keys() <= {Kind.HEARTBEAT}
    return logging.DEBUG if sound or receipt.outcome is Reason.CLIENT_DISCONNECT else logging.INFO


def sentence(context: StreamContext, receipt: Receipt) -> str:
    """One line for the terminal. All that came from the wire is escaped."""
    parts = [_ENDS[receipt.outcome], _TERMINALS.get(receipt.terminal, ""), _kinds(receipt), _why(receipt)]
    told = "; ".join(part for part in parts if part)
    where = f"{context.host}:{context.port}{context.path.partition('?')[0]}"
    return f"Resplice: {_safe(where)} ({receipt.dialect}): {told}"


def metadata(context: StreamContext, receipt: Receipt) -> dict[str, Any]:
    """The verdict, in plain types, for `~meta` filters and saved flows."""
    return {
        "stream": context.stream_id,
        "dialect": receipt.dialect,
        "mode": context.mode,
        "outcome": receipt.outcome.value,
        "terminal": receipt.terminal,
        "healthy": receipt.healthy,
        "findings": {str(kind): count for kind, count in receipt.kinds.items()},
        "losses": receipt.losses,
    }


def _kinds(receipt: Receipt) -> str:
    counted = sorted(receipt.kinds.items())
    return ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in counted if kind != Kind.UPSTREAM_ERROR)


def _why(receipt: Receipt) -> str:
    return _safe(receipt.error or receipt.detail)


def _safe(text: str) -> str:
    """Printable ASCII: no control character reaches a terminal, no line break makes a second line."""
    return ascii(clean(text, _TEXT))[1:-1]
