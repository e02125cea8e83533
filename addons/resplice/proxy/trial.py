"""Whether an answer begins as an answer should, while its headers are held back.

Its first pieces are read by a stream that nobody hears. Once that has shown what they are, the stream that counts gets them, each
with the time when it came; or nobody does. Under the right content type that is brief: an answer that begins with an event that is
there as a whole goes at once, and no headers wait longer than `BRIEFLY` for one.
"""

from __future__ import annotations

import re
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from resplice.core.events import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from resplice.proxy.stream import Pieces, Stream
    from resplice.session.failure import Failure

__all__ = ["BRIEFLY", "MAX_HELD", "Judgement", "Trial"]

MAX_HELD: Final = 4 * 1024 * 1024
"""Bytes that are held back at most: an answer that has shown nothing by then is let go."""
BRIEFLY: Final = 1.0
"""Seconds that the headers of an answer of the right type wait for its first event. Answers that fail at their beginning do so at
once: an empty body, a page, an error; while models may think for minutes, and clients have timeouts of their own for headers."""
_LONG: Final = 60.0
_COST: Final = 128
"""Bytes that it costs to hold a piece, however small."""
_BLANKS: Final = b" \t\r\n"
_MARK: Final = b"\xef\xbb\xbf"
_SUSPICIOUS: Final = (b"{", b"[", b"<")
_EVENT: Final = re.compile(rb"(?:event: ?[\w.]+\r?\n)?data: ?\{[^\r\n]*\}\r?\n\r?\n|\{[^\r\n]*\}\r?\n")
"""An event of text, there as a whole."""
_ERROR: Final = re.compile(rb"error|exception", re.IGNORECASE)


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

    def __init__(
        self,
        open_silent: Callable[[], Stream],
        *,
        sniffs: bool = False,
        disown: Callable[[], None] = lambda: None,
        briefly: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``open_silent`` makes the stream that reads the pieces.

        ``sniffs``: an answer whose first byte begins neither JSON nor a page is let go at once. ``briefly``: it is let go after so
        many seconds, and with its first event at the latest. ``disown`` is called where it turns out to be none of the API's: its
        headers are not ours to change.
        """
        self._open_silent = open_silent
        self._opened: Stream | None = None if briefly else open_silent()
        self._sniffs = sniffs
        self._briefly = briefly
        self._clock = clock
        self._begun = clock()
        self._held: list[tuple[float, bytes]] = []
        self._size = 0
        self._overdue = False
        self._disown = disown

    @property
    def _silent(self) -> Stream:
        if self._opened is None:
            self._opened = self._open_silent()
        return self._opened

    @property
    def patience(self) -> float:
        """Seconds until it must be looked at again."""
        return max(0.0, self._begun + self._briefly - self._clock()) if self._briefly else _LONG

    @property
    def held(self) -> Pieces:
        """What came so far, as it came."""
        return self._held

    @property
    def failure(self) -> Failure | None:
        """What made the answer fail before it began."""
        return None if self._opened is None or self._opened.answered else self._opened.failure

    @property
    def reason(self) -> tuple[Reason, str] | None:
        """Why the answer is to be given up although the upstream has not ended it: by the last `tick`."""
        return None if self._opened is None else self._opened.wants_end

    @property
    def judgement(self) -> Judgement:
        """What can be said by now."""
        if self.failure is not None:
            return Judgement.FAILED
        good = self._overdue or self._size > MAX_HELD or (self._opened is not None and self._has_begun(self._opened))
        return Judgement.GOOD if good else Judgement.OPEN

    def _has_begun(self, silent: Stream) -> bool:
        return silent.answered or silent.finished or bool(self._briefly and silent.spoke)

    def feed(self, data: bytes) -> None:
        """A piece of the body."""
        now = self._clock()
        head = (data if self._held else data.removeprefix(_MARK)).lstrip(_BLANKS)
        if self._briefly and not self._held and _EVENT.match(head) and not _ERROR.search(head, 0, MAX_HELD):
            self._overdue = True
        self._held.append((now, data))
        self._size += len(data) + _COST
        if self._sniffs and head:  # whatever came before it was blank
            self._overdue, self._sniffs = not head.startswith(_SUSPICIOUS), False
        if not self._overdue or (len(self._held) == 1 and not self._briefly):
            self._silent.feed(data, now)
        if not self._briefly and self._silent.disowned:
            self._disown()

    def tick(self) -> None:
        """Time passed. A heartbeat that is due ends the wait: a client that wants them shall not hear nothing."""
        if self._briefly:
            self._overdue |= self.patience <= 0 and self.failure is None
        else:
            self._overdue |= bool(self._silent.tick()) and self.failure is None

    def finish(self, reason: Reason, detail: str = "") -> None:
        """The body is over."""
        self._silent.finish(reason, detail)
