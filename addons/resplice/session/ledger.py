"""The books of one stream: what comes in is passed, replaced or dropped; what goes out was passed or written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from resplice.core.events import Effect, Finding
from resplice.core.kinds import Kind


@dataclass(slots=True)
class Ledger:
    """Counts bytes and collects findings, in order."""

    passed: int = 0
    replaced: int = 0
    dropped: int = 0
    replacement: int = 0
    inserted: int = 0
    losses: int = 0
    repairs: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def bytes_out(self) -> int:
        """How many bytes went to the client."""
        return self.passed + self.replacement + self.inserted

    @property
    def settled(self) -> int:
        """How many bytes of the input have met their fate: the offset of the next one."""
        return self.passed + self.replaced + self.dropped

    def changed(self, effect: Effect, kind: Kind, raw: bytes, replacement: bytes, why: str, also: tuple[Kind, ...] = ()) -> bytes:
        """Book a change of the next `raw` bytes of the input; return what goes out."""
        self.findings.append(Finding(effect, kind, self.settled, raw, self.bytes_out, replacement, why, also))
        self.kinds[kind] += 1
        self.kinds.update(also)
        self.losses += effect is Effect.LOSS
        self.repairs += effect is Effect.REPAIR and kind is not Kind.HEARTBEAT
        if not raw:
            self.inserted += len(replacement)
        elif replacement:
            self.replaced += len(raw)
            self.replacement += len(replacement)
        else:
            self.dropped += len(raw)
        return replacement

    def note(self, kind: Kind, why: str) -> None:
        """Book something worth a record that touched no byte."""
        self.findings.append(Finding(Effect.NOTE, kind, self.settled, b"", self.bytes_out, b"", why))
        self.kinds[kind] += 1
