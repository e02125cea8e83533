"""What is told of a finished stream outside of the sidecar log: one line on the terminal, and the flow's metadata."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from resplice.core.events import Reason, Receipt
from resplice.core.kinds import Kind
from resplice.records.plain import plural, size
from resplice.records.redact import clean
from resplice.records.verdict import judge

if TYPE_CHECKING:
    from resplice.records.schema import StreamContext

__all__ = ["MARKS", "level", "mark", "metadata", "sentence", "state", "stranger", "summary"]

_TEXT: Final = 160
_ENDS: Final = {
    Reason.COMPLETE: "complete",
    Reason.UPSTREAM_END: "the upstream ended it",
    Reason.UPSTREAM_ABORT: "the upstream broke off",
    Reason.CLIENT_DISCONNECT: "the client left",
    Reason.CLIENT_STALLED: "the client stopped reading",
    Reason.IDLE: "the upstream fell silent",
    Reason.HEADERS_TIMEOUT: "no answer had begun in time",
    Reason.RETRIED: "sent again",
    Reason.REFUSED: "no stream came",
    Reason.KILLED: "killed",
    Reason.SHUTDOWN: "the proxy was shut down",
}
_TERMINALS: Final = {
    "synthesised": "terminal event added",
    "error": "ended in an error event",
    "missing": "no terminal event",
}
MARKS: Final = {":x:": "failed", ":warning:": "cut", ":wrench:": "repaired"}
"""A flow's mark -> the stream in one word."""


def level(receipt: Receipt) -> int:
    """One line for each stream; those that failed stand out, and a client that leaves is everyday life."""
    if receipt.outcome is Reason.CLIENT_DISCONNECT:
        return logging.DEBUG
    return logging.WARNING if mark(receipt) in {":x:", ":warning:"} else logging.INFO


def sentence(context: StreamContext, receipt: Receipt) -> str:
    """One line for the terminal. All that came from the wire is escaped."""
    parts = [_ENDS[receipt.outcome], _got(receipt), _kinds(receipt), _why(receipt), _amount(receipt)]
    told = "; ".join(part for part in parts if part)
    return f"Resplice: {_where(context)} ({receipt.dialect}): {told}"


def stranger(context: StreamContext, receipt: Receipt) -> str:
    """One line for an event stream that is none of an LLM's, MCP's for example."""
    return (
        f"Resplice: {_where(context)}: an event stream of no API that Resplice knows; {size(receipt.bytes_in)} passed as they came"
    )


def _where(context: StreamContext) -> str:
    return _safe(f"{context.host}:{context.port}{context.path.partition('?')[0]}")


def summary(receipt: Receipt) -> str:
    """A few words for a list of flows: what was changed, and how it ended."""
    counted = [f"{count} {word}" for count, word in ((receipt.repairs, "repaired"), (receipt.losses, "lost")) if count]
    parts = [", ".join(counted), _ENDS[receipt.outcome], _got(receipt)]
    return " · ".join(part for part in parts if part)


def mark(receipt: Receipt) -> str:
    """The name of the mark, in mitmproxy, that a flow gets; empty for a healthy one and for one whose client left."""
    if receipt.outcome is Reason.RETRIED:
        return ":wrench:"
    if receipt.losses or receipt.terminal == "error" or receipt.outcome is Reason.REFUSED:
        return ":x:"
    if receipt.terminal == "missing" and receipt.outcome is not Reason.CLIENT_DISCONNECT:
        return ":warning:"
    return ":wrench:" if receipt.repairs else ""


def state(receipt: Receipt, *, is_open: bool) -> str:
    """The stream in one word, to be filtered by."""
    if is_open:
        return "open"
    return MARKS.get(mark(receipt), "healthy" if receipt.terminal == "seen" else "left")


def metadata(context: StreamContext, receipt: Receipt, *, now: float | None = None) -> dict[str, Any]:
    """The stream's account of itself, in plain types, for `~meta` filters, saved flows and the content view.

    ``now``: the time on the stream's clock, where it is still open.
    """
    is_open, live = now is not None, context.source == "live"
    until = receipt.closed_at if now is None else now
    verdict = None if is_open else judge(receipt, client_gone=False, source=context.source, mode=context.mode).sentence
    return {
        "state": state(receipt, is_open=is_open),
        "summary": "" if is_open else summary(receipt),
        "stream": context.stream_id,
        "dialect": receipt.dialect,
        "model": clean(receipt.model or "", _TEXT),
        "mode": context.mode,
        "outcome": "open" if is_open else receipt.outcome.value,
        "terminal": receipt.terminal,
        "healthy": receipt.healthy,
        "findings": {str(kind): count for kind, count in receipt.kinds.items()},
        "repairs": receipt.repairs,
        "losses": receipt.losses,
        "verdict": verdict,
        "bytes_in": receipt.bytes_in,
        "bytes_out": receipt.bytes_out,
        "first_token_s": _since(receipt, receipt.first_token_at) if live else None,
        "duration_s": _since(receipt, until) if live else None,
        "longest_gap_s": round(max(receipt.longest_gap, until - _last(receipt)), 3) if live else None,
    }


def _since(receipt: Receipt, at: float | None) -> float | None:
    return None if at is None else round(at - receipt.opened_at, 3)


def _last(receipt: Receipt) -> float:
    """When the upstream spoke last."""
    return receipt.opened_at if receipt.last_byte_in_at is None else receipt.last_byte_in_at


def _amount(receipt: Receipt) -> str:
    seconds = receipt.closed_at - receipt.opened_at
    return f"{plural(receipt.events_out, 'event')}, {size(receipt.bytes_out)}" + (f" in {seconds:.1f} s" if seconds else "")


def _got(receipt: Receipt) -> str:
    if receipt.error_status is not None:
        return f"the client got status {receipt.error_status}"
    return "" if receipt.outcome in {Reason.RETRIED, Reason.REFUSED} else _TERMINALS.get(receipt.terminal, "")


def _kinds(receipt: Receipt) -> str:
    counted = sorted(receipt.kinds.items())
    return ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in counted if kind != Kind.UPSTREAM_ERROR)


def _why(receipt: Receipt) -> str:
    return _safe(receipt.error or receipt.detail)


def _safe(text: str) -> str:
    """Printable ASCII: no control character reaches a terminal, no line break makes a second line."""
    return ascii(clean(text, _TEXT))[1:-1]
