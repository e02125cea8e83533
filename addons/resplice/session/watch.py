"""What is due when time passes: a heartbeat for the client, or the end of a stream from which nothing more is to be expected.

Only silence counts, never a stream's length. Our own heartbeats are no sign of life of the upstream: the clocks below
know only what came in.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.session.pace import Pace
from resplice.session.stream import Stream

LINGER: Final = 3.0
"""A body that stays open behind its terminal event is ended after so long (seconds), whatever still comes."""
FINISH_GRACE: Final = 10.0
"""A stream whose answer is finished, but not its message, gets the terminal after so much silence (seconds).

Servers count tokens, or moderate, between the finish and the usage: much less would cost clients the usage.
"""


class End(NamedTuple):
    """The stream is to be ended, for that reason."""

    reason: Reason
    detail: str


class Watch:
    """Looks after one stream, at every tick."""

    def __init__(self, stream: Stream, pace: Pace) -> None:
        self._stream = stream
        self._pace = pace
        self._substance = 0
        """How many bytes had come that were neither comments nor keepalives."""
        self._substance_at = pace.opened_at
        self._terminal_at: float | None = None

    def end(self, now: float, bytes_in: int) -> End | None:
        """Whether the stream is to be ended; `bytes_in` is all that came."""
        pace, facts, policy = self._pace, self._stream.facts, self._stream.policy
        if facts.terminal:
            return self._lingers(now)
        if self._stream.strangers and not self._stream.confirmed:
            return None  # a format that nobody knows: what its end would look like neither
        silence = now - pace.last_in_at
        if policy.idle_timeout and silence >= policy.idle_timeout:
            return End(Reason.IDLE, f"no byte came from the upstream for {policy.idle_timeout:g} s")
        dialect = self._stream.dialect
        is_over = facts.failed or (facts.stopped and dialect is not None and dialect.has_terminal)
        if is_over and silence >= FINISH_GRACE:
            return End(Reason.IDLE, f"no terminal event came within {FINISH_GRACE:g} s after the end of the answer")
        if policy.stall_timeout and self._dry(now, bytes_in) >= policy.stall_timeout:
            return End(Reason.IDLE, f"nothing but keepalives came from the upstream for {policy.stall_timeout:g} s")
        return None

    def beats(self, now: float) -> bool:
        """Whether a heartbeat is due. The caller sees to it that no frame is open."""
        stream, every = self._stream, self._stream.policy.heartbeat
        if not every or now - self._pace.last_sign() < every or not stream.policy.does(Kind.HEARTBEAT):
            return False
        is_over = stream.ended or stream.facts.terminal or stream.facts.failed
        is_strange = not stream.standing.may_judge or (stream.strangers and not stream.confirmed)
        return not (is_over or is_strange or stream.held or stream.raw or stream.line_open)

    def _lingers(self, now: float) -> End | None:
        if self._terminal_at is None:
            self._terminal_at = self._pace.last_in_at
        if now - self._terminal_at < LINGER:
            return None
        return End(Reason.COMPLETE, f"ended by Resplice: the body was still open {LINGER:g} s behind its terminal event")

    def _dry(self, now: float, bytes_in: int) -> float:
        """For how long there was nothing but comments and keepalives, give or take a tick."""
        substance = bytes_in - self._stream.idle_bytes
        if substance > self._substance:
            self._substance, self._substance_at = substance, self._pace.last_in_at
        return now - self._substance_at
