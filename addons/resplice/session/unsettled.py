"""The input that has not met its fate, kept as it came: should a step fail, this alone decides what the client gets for it."""

from __future__ import annotations

from collections.abc import Iterable

from resplice.core.events import Effect, Finding
from resplice.session.ledger import Ledger


class Unsettled:
    """The input from `ledger.settled` on, and the step that is being made.

    A step takes some input, or lets time pass; what it does to the bytes it books. Whatever it books goes out, so that the books
    of a step that fails halfway tell what the client is owed for it, and the rest of the input passes as it came: each byte once.
    A step that books nothing before its last statement, and leaves nothing held, need not be begun.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._held = bytearray()
        """The input that was unsettled when the present step began."""
        self.hold = self._held.extend
        """More input came, and nothing was done about it. For small pieces this is all that there is to do."""
        self.began: int | None = None
        """How much was settled then; None between two steps."""
        self._noted = 0

    def begin(self) -> None:
        """A step begins; within another one it is a part of that."""
        if self.began is None:
            self.began = self._ledger.settled
            self._noted = len(self._ledger.findings)

    def end(self, data: bytes) -> None:
        """The step is over; `data` is the input that it took."""
        if self.began is None:
            return
        settled = self._ledger.settled - self.began
        self.began = None
        if self._held or settled != len(data):
            self._held += data
            del self._held[:settled]

    def give_up(self, data: bytes) -> tuple[bytes, bytes]:
        """The step failed: what goes out for all that it booked, and the rest of the input, which is no longer held."""
        self.begin()
        began = self.began or 0
        whole = bytes(self._held) + data
        self.began = None
        self._held.clear()
        settled = self._ledger.settled - began
        return _written(whole[:settled], began, self._ledger.findings[self._noted :]), whole[settled:]

    def take(self) -> bytes:
        """Give away what is held, to somebody who books it."""
        held = bytes(self._held)
        self._held.clear()
        return held


def _written(raw: bytes, offset: int, findings: Iterable[Finding]) -> bytes:
    """What went out for the input `raw`, which begins at that offset."""
    out, pos = [], 0
    for finding in findings:
        if finding.effect is not Effect.NOTE:
            begin = finding.in_offset - offset
            out += [raw[pos:begin], finding.replacement]
            pos = begin + len(finding.raw)
    return b"".join([*out, raw[pos:]])
