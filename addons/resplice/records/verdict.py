"""The delivery receipt's last word: was the answer whole, and was it handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from resplice.core.events import Reason, Receipt, SocketReceipt
from resplice.core.kinds import Kind
from resplice.records.states import State

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the receipt says in one word, in one sentence, and in two booleans for machines."""

    state: State
    whole: bool
    """The answer reached its end, and nothing of it was lost."""
    delivered_whole: bool
    """All of it was also handed to a live client's connection, the last byte included."""
    sentence: str


@dataclass(frozen=True, slots=True)
class _Case:
    receipt: Receipt
    client_gone: bool
    live: bool
    observed: bool

    @property
    def ended(self) -> bool:
        """The client was given a terminal event. In observe mode none is ever made."""
        return self.receipt.terminal == "seen" or (self.receipt.terminal == "synthesised" and not self.observed)

    @property
    def found(self) -> bool:
        """Something was repaired or lost in it, or would have been."""
        return bool(self.receipt.repairs or self.receipt.losses)

    @property
    def failed(self) -> bool:
        return self.receipt.terminal == "error" or self.receipt.error is not None

    @property
    def whole(self) -> bool:
        return (
            self.receipt.dialect is not None
            and Kind.INTERNAL_ERROR not in self.receipt.kinds
            and self.ended
            and not self.failed
            and self.receipt.losses == 0
        )


_LEFT_EARLY: Final = "The client disconnected before the answer was complete; the rest was not delivered."
_CUT: Final = {
    Reason.CLIENT_STALLED: "The client stopped reading before the answer was complete; what waited for it was dropped.",
    Reason.RETRIED: "The attempt failed before a byte of it had gone to the client; the request was sent again.",
    Reason.REFUSED: "The request had been sent again; the client got the last answer as it came, and it is no stream.",
    Reason.KILLED: "The stream was killed inside the proxy before the answer was complete.",
    Reason.SHUTDOWN: "The proxy was shut down before the answer was complete.",
}
_UNREAD: Final = "The answer was whole, but the client had stopped reading; what waited for it was dropped."


def _says_cut(case: _Case) -> str | None:
    return None if case.ended else _CUT.get(case.receipt.outcome)


def _says_error(case: _Case) -> str | None:
    if not case.failed:
        return None
    if case.observed:
        return "The answer failed; nothing was changed, the client got what the upstream sent."
    if case.receipt.error_status is not None:
        return f"There is no answer, and the client was told so by status {case.receipt.error_status}."
    return "The answer failed, and the stream says so: it ends in an error event, not in a stop."


def _says_lost(case: _Case) -> str | None:
    if not case.receipt.losses:
        return None
    count = "1 loss" if case.receipt.losses == 1 else f"{case.receipt.losses} losses"
    return f"The answer is not whole: the upstream destroyed a part of it ({count})."


_REASONS_AGAINST: Final[tuple[Callable[[_Case], str | None], ...]] = (
    lambda case: (
        "Resplice failed inside and let the rest pass raw; whether the answer was whole can't be said."
        if Kind.INTERNAL_ERROR in case.receipt.kinds
        else None
    ),
    lambda case: (
        "This was no stream of an API that Resplice knows; its bytes passed unchanged." if case.receipt.dialect is None else None
    ),
    lambda case: _LEFT_EARLY if case.client_gone and not case.ended else None,
    _says_cut,
    _says_error,
    _says_lost,
    lambda case: _UNJUDGED if case.receipt.standing != "asked" else None,
    lambda _: "The stream ended without its terminal event; whether the answer was whole can't be said.",
)


_UNJUDGED: Final = (
    "Its request asked for none of the APIs that Resplice knows: how such a stream should end is not known; what came passed."
)


def judge(receipt: Receipt, *, client_gone: bool, source: str, mode: str) -> Verdict:
    """Weigh a stream's receipt.

    ``client_gone``: the client disconnected before the stream was ended; ``source`` and ``mode`` are the context's.
    """
    if receipt.socket is not None:
        return _judge_socket(receipt, receipt.socket, live=source == "live")
    gone = client_gone or receipt.outcome is Reason.CLIENT_DISCONNECT
    case = _Case(receipt, gone, live=source == "live", observed=mode == "observe")
    if not case.whole:
        sentence = next(words for reason in _REASONS_AGAINST if (words := reason(case)))
        return Verdict(_state(case), whole=False, delivered_whole=False, sentence=sentence)
    unread = receipt.outcome is Reason.CLIENT_STALLED
    sentence = _UNREAD if unread else _praise(case)
    return Verdict(_state(case), whole=True, delivered_whole=case.live and not unread, sentence=sentence)


def _state(case: _Case) -> State:
    """By what the client got. A heartbeat repairs nothing."""
    return next(state for state, holds in _STATES if holds(case))


_STATES: Final[tuple[tuple[State, Callable[[_Case], bool]], ...]] = (
    (State.UNKNOWN, lambda case: case.receipt.dialect is None),
    (State.UNKNOWN, lambda case: case.receipt.standing != "asked" and not (case.ended or case.client_gone)),
    (State.RAW, lambda case: Kind.INTERNAL_ERROR in case.receipt.kinds),
    (State.RETRIED, lambda case: case.receipt.outcome is Reason.RETRIED),
    (State.FAULTY, lambda case: case.observed and case.ended and not case.failed and case.found),
    (State.HEALTHY, lambda case: case.whole and not case.found),
    (State.REPAIRED, lambda case: case.whole),
    (State.FAILED, lambda case: case.failed or case.receipt.outcome is Reason.REFUSED),
    (State.FAILED, lambda case: bool(case.receipt.losses) and not case.observed),
    (State.LEFT, lambda case: case.client_gone),
    (State.CUT, lambda _: True),
)
"""The first that holds."""


def _judge_socket(receipt: Receipt, socket: SocketReceipt, *, live: bool) -> Verdict:
    """Any number of answers; their connection's end is no answer's end."""
    total = "1 response" if socket.responses == 1 else f"{socket.responses} responses"
    ended_by = State.LEFT if socket.closed_by_client else State.CUT
    against = (
        (socket.unfinished, ended_by, f"Of {total} that began, or were asked for, {socket.unfinished} did not end."),
        (receipt.losses, State.FAULTY, f"Of {total}, a part did not arrive as it should have ({receipt.losses} messages damaged)."),
        (socket.failed, State.FAILED, f"Of {total}, {socket.failed} failed, and said so."),
        (not socket.responses, ended_by, "No response began on this connection."),
    )
    for is_against, state, sentence in against:
        if is_against:
            return Verdict(state, whole=False, delivered_whole=False, sentence=sentence)
    return Verdict(State.HEALTHY, whole=True, delivered_whole=live, sentence=f"{total}: whole, and passed on.")


def _praise(case: _Case) -> str:
    if case.observed and case.found:
        return "The answer reached its end, with faults in it that were left as they are, for it was only observed."
    if not case.live:
        return "The recorded stream is a whole answer; a recording can't tell whether it was delivered."
    if case.client_gone:
        return "The whole answer was handed to the client before it disconnected."
    return "The whole answer was handed to the client, which was still connected."
