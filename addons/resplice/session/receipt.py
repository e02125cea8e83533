"""The delivery receipt: from it a person can prove that an answer was delivered whole, or that it was not."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from resplice.core.events import Reason, Receipt
from resplice.core.kinds import Kind
from resplice.session.pace import Pace
from resplice.session.stream import Stream

_PROPER_ENDS: Final = frozenset({Reason.COMPLETE, Reason.UPSTREAM_END})


def build_receipt(stream: Stream, pace: Pace, outcome: Reason, detail: str, requested_model: str | None) -> Receipt:
    """What went through a stream that has ended."""
    facts, ledger = stream.facts, stream.ledger
    receipt = Receipt(
        dialect=stream.dialect.name if stream.dialect else None,
        outcome=outcome,
        detail=detail,
        healthy=not (ledger.replaced or ledger.dropped or ledger.inserted),
        terminal=_terminal(stream),
        stop_reason=facts.stop_reason,
        error=facts.error,
        error_status=stream.error_status,
        message_id=facts.message_id,
        model=facts.model or requested_model,
        bytes_in=ledger.settled,
        bytes_out=ledger.bytes_out,
        events_in=stream.events_in,
        events_out=stream.events_out,
        bytes_passed=ledger.passed,
        bytes_replaced=ledger.replaced,
        bytes_dropped=ledger.dropped,
        bytes_replacement=ledger.replacement,
        bytes_inserted=ledger.inserted,
        text_chars=facts.text_chars,
        tool_calls=facts.tool_calls,
        usage=facts.usage,
        kinds={str(kind): count for kind, count in ledger.kinds.items()},
        losses=ledger.losses,
        repairs=ledger.repairs,
        opened_at=pace.opened_at,
        first_byte_at=pace.first_in_at,
        first_token_at=pace.first_token_at,
        last_byte_in_at=pace.last_in_at if pace.first_in_at is not None else None,
        last_byte_out_at=pace.last_out_at,
        longest_gap=pace.longest_gap,
        closed_at=pace.closed_at,
        stalls=pace.stalls,
        stalled=pace.stalled,
        standing=stream.standing.value,
    )
    return _observed(receipt, stream) if stream.policy.mode == "observe" else receipt


def _observed(receipt: Receipt, stream: Stream) -> Receipt:
    """In observe mode everything passed as it came. The kinds are those that would have been repaired or lost."""
    total = receipt.bytes_in
    dialect, facts = stream.dialect, stream.facts
    ends_silently = dialect is not None and not dialect.has_terminal and receipt.outcome in _PROPER_ENDS
    if stream.passed_error is not None:
        terminal = "error"
    elif stream.passed_terminal or (ends_silently and (facts.stopped or facts.terminal)):
        terminal = "seen"
    else:
        terminal = "missing"
    outcome = receipt.outcome
    if dialect is not None and outcome in _PROPER_ENDS:
        outcome = Reason.COMPLETE if terminal == "seen" else Reason.UPSTREAM_END
    return replace(
        receipt,
        outcome=outcome,
        healthy=True,
        terminal=terminal,
        error=stream.passed_error,
        bytes_out=total,
        events_out=receipt.events_in,
        bytes_passed=total,
        bytes_replaced=0,
        bytes_dropped=0,
        bytes_replacement=0,
        bytes_inserted=0,
    )


def _terminal(stream: Stream) -> str:
    if stream.ended or stream.facts.failed:
        return "error"
    if stream.facts.terminal:
        return "synthesised" if stream.ledger.kinds[Kind.TERMINAL_MISSING] else "seen"
    return "missing"
