"""What is being done to one chunk: which repairs it needs, and which of them the user wants."""

from __future__ import annotations

from resplice.core.catalogue import OPT_IN
from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken, Fate, Mended, Noted
from resplice.session.policy import Policy


class ChunkWork:
    """Collects the repairs of one chunk."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.kinds: list[Kind] = []
        self._left: list[Kind] = []
        self.broken: Broken | None = None
        """No repair is safe."""
        self.note: Noted | None = None
        """Worth a record, where nothing else is."""

    def may(self, kind: Kind) -> bool:
        """Take note that the event needs a repair of this kind. True if it is to be made; a guess only where it is asked for."""
        if self._policy.does(kind):
            self.kinds.append(kind)
            return True
        if kind not in OPT_IN:
            self._left.append(kind)
        return False

    def fate(self, event: str | None, *values: dict[str, Json]) -> Fate:
        """What becomes of the event: the `values`, in order, each under its name."""
        if self.broken is not None:
            return self.broken
        kinds = tuple(dict.fromkeys(self.kinds or self._left[:1]))
        if not kinds:
            return self.note
        left = tuple(dict.fromkeys(self._left)) if self.kinds else ()
        why = "an event against its API's contract: " + ", ".join(kind.replace("_", " ") for kind in kinds)
        return Mended(tuple((event, value) for value in values), kinds[0], why, kinds[1:], left)
