"""What a user may decide about a stream. One instance serves many; it never changes while a stream is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resplice.core.catalogue import OPT_IN
from resplice.core.kinds import Kind

MODES: Final = ("repair", "observe")
ON_LOSS: Final = ("error", "continue")
IDS: Final = ("stream", "keepalive", "off")
KEEPALIVE_BEFORE_ID: Final = ("pin", "comment", "hold", "drop")
MAX_EVENT_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """Decisions with their defaults; the values are those of the options of the same names."""

    mode: str = "repair"
    """``repair``, or ``observe``: not one byte changes, the findings say what would have been done."""
    on_loss: str = "error"
    """``error``: a loss ends the stream with the dialect's error event; ``continue``: drop, record, go on."""
    ids: str = "stream"
    """``stream``: one id for all chunks of a chat completion; ``keepalive``: only keepalive chunks; ``off``."""
    keepalive_before_id: str = "pin"
    """What becomes of a keepalive chunk that comes before the stream's real id is known."""
    heartbeat: float = 0.0
    """After so many seconds of silence the client gets a keepalive; 0: never."""
    idle_timeout: float = 300.0
    """After so many seconds without a byte from the upstream the stream is ended; 0: never."""
    stall_timeout: float = 1800.0
    """After so many seconds with nothing but comments and keepalives the stream is ended; 0: never."""
    max_event_bytes: int = MAX_EVENT_BYTES
    """An incomplete event larger than this passes through raw, and is on record as such."""
    off: frozenset[Kind] = frozenset()
    """Repairs that are not done: what they would change passes as it came."""
    on: frozenset[Kind] = frozenset()
    """Repairs that are done although they are guesses."""

    def does(self, kind: Kind) -> bool:
        """Whether a repair of this kind is to be made."""
        return kind in self.on if kind in OPT_IN else kind not in self.off
