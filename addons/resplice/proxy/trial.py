"""Whether an answer begins as an answer should, while its headers are held back.

Its first pieces are read by a stream that nobody hears. Once that has shown what they are, the stream that counts gets them, each
with the time when it came; or nobody does.
"""

from __future__ import annotations

import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from resplice.core.events import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from resplice.proxy.stream import Pieces, Stream
    from resplice.session.failure import Failure

__all__ = ["MAX_HELD", "Judgement", "Trial"]

MAX_HELD: Final = 4 * 1024 * 1024
"""Bytes that are held back at most: an answer that has shown nothing by then is let go."""
_COST: Final = 128
"""Bytes that it costs to hold a piece, however small."""
_BLANKS: Final = b" \t\r\n"
_MARK: Final = b"\xef\xbb\xbf"
_SUSPICIOUS: Final = (b"{", b"[", b"<")


class Judgement(Enum):
    """What can be said by now."""

    OPEN = auto()
    """Nothing yet."""
    GOOD = auto()
    """Let it go."""
    FAILED = auto()
    """`failure` says why."""


class Trial:
    """Holds an answer's first pieces until they are judged."""

    def __init__(self, silent: Stream, *, sniffs: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """``silent`` reads the pieces. ``sniffs``: an answer whose first byte begins neither JSON nor a page is let go at once."""
        self._silent = silent
        self._sniffs = sniffs
        self._clock = clock
        self._held: list[tuple[float, bytes]] = []
        self._size = 0
        self._overdue = False

    @property
    def held(self) -> Pieces:
        """What came so far, as it came."""
        return self._held

    @property
    def failure(self) -> Failure | None:
        """What made the answer fail before it began."""
        return None if self._silent.answered else self._silent.failure

    @property
    def reason(self) -> tuple[Reason, str] | None:
        """Why the answer is to be given up although the upstream has not ended it: by the last `tick`."""
        return self._silent.wants_end

    @property
    def judgement(self) -> Judgement:
        """What can be said by now."""
        if self.failure is not None:
            return Judgement.FAILED
        good = self._silent.answered or self._silent.finished or self._overdue or self._size > MAX_HELD
        return Judgement.GOOD if good else Judgement.OPEN

    def feed(self, data: bytes) -> None:
        """A piece of the body."""
        now = self._clock()
        head = (data if self._held else data.removeprefix(_MARK)).lstrip(_BLANKS)
        self._held.append((now, data))
        self._size += len(data) + _COST
        if self._sniffs and head:  # whatever came before it was blank
            self._overdue, self._sniffs = not head.startswith(_SUSPICIOUS), False
        if not self._overdue:
            self._silent.feed(data, now)

    def tick(self) -> None:
        """Time passed. A heartbeat that is due ends the wait: a client that wants them shall not hear nothing."""
        self._overdue |= bool(self._silent.tick()) and self.failure is None

    def finish(self, reason: Reason, detail: str = "") -> None:
        """The body is over."""
        self._silent.finish(reason, detail)
