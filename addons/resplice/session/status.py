"""What a session tells of its stream, for the adapter that drives it: nothing in here changes what goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resplice.core.events import Finding, Reason, Receipt, Stall
from resplice.core.kinds import Kind
from resplice.session.receipt import build_receipt

if TYPE_CHECKING:
    from resplice.core.wire import Framer
    from resplice.dialects import Dialect
    from resplice.dialects.recognition import Standing
    from resplice.session.failure import Failure
    from resplice.session.pace import Pace
    from resplice.session.stream import Stream


class Status:
    """What may be read off a session at any time."""

    _stream: Stream
    _framer: Framer
    _pace: Pace
    _stalls: list[Stall]
    _observe: bool
    _outcome: Reason
    _detail: str
    _requested_model: str | None

    @property
    def dialect(self) -> Dialect | None:
        """The stream's dialect; may become known with the first frame."""
        return self._stream.dialect

    @property
    def ended(self) -> bool:
        """An error event of ours ended the client's message: the adapter should end it now, and close the upstream."""
        return self._stream.ended and not self._observe

    @property
    def answered(self) -> bool:
        """A part of an answer has gone out, or the stream is none that can be judged."""
        stream = self._stream
        return (
            stream.answered
            or stream.facts.terminal
            or stream.raw
            or not stream.standing.may_judge
            or (stream.strangers > 0 and not stream.confirmed)
        )

    @property
    def standing(self) -> Standing:
        """How well it is known that the stream is of its dialect."""
        return self._stream.standing

    @property
    def may_break_off(self) -> bool:
        """The client is one that may have to be broken off."""
        return self._stream.ending.breaks_off

    @property
    def breaks_off(self) -> bool:
        """The answer failed, and the client is to be broken off: a clean end would hide that from it."""
        stream = self._stream
        return stream.ending.breaks_off and stream.facts.failed and not stream.ended_silently

    @property
    def spoke(self) -> bool:
        """An event has gone out, whatever it was."""
        return self._stream.events_out > 0

    @property
    def failure(self) -> Failure | None:
        """What made the stream fail, whether the upstream said so or we found it."""
        return self._stream.failure

    @property
    def has_findings(self) -> bool:
        """Something was found since `take_findings` and `take_stalls` were called last."""
        return bool(self._stream.ledger.findings or self._stalls)

    def take_findings(self) -> list[Finding]:
        """What was found since the last call, in order."""
        findings = self._stream.ledger.findings
        if findings:
            self._stream.ledger.findings = []
        return findings

    def take_stalls(self) -> list[Stall]:
        """The long silences that ended since the last call."""
        stalls = self._stalls
        if stalls:
            self._stalls = []
        return stalls

    def receipt(self) -> Receipt:
        """What went through, from the first byte to the last. To be called after `finish`."""
        return build_receipt(self._stream, self._pace, self._outcome, self._detail, self._requested_model)

    @property
    def bytes_out(self) -> int:
        """Bytes for the client so far."""
        return self._bytes_in if self._observe else self._stream.ledger.bytes_out

    @property
    def bytes_in(self) -> int:
        """Bytes from the upstream so far."""
        return self._bytes_in

    @property
    def last_in_at(self) -> float:
        """When the upstream spoke last."""
        return self._pace.last_in_at

    @property
    def _bytes_in(self) -> int:
        return self._stream.ledger.settled + self._framer.held

    def _is_complete(self) -> bool:
        stream = self._stream
        if stream.raw or not stream.standing.may_judge:
            return True
        return stream.facts.terminal and not stream.ledger.kinds[Kind.TERMINAL_MISSING]

    @property
    def _at_boundary(self) -> bool:
        """No frame is open, nor a line, nor a line end: nothing came yet, or what came has left as a whole."""
        return self._framer.at_boundary or self._pace.first_in_at is None
