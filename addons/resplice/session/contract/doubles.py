"""Streams in which every event comes twice, byte for byte."""

from __future__ import annotations

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken, Mended

type Payload = dict[str, Json]


class Doubles:
    """Watches a stream in which something came twice that can come only once.

    What follows tells: where the next event comes twice too, all do, and each second one goes. From then on one that comes
    once contradicts. Where the next event comes once, nothing but that one thing was doubled.
    """

    def __init__(self) -> None:
        self.over = False
        """The stream is not doubled."""
        self._sure = False
        self._pending: Payload | None = None

    def see(self, value: Payload) -> Mended | Broken | None:
        """What becomes of the next event; None: what becomes of it anyway."""
        if self._pending is None:
            self._pending = value
            return None
        first, self._pending = self._pending, None
        if value == first:
            self._sure = True
            return Mended((), Kind.EVENT_TWICE, "every event of the stream comes twice")
        if self._sure:
            return Broken(Kind.EVENT_TWICE, "every event came twice, and then one did not")
        self.over = True
        return None
