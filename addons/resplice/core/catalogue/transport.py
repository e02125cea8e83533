"""What is noticed beside a stream's bytes: time, and connections."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import GITHUB, Fault
from resplice.core.kinds import Kind

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.WOULD_END,
        "notes",
        "in observe mode: the upstream was silent for too long, or left the body open behind its terminal event",
        "nothing; in repair mode the stream would have been ended at this point",
        "nothing is changed",
        GITHUB + "microsoft/vscode/pull/321671",
    ),
)
