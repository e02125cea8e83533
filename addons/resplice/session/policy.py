"""What a user may decide about a stream. One instance serves many; it never changes while a stream is open."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from resplice.core.catalogue import BY_KIND, OPT_IN, REPAIRS, Fault
from resplice.core.kinds import Kind
from resplice.session.clients import QUIRKS, UNSAID, Quirk

MODES: Final = ("repair", "observe")
ON_LOSS: Final = ("error", "continue")
IDS: Final = ("stream", "keepalive", "off")
KEEPALIVE_BEFORE_ID: Final = ("pin", "comment", "hold", "drop")
COMMENTS: Final = ("pass", "convert")
KEEPALIVE_FORMS: Final = ("event", "comment")
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
    comments: str = "pass"
    """``pass``; or ``convert``: the client can't read comments, they become keepalives, and none of ours is one."""
    keepalive_form: str = "event"
    """What the client gets where it gets a keepalive from us: the dialect's own ``event``, or a ``comment`` line."""
    heartbeat: float = 0.0
    """After so many seconds of silence the client gets a keepalive; 0: never."""
    idle_timeout: float = 600.0
    """After so many seconds without a byte from the upstream the stream is ended; 0: never."""
    stall_timeout: float = 1800.0
    """After so many seconds with nothing but comments and keepalives the stream is ended; 0: never."""
    max_event_bytes: int = MAX_EVENT_BYTES
    """An incomplete event larger than this passes through raw, and is on record as such."""
    off: frozenset[Kind] = frozenset()
    """Repairs that are not done: what they would change passes as it came."""
    on: frozenset[Kind] = frozenset()
    """Repairs that are done although they are guesses."""

    client: str = UNSAID
    """Who reads: a name of `resplice.session.clients`. Legal bytes are changed for clients that die of them, and for no others."""

    def dies_of(self, quirk: Quirk) -> bool:
        """Whether the client can't read that, although it is legal."""
        return quirk in QUIRKS[self.client]

    def does(self, kind: Kind) -> bool:
        """Whether a repair of this kind is to be made."""
        return kind in self.on if kind in OPT_IN else kind not in self.off


def showing(fault: Fault) -> Policy:
    """The policy under which a row's example is repaired."""
    name, _, value = fault.needs.partition("=")
    policy = Policy(on=frozenset({fault.kind}) if fault.opt_in else frozenset())
    needed: dict[str, Any] = {name: value} if name else {}
    return replace(policy, **needed)


def switches(off: Iterable[str], on: Iterable[str], names: tuple[str, str]) -> tuple[frozenset[Kind], frozenset[Kind]]:
    """The values of `Policy.off` and `Policy.on` for names of repairs; each text may hold several, divided by commas or blanks.

    Raises:
        ValueError: a name is none of a repair, or is in both; the message is one line that says what to do, and begins with the
            one of the option's `names` that it is about.

    """
    switched_off, switched_on = (
        frozenset(_repair(name, option) for text in texts for name in text.replace(",", " ").split())
        for texts, option in zip((off, on), names, strict=True)
    )
    if both := sorted(switched_off & switched_on):
        raise ValueError(f"{names[0]} and {names[1]} both have {both[0]}; leave it out of one.")
    return switched_off, switched_on


def _repair(name: str, option: str) -> Kind:
    kind = next((kind for kind in Kind if kind == name), None)
    if kind is None:
        near = difflib.get_close_matches(name, sorted(REPAIRS), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "`resplice faults` lists them all."
        raise ValueError(f"{option} has {name[:64]!r}, which is no repair; {hint}")
    if kind not in REPAIRS:
        is_note = BY_KIND[kind].group in {"notes", "sockets"}
        why = "a note: nothing is changed for it" if is_note else "a loss: what the upstream destroyed can't be switched off"
        raise ValueError(f"{option} has {kind}, which is {why}; leave it out.")
    return kind
