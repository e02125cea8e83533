"""One stream's records, numbered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from resplice.records.schema import (
    Evidence,
    Record,
    StreamContext,
    close_record,
    finding_record,
    open_record,
    stall_record,
)

if TYPE_CHECKING:
    from resplice.core.events import Finding, Receipt

__all__ = ["StreamRecorder"]


class StreamRecorder:
    """Makes the records of one stream in the order of its life, and keeps their sequence numbers."""

    def __init__(self, ctx: StreamContext, evidence: Evidence = Evidence.SAMPLE) -> None:
        """``evidence`` says how much of the changed bytes is written down."""
        self.ctx = ctx
        self.evidence = evidence
        self.client_status = ctx.status
        """Status code of the response that the client gets; None: none."""
        self._seq = 0

    def learn(self, *, dialect: str | None = None, model: str | None = None, standing: str | None = None) -> None:
        """What turned out after the opening: the records from here on carry it."""
        ctx = self.ctx
        known = (dialect or ctx.dialect, model or ctx.model, standing or ctx.standing)
        if known != (ctx.dialect, ctx.model, ctx.standing):
            self.ctx = replace(ctx, dialect=known[0], model=known[1], standing=known[2])

    def open(self, ts: float) -> Record:
        """The opening; to be called first, and once."""
        return open_record(self.ctx, ts)

    def finding(self, finding: Finding, ts: float) -> Record:
        """A repair, loss or note."""
        return finding_record(self.ctx, finding, ts, self.evidence, self.ctx.mode == "repair", self._next())

    def stall(self, ts: float, *, silence: float, bytes_in: int, bytes_out: int, resumed: bool) -> Record:
        """A silence of the upstream, in seconds."""
        seq = self._next()
        return stall_record(self.ctx, ts, seq, silence=silence, bytes_in=bytes_in, bytes_out=bytes_out, resumed=resumed)

    def close(self, receipt: Receipt, ts: float, *, client_gone: bool, lost_records: int = 0) -> Record:
        """The delivery receipt; the stream's last record."""
        return close_record(
            self.ctx,
            receipt,
            ts,
            status=self.client_status,
            client_gone=client_gone,
            seq=self._next(),
            evidence=self.evidence,
            lost_records=lost_records,
        )

    def _next(self) -> int:
        self._seq += 1
        return self._seq
