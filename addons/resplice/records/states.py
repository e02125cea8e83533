"""One word for a stream's state: log, mark, comment, view, commands and reports all take it from here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

__all__ = ["MEANINGS", "State", "state_of_record"]


class State(StrEnum):
    """What became of a stream, as its client saw it. The order is that of reports."""

    HEALTHY = "healthy"
    REPAIRED = "repaired"
    FAULTY = "faulty"
    FAILED = "failed"
    CUT = "cut"
    LEFT = "left"
    RETRIED = "retried"
    RAW = "raw"
    UNKNOWN = "unknown"
    OPEN = "open"


MEANINGS: Final[dict[State, str]] = {
    State.HEALTHY: "the answer is whole, and nothing in it had to be repaired",
    State.REPAIRED: "the answer is whole, and something in it was repaired",
    State.FAULTY: "it reached its end with faults in it, which were left as they are, for it was only observed",
    State.FAILED: "the answer is not whole, and the client was told so by an error; or a part of it was lost",
    State.CUT: "it has no end, and nobody said why",
    State.LEFT: "the client left before the end",
    State.RETRIED: "an attempt of which the client saw nothing, for the request was sent again",
    State.RAW: "Resplice failed inside, and let the rest pass as it came",
    State.UNKNOWN: "no stream of an API that is known",
    State.OPEN: "it has not ended yet",
}


def state_of_record(close: Mapping[str, Any]) -> State:
    """The state in a stream's last record. One of an earlier version does not name it, and is weighed as well as can be."""
    named = close.get("state")
    if isinstance(named, str) and named in State:
        return State(named)
    if close.get("dialect") is None:
        return State.UNKNOWN
    if close.get("whole"):
        return State.HEALTHY if close.get("healthy") else State.REPAIRED
    if close.get("outcome") == "retried":
        return State.RETRIED
    if close.get("outcome") == "client_disconnect" and not close.get("losses"):
        return State.LEFT
    return State.FAILED
