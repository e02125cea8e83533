"""One flow's response as it passes: the callable that mitmproxy hands every piece of the body to.

It is also what the shim drives (ticks, aborts, a client that left), and the place where findings become records.
Nothing in here raises: whatever fails, the client gets the upstream's bytes, and the log says so.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from resplice.core.events import Finding, Reason, Receipt, Stall
from resplice.core.kinds import Kind
from resplice.proxy.coding import Coding
from resplice.proxy.decode import DecodeError
from resplice.session.stream import SHORT_ID
from resplice.session.watch import End

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resplice.proxy.keep import Kept
    from resplice.records.recorder import StreamRecorder
    from resplice.records.schema import Record
    from resplice.session.failure import Failure
    from resplice.session.policy import Policy
    from resplice.session.session import Session

__all__ = ["TICK", "Pieces", "Stream", "tick_interval"]

logger = logging.getLogger("resplice")

TICK: Final = 0.8
"""Seconds between two looks at a stream: soon enough for a kill to take effect within a second."""

SHORTEST_TICK: Final = 0.05

type Clock = Callable[[], float]
type Pieces = Sequence[tuple[float, bytes]]
"""Pieces of a body as they came, each with its time."""


class Stream:
    """``stream(bytes) -> list[bytes]``: empty while something is held, else one object; no ``b""``, no exception, ever."""

    def __init__(  # noqa: PLR0913 - all but the first two are keywords
        self,
        session: Session,
        recorder: StreamRecorder,
        *,
        write: Callable[[Record], bool],
        on_close: Callable[[Stream], None],
        coding: Coding | None = None,
        observe: bool = False,
        kept: Kept | None = None,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
    ) -> None:
        """``on_close`` is told once, when the stream is over and its receipt is written. ``kept`` is told what the client gets."""
        self.receipt: Receipt | None = None
        self.client_gone = False
        self.leave = False
        """The proxy is going down: the shim shall end the client's message at its next tick."""
        self.came_whole = False
        """The body was in the flow before it could be streamed, or will be put there by others."""
        self.fed = False
        """At least one byte of the body came by."""
        self.unread: Callable[[], int] | None = None
        """Tells how many bytes wait inside mitmproxy for the client to read on; None where it does not let them."""
        self._on_close = on_close
        self._session = session
        self._recorder = recorder
        self._write = write
        self._coding = coding or Coding()
        self._observe = observe
        self.kept = kept
        self._clock = clock
        self._wall = wall
        self.interval = tick_interval(session.policy)
        """Seconds from one tick to the next."""
        self._raw = False
        """Resplice itself failed: from here on bytes pass as they are."""
        self._opened = False
        self._deaf = False
        """The body's coding is damaged."""
        self._finished = False
        self._flows = False
        """Open, and nothing special about it: pieces take the short way."""
        self._told = False
        self._lost_records = 0

    # -- what mitmproxy calls

    def __call__(self, data: bytes) -> list[bytes]:
        """A piece of the body; ``b""`` is its end."""
        if data and self._flows:
            now = self._clock()
            out = self._inspect(data, now)
            if out and self.kept is not None:
                self._keep(out, now)
        else:
            out = self.feed(data) if data else self.finish(Reason.UPSTREAM_END)
        return [out] if out else []

    # -- what the shim and the addon call

    @property
    def policy(self) -> Policy:
        """By what it decides."""
        return self._session.policy

    @property
    def short_id(self) -> str:
        """The first digits of the id that the stream has in the log."""
        return self._recorder.ctx.stream_id[:SHORT_ID]

    @property
    def finished(self) -> bool:
        """The stream is over."""
        return self._finished

    @property
    def ended(self) -> bool:
        """The client was told that the stream failed: its message shall be ended now, and the upstream be closed."""
        return not self._observe and not self._raw and self._session.ended and not self._finished

    @property
    def wants_end(self) -> End | None:
        """By the last tick: nothing more is to be expected, the stream shall be ended for that reason."""
        if self._observe or self._finished:
            return None
        if self._deaf:
            return End(Reason.UPSTREAM_ABORT, "the encoded body can't be read on")
        return None if self._raw else self._session.wants_end

    @property
    def handed_over(self) -> int:
        """Bytes that the client was given so far."""
        return self._session.bytes_out

    @property
    def repairs(self) -> bool:
        """It is an LLM stream and may be changed, so that an abort can be turned into an honest end."""
        return not self._observe and not self._raw and self._session.standing.may_judge

    @property
    def may_break_off(self) -> bool:
        """The client is one that may have to be broken off."""
        return not self._observe and not self._raw and self._session.may_break_off

    @property
    def breaks_off(self) -> bool:
        """The answer failed, and a clean end would hide that from this client."""
        return self.may_break_off and self._session.breaks_off

    @property
    def concluded(self) -> bool:
        """The client got a terminal or an error event: a clean end of its message hides nothing."""
        return self.receipt is not None and self.receipt.terminal != "missing"

    def open(self) -> None:
        """Write the stream's first record, once its dialect is known. A stream of no known dialect leaves none."""
        dialect = self._session.dialect
        if self._opened or dialect is None:
            return
        self._opened = True
        self._recorder.learn(dialect=dialect.name, standing=self._session.standing.value)
        self._record(self._recorder.open(self._wall()))

    @property
    def answered(self) -> bool:
        """A part of an answer has gone out, or nothing can be said about that."""
        return self._raw or self._session.answered

    @property
    def spoke(self) -> bool:
        """An event has gone out, whatever it was, or nothing can be said about that."""
        return self._raw or self._session.spoke

    @property
    def disowned(self) -> bool:
        """It has turned out to be no stream of the API that was asked for."""
        return not self._session.standing.may_reframe

    @property
    def failure(self) -> Failure | None:
        """What made the stream fail."""
        return self._session.failure

    @property
    def client_status(self) -> int | None:
        """Status code of the response that the client gets; None: none."""
        return self._recorder.client_status

    @client_status.setter
    def client_status(self, status: int | None) -> None:
        self._recorder.client_status = status

    def feed(self, data: bytes, came_at: float | None = None) -> bytes:
        """A piece of the body in, what the client gets for it out. ``came_at``: when it came, if not just now."""
        if self._finished:
            return b"" if self.concluded and not self._observe else data
        self.fed = True
        now = self._clock() if came_at is None else came_at
        out = self._decode(data, now) if self._coding.active else self._inspect(data, now)
        self._flows = self._opened and not self._coding.active and not self._observe
        return self._keep(data if self._observe else out, now)

    def catch_up(self, pieces: Pieces) -> bytes:
        """Pieces that had been kept back; what the client gets for them."""
        return b"".join([self.feed(piece, at) for at, piece in pieces])

    def tick(self) -> bytes:
        """Time passed: what is complete and overdue goes to the client."""
        if self._finished:
            return b""
        now, kept = self._clock(), self.kept
        found = kept.found_so_far if kept is not None else 0
        out = self._guarded(lambda: self._session.tick(now))
        acted = kept is not None and (bool(out) or kept.found_so_far != found)
        return self._keep(out, now, ticked=acted)

    def withhold(self, pieces: Pieces, why: str, reason: Reason, detail: str, status: int | None = None) -> None:
        """The stream is over, and nothing of it goes to the client: the pieces that came were kept back, and are dropped.

        ``status`` is that of the response which the client gets, if it gets one.
        """
        kind = Kind.ATTEMPT_DROPPED if reason is Reason.RETRIED else Kind.UNDELIVERED
        self._guarded(lambda: self._session.withhold(self._take_note_of(pieces), kind, why))
        self.client_status = status
        self.finish(reason, detail)

    def refuse(self, pieces: Pieces, failure: Failure, status: int, body: bytes, reason: Reason, detail: str) -> None:
        """As above, and the client gets an error response instead."""
        self._guarded(lambda: self._session.refuse(self._take_note_of(pieces), failure, status, body, self._clock()))
        self.client_status = status
        self.finish(reason, detail)

    def _take_note_of(self, pieces: Pieces) -> bytes:
        """When pieces came that the session never gets, and what they are, decoded."""
        raw: list[bytes] = []
        for at, piece in pieces:
            self._session.heard(at)
            with contextlib.suppress(DecodeError):
                raw.extend(self._coding.decode(piece))
        return b"".join(raw)

    def finish(self, reason: Reason, detail: str = "") -> bytes:
        """The stream is over. Out come the client's last bytes; later calls do nothing."""
        if self._finished:
            return b""
        self.client_gone = reason is Reason.CLIENT_DISCONNECT
        now = self._clock()
        out = self._inspect(head, now) if (head := self._coding.end()) else b""
        out += self._guarded(lambda: self._session.finish(reason, now, self._detail(reason, detail)))
        self._keep(b"" if self._observe else out, now)
        self._close()
        return b"" if self._observe else out

    def _detail(self, reason: Reason, detail: str) -> str:
        """What there is to be said of the end, beside what the caller says."""
        if reason is Reason.UPSTREAM_END and self._coding.open:
            return "the encoded body ends before the end of its data"
        if not detail and self.unread is not None and (waiting := self.unread()):
            return f"{waiting} bytes still waited for the client to read them"
        return detail

    def now(self) -> float:
        """The time on the stream's own clock, in seconds."""
        return self._clock()

    def progress(self) -> Receipt | None:
        """What went through so far."""
        try:
            return self._session.receipt()
        except Exception:  # noqa: BLE001 - fail open
            self._tell("Resplice failed to look at an open stream; the stream itself is not affected.")
            return None

    # -- inside

    def _keep(self, out: bytes, now: float, *, ticked: bool = False) -> bytes:
        """Of what goes to the client, show it to whoever looks. ``ticked``: a tick did something, and that is kept, too."""
        if self.kept is not None:
            try:
                if ticked:
                    self.kept.ticked(self._session.bytes_in, self._session.last_in_at, now)
                if out:
                    self.kept.went_out(out, now)
                else:
                    self.kept.look(now)
            except Exception:  # noqa: BLE001 - fail open
                self.kept = None
                self._tell("Resplice failed to keep what passed, for who looks at it; the stream itself is not affected.")
        return out

    def _guarded(self, step: Callable[[], bytes]) -> bytes:
        """Bytes that the session gives of its own accord. In observe mode there are none."""
        try:
            out = step()
        except Exception as error:  # noqa: BLE001 - fail open
            out = self._fail_open(error)
        self._report()
        return b"" if self._observe else out

    def _inspect(self, data: bytes, now: float) -> bytes:
        try:
            out = self._session.receive_data(data, now)
        except Exception as error:  # noqa: BLE001 - fail open
            out = self._fail_open(error, data)
        if self._session.has_findings or not self._opened:
            self._report()
        return out

    def _decode(self, data: bytes, now: float) -> bytes:
        """As ``_inspect``, for encoded bytes. Where they don't decode the session ends the stream; the rest is of no use."""
        if self._deaf:
            return b""
        out: list[bytes] = []
        try:
            for piece in self._coding.decode(data):
                if self._coding.note is not None:
                    self._session.note(*self._coding.note)
                    self._coding.note = None
                out.append(self._inspect(piece, now))
        except Exception as error:  # noqa: BLE001 - fail open: what can't be decoded, for whatever reason, can't be passed on
            self._deaf = True
            why = str(error) if isinstance(error, DecodeError) else f"{type(error).__name__} in Resplice's decoder"
            out.append(self._guarded(lambda: self._session.fail(Kind.ENCODING_BROKEN, why, now)))
        if not out:
            self._session.heard(now)
        return b"".join(out)

    def _report(self) -> None:
        """Write down what the session found. A defect in this harms no stream."""
        try:
            findings, stalls = self._session.take_findings(), self._session.take_stalls()
            if not self._opened:
                self.open()
            for finding in findings:
                self._record_finding(finding)
            for stall in stalls:
                self._record_stall(stall)
        except Exception:  # noqa: BLE001 - fail open
            self._tell("Resplice failed to write a record; the stream itself is not affected.")

    def _record_finding(self, finding: Finding) -> None:
        if finding.kind is Kind.INTERNAL_ERROR and not self._told:
            self._told = True
            logger.error("A stream passes raw from here on because Resplice failed: %s", ascii(finding.why))
        if self.kept is not None:
            self.kept.found(finding, applied=not self._observe)
        if self._opened:
            self._record(self._recorder.finding(finding, self._wall()))

    def _record_stall(self, stall: Stall) -> None:
        if self._opened:
            record = self._recorder.stall(
                self._wall(),
                silence=stall.silence,
                bytes_in=stall.bytes_in,
                bytes_out=stall.bytes_out,
                resumed=stall.resumed,
            )
            self._record(record)

    def _record(self, record: Record) -> None:
        if self.kept is not None:
            self.kept.recorded(record)
        if not self._write(record):
            self._lost_records += 1

    def _close(self) -> None:
        """Write the receipt, and let go of the stream."""
        self._finished = True
        self._flows = False
        try:
            self.receipt = self._session.receipt()
            if self._opened:
                record = self._recorder.close(
                    self.receipt, self._wall(), client_gone=self.client_gone, lost_records=self._lost_records
                )
                self._record(record)
            self._on_close(self)
        except Exception:  # noqa: BLE001 - fail open
            self._tell("Resplice failed to close a stream's record; the stream itself is not affected.")

    def _fail_open(self, error: Exception, data: bytes = b"") -> bytes:
        """A defect of ours: what the session holds goes out, then ``data``; from here on the stream passes as it comes."""
        self._raw = True
        self._flows = False
        self._tell("Resplice failed; a stream passes raw from here on.", error)
        try:
            return self._session.fail_open(error, data)
        except Exception:  # noqa: BLE001 - then that is the defect
            return data

    def _tell(self, message: str, error: Exception | None = None) -> None:
        """An error with its traceback, once for each stream."""
        if not self._told:
            self._told = True
            logger.error(message, exc_info=error or True)


def tick_interval(policy: Policy) -> float:
    """Often enough that the shortest of the policy's times is met within a quarter of it, and no oftener."""
    times = [time for time in (policy.heartbeat, policy.idle_timeout, policy.stall_timeout) if time]
    return min(TICK, max(SHORTEST_TICK, min(times, default=4 * TICK) / 4))
