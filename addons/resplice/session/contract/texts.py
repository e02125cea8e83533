"""The texts of an answer as they go out: whole characters, and, for who asked for it, nothing said twice."""

from __future__ import annotations

from collections.abc import Hashable

from resplice.core.kinds import Kind
from resplice.session.contract.chunk_work import ChunkWork
from resplice.session.contract.contract import Broken
from resplice.session.contract.growth import Growth
from resplice.session.contract.surrogates import LOST, Halves, is_whole
from resplice.session.policy import Policy


class Texts:
    """Follows each text of one answer, piece by piece."""

    def __init__(self, policy: Policy) -> None:
        self._joins = policy.does(Kind.LONE_SURROGATE)
        self._halves = Halves()
        self.waiting = self._halves.waiting
        """The halves of characters that wait."""
        self.cumulative = policy.does(Kind.CUMULATIVE_DELTAS)
        """Every piece must be shown, also one that looks like the piece before it."""
        self._growth = Growth() if self.cumulative else None

    def piece(self, key: Hashable, text: str, work: ChunkWork) -> str:
        """What goes out for the next piece of a text of the model's."""
        if self._growth is None:
            return self.whole(key, text, work)
        new = self._growth.cut(key, text)
        if new is None:
            work.broken = Broken(Kind.CUMULATIVE_DELTAS, "a text was sent as a whole each time, and no longer is")
            return text
        if new != text:
            work.may(Kind.CUMULATIVE_DELTAS)
        return self.whole(key, new, work)

    def whole(self, key: Hashable, text: str, work: ChunkWork) -> str:
        """The same for a text that is only looked at for its characters."""
        if not self._joins:
            if not is_whole(text):
                work.may(Kind.LONE_SURROGATE)
            return text
        whole = self._halves.join(key, text)
        if whole != text:
            work.may(Kind.LONE_SURROGATE)
        return whole

    def rest(self, key: Hashable, work: ChunkWork) -> str:
        """A text ends: what of it waited."""
        rest = self._growth.end(key) if self._growth is not None else ""
        if rest:
            work.may(Kind.CUMULATIVE_DELTAS)
        whole = self._halves.join(key, rest) + (LOST if self._halves.waiting.pop(key, "") else "")
        if whole != rest:
            work.may(Kind.LONE_SURROGATE)
        return whole
