"""What is being done to one event, until it is clear what becomes of it."""

from __future__ import annotations

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Mended, Noted
from resplice.session.policy import Policy

type Payload = dict[str, Json]


class Work:
    """Collects the repairs of one event of a dialect whose payloads bear their event's name in `type`.

    Each repair is made only where policy wants it, and tells whether it was. Its `why` holds nothing from the wire but names
    and numbers.
    """

    def __init__(self, value: Payload | None, policy: Policy, event: str | None = None) -> None:
        self._original = value
        self._event = event
        self._policy = policy
        self.value = value
        """The event as it is to go out; None: it goes."""
        self.before: list[Payload] = []
        """What goes out in front of it."""
        self._made: dict[Kind, str] = {}
        self._left: dict[Kind, str] = {}
        self._notes: dict[Kind, str] = {}

    def put_before(self, payload: Payload, kind: Kind, why: str) -> bool:
        """An event is missing in front of this one."""
        if self._may(kind, why):
            self.before.append(payload)
            return True
        return False

    def become(self, value: Payload | None, kind: Kind, why: str) -> bool:
        """The event is to go out like that."""
        if self._may(kind, why):
            self.value = value
            return True
        return False

    def drop(self, kind: Kind, why: str) -> bool:
        """The event is not to go out."""
        if self._may(kind, why):
            self.value = None
            return True
        return False

    def note(self, kind: Kind, why: str) -> None:
        """The event passes, but that is worth a record."""
        self._notes.setdefault(kind, why)

    def _may(self, kind: Kind, why: str) -> bool:
        may = self._policy.does(kind)
        (self._made if may else self._left).setdefault(kind, why)
        return may

    def fate(self) -> Mended | Noted | None:
        """What becomes of the event."""
        if repair := self.repair():
            return repair
        return next((Noted(kind, why) for kind, why in self._notes.items()), None)

    def repair(self) -> Mended | None:
        """The repairs alone."""
        repairs = self._made or self._left
        if not repairs:
            return None
        payloads = [*self.before, self.value] if self._made else [self._original]
        events = tuple((payload.get("type", self._event), payload) for payload in payloads if payload is not None)
        first, *others = repairs
        return Mended(events, first, "; ".join(repairs.values()), (*others, *self._notes), tuple(self._left) if self._made else ())
