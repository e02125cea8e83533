"""What is told of a finished stream outside of the sidecar log: one line on the terminal, and the flow's metadata."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from resplice.core.events import Reason, Receipt
from resplice.core.kinds import Kind
from resplice.records.plain import plural, size, visible
from resplice.records.redact import clean
from resplice.records.states import State
from resplice.records.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitmproxy import http

    from resplice.records.schema import StreamContext

__all__ = ["MARKS", "level", "metadata", "recalled", "sentence", "stranger", "summary", "verdict"]

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
MARKS: Final[dict[State, str]] = {
    State.REPAIRED: ":wrench:",
    State.RETRIED: ":wrench:",
    State.FAULTY: ":warning:",
    State.CUT: ":warning:",
    State.RAW: ":warning:",
    State.FAILED: ":x:",
}
"""The mark, by mitmproxy's name for it, of flows whose stream is in that state. The others have none."""
_ALARMS: Final = frozenset({State.FAULTY, State.CUT, State.RAW, State.FAILED})


def verdict(context: StreamContext, receipt: Receipt) -> Verdict:
    """The log's own word on a stream that has ended."""
    return judge(receipt, client_gone=False, source=context.source, mode=context.mode)


def level(context: StreamContext, receipt: Receipt) -> int:
    """One line for each stream; those that failed stand out, and a client that leaves is everyday life."""
    if receipt.outcome is Reason.CLIENT_DISCONNECT:
        return logging.DEBUG
    return logging.WARNING if verdict(context, receipt).state in _ALARMS else logging.INFO


def sentence(context: StreamContext, receipt: Receipt) -> str:
    """One line for the terminal. All that came from the wire is escaped."""
    state = f"{verdict(context, receipt).state}: {_ENDS[receipt.outcome]}"
    parts = [state, _got(receipt), _kinds(receipt, observed=context.mode == "observe"), _why(receipt), _amount(receipt)]
    told = "; ".join(part for part in parts if part)
    return f"Resplice: {_where(context)} ({receipt.dialect}): {told}"


def stranger(context: StreamContext, receipt: Receipt) -> str:
    """One line for an event stream that is none of an LLM's, MCP's for example."""
    return (
        f"Resplice: {_where(context)}: an event stream of no API that Resplice knows; {size(receipt.bytes_in)} passed as they came"
    )


def _where(context: StreamContext) -> str:
    return _safe(f"{context.host}:{context.port}{context.path.partition('?')[0]}")


def recalled(flow: http.HTTPFlow, verdict: Mapping[str, Any]) -> str:
    """One line for a flow from a file that carries a verdict."""
    where = _safe(f"{flow.request.pretty_host}:{flow.request.port}{flow.request.path.partition('?')[0]}")
    when = "when it was live" if verdict.get("source") == "live" else "when it was analysed"
    told = visible(verdict["summary"] or verdict["state"], _TEXT)
    return f"Resplice: {where} ({_safe(verdict['dialect'])}): {told}; told {when}, as stream {_safe(verdict['stream'][:8])}"


def summary(context: StreamContext, receipt: Receipt) -> str:
    """A few words for a list of flows: the stream's state, what was changed, and how it ended."""
    counted = [plural(count, word) for count, word in ((receipt.repairs, "repair"), (receipt.losses, "loss")) if count]
    if counted and context.mode == "observe":
        counted[-1] += " not made"
    parts = [", ".join(counted), _ENDS[receipt.outcome], _got(receipt)]
    return f"{verdict(context, receipt).state}: {' · '.join(part for part in parts if part)}"


def metadata(context: StreamContext, receipt: Receipt, *, now: float | None = None) -> dict[str, Any]:
    """The stream's account of itself, in plain types, for `~meta` filters, saved flows and the content view.

    ``now``: the time on the stream's clock, where it is still open.
    """
    is_open, live = now is not None, context.source == "live"
    until = receipt.closed_at if now is None else now
    judged = None if is_open else verdict(context, receipt)
    return {
        "state": (State.OPEN if judged is None else judged.state).value,
        "summary": "" if is_open else summary(context, receipt),
        "stream": context.stream_id,
        "dialect": receipt.dialect,
        "model": clean(receipt.model or "", _TEXT),
        "mode": context.mode,
        "source": context.source,
        "outcome": "open" if is_open else receipt.outcome.value,
        "terminal": receipt.terminal,
        "healthy": receipt.healthy,
        "findings": {str(kind): count for kind, count in receipt.kinds.items()},
        "repairs": receipt.repairs,
        "losses": receipt.losses,
        "verdict": None if judged is None else judged.sentence,
        "kept_bytes": None,
        "changes_kept": False,
        "body": "client",
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


def _kinds(receipt: Receipt, *, observed: bool) -> str:
    counted = sorted(receipt.kinds.items())
    told = ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in counted if kind != Kind.UPSTREAM_ERROR)
    return f"left as they are: {told}" if told and observed and (receipt.repairs or receipt.losses) else told


def _why(receipt: Receipt) -> str:
    return _safe(receipt.error or receipt.detail)


def _safe(text: str) -> str:
    """Printable ASCII: no control character reaches a terminal, no line break makes a second line."""
    return ascii(clean(text, _TEXT))[1:-1]
