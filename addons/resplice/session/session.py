"""One stream's life: bytes in, the client's bytes out, and findings about the difference.

Theory of operation. The framer cuts the body into items; each item meets exactly one fate (`frames`): pass, replace or drop, in
order, and the ledger books it. Bytes are only ever added where the stream ends, in an item's place (`ends`), or as a heartbeat
between two events while the upstream is silent (`watch`). A stream is over for the client when its terminal event passed, or an
error event of ours did; what the upstream sends behind that is dropped, and on record.

A chunk of healthy frames, the common case, takes the short way through `receive_data` and leaves as the very bytes that came.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from resplice.core.doorway import Doorway
from resplice.core.events import Effect, Reason, Stall
from resplice.core.items import Filler, Frame, Item
from resplice.core.kinds import Kind
from resplice.core.sniff import Sniffer
from resplice.dialects import BUILT_IN, Dialect, Dialects, Role
from resplice.session.failure import Failure
from resplice.session.frames import Frames
from resplice.session.pace import Pace
from resplice.session.policy import Policy
from resplice.session.reader import Read, Reader, first_framer
from resplice.session.scout import Scout
from resplice.session.status import Status
from resplice.session.stream import Stream
from resplice.session.unsettled import Unsettled
from resplice.session.watch import End, Watch

_RELEASE_AFTER: Final = 0.25
"""A complete event whose blank line has not come for so long (seconds) is let go by `tick`."""
_SETTLE_AFTER: Final = 2.0
"""A terminal event without a stop reason before it is settled after so much silence (seconds)."""
_LEFT: Final = frozenset(
    {Reason.CLIENT_DISCONNECT, Reason.CLIENT_STALLED, Reason.KILLED, Reason.SHUTDOWN, Reason.RETRIED, Reason.REFUSED}
)


class Session(Status):
    """Repairs one response stream.

    `receive_data`, `tick` and `finish` return the bytes for the client, `b""` when there are none. None of them raises, whatever
    the bytes: a defect in here makes the rest of the stream pass raw. Times are seconds on any clock that only goes forward.
    """

    def __init__(  # noqa: PLR0913 - all but the first two are keywords
        self,
        dialect: Dialect | None,
        policy: Policy | None = None,
        *,
        seed: str = "",
        now: float = 0.0,
        model: str | None = None,
        resumed: bool = False,
        choices: int | None = None,
        among: Dialects = BUILT_IN,
        doubtful: bool = False,
    ) -> None:
        """``dialect``: what the request asked for. ``doubtful``: the response's content type is none of that dialect's."""
        self.policy = policy or Policy()
        self.finished = False
        self._calm = False
        """The stream is in good order: nothing but its healthy frames need be looked at."""
        self._awaits_token = True
        self._observe = self.policy.mode == "observe"
        self._stream = Stream(dialect, self.policy, seed, among)
        self._stream.facts.midway = resumed
        self._stream.facts.wanted = choices
        self._framer = first_framer(self._stream, dialect, doubtful=doubtful)
        self._frames = Frames(self._stream)
        self._scout = Scout(among) if dialect is None else None
        self._reader = Reader(self._stream, self._framer)
        self._unsettled = Unsettled(self._stream.ledger)
        self._pace = Pace(now)
        self._watch = Watch(self._stream, self._pace)
        self._stalls: list[Stall] = []
        self.wants_end: End | None = None
        """By the last `tick`: the adapter should end the stream, `finish` it for that reason, and close the upstream."""
        self._requested_model = model
        self._outcome = Reason.COMPLETE
        self._detail = ""

    def is_read_by(self, client: str) -> None:
        """Tell what the client calls itself: some need another end than others, where an answer fails."""
        self._stream.client = client

    # -- bytes ------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float = 0.0) -> bytes:
        """Take some more of the upstream's body, cut anywhere; return what the client gets for it."""
        if self.finished or not data:
            return b""
        framer, pace = self._framer, self._pace
        try:
            if now - pace.last_in_at > pace.notable and (stall := pace.came(now)):
                self._note_stall(stall, resumed=True)
            pace.last_in_at = now
            if framer.waiting and framer.hold(data):
                self._unsettled.hold(data)
                return data if self._observe else b""
            out = self._healthy(data) if framer.steady and self._calm and framer.unfit not in data else self._receive(data)
        except Exception as error:  # noqa: BLE001 - fail open: a defect of ours must not cost the client its stream
            out = self._fail_open(error, data)
        else:
            if self._unsettled.began is not None:
                self._unsettled.end(data)
        if self._observe:
            out = data
        if out:
            pace.last_out_at = now
        if self._awaits_token and self._stream.facts.first_token:
            self._awaits_token = False
            pace.first_token_at = now
        return out

    def _healthy(self, data: bytes) -> bytes:
        """The short way, for healthy frames of a stream in good order: they leave as the very bytes that came."""
        stream, dialect = self._stream, self._stream.dialect
        out: list[bytes] = []
        booked = pos = passed = 0
        while pos < len(data) and dialect is not None:
            if stream.echo is not None:
                pos, known = self._reader.echoes(data, pos)
                passed += known
                if pos == len(data):
                    break
            read = self._reader.read(data, pos, dialect)
            if read is None:
                break
            if read.role is None:
                passed += 1
                pos = read.end
                continue
            self._unsettled.begin()
            stream.events_in += 1
            out += [stream.pass_(data[booked:pos]), self._decide(data[pos : read.end], read, read.role)]
            booked = pos = read.end
            if not stream.in_order:
                self._calm = False
                break
        if passed:
            stream.answered = True
            stream.events_in += passed
            stream.events_out += passed
            if not stream.body.newline:
                stream.body.passes(data[:pos])
        if not booked and pos == len(data):
            stream.tail_passes = True
            stream.ledger.passed += pos
            return data
        return b"".join([*out, self._go_on(data, booked, pos)])

    def _go_on(self, data: bytes, booked: int, pos: int) -> bytes:
        """Healthy frames were read up to `pos`, and have to be booked; what follows goes the long way."""
        self._unsettled.begin()
        out = self._stream.pass_(data[booked:pos])
        return out + self._receive(data[pos:]) if pos < len(data) else out

    def _decide(self, raw: bytes, read: Read, role: Role) -> bytes:
        """A healthy frame that does not simply pass."""
        tail = len(raw) - self._framer.tail
        frame = Frame(0, raw[:tail], read.event, read.value)
        out = self._frames.mended(frame, read.fate) if read.fate else self._frames.by_role(role, frame)
        return out + self._frames.item(Filler(0, raw[tail:], tail=True)) if tail < len(raw) else out

    def _receive(self, data: bytes) -> bytes:
        """The long way, which any bytes may take."""
        stream, framer = self._stream, self._framer
        if stream.raw:
            return self._pass_raw(data)
        self._unsettled.begin()
        if self._scout is not None:
            return self._look(self._scout, data)
        end = framer.completes_at(data) if framer.waiting else 0
        if end and self._calm:
            return self._complete(data, end)
        items = framer.receive_data(data)
        self._adopt()
        return self._take(items) if items or stream.raw else b""

    def _look(self, scout: Scout, data: bytes) -> bytes:
        """Bytes of a stream that is none of an API that is known: they pass, and are looked at."""
        stream = self._stream
        seen = scout.look(data)
        if seen is None:
            if scout.over:
                self._scout, stream.raw = None, True
            return stream.pass_(data)
        self._scout = None
        stream.confirm(seen.dialect)
        seen.dialect.read(seen.frame.value, seen.frame.event, stream.facts)
        stream.events_in += scout.frames
        stream.events_out += scout.frames
        return stream.pass_(data[: seen.end]) + (self._receive(data[seen.end :]) if seen.end < len(data) else b"")

    def _adopt(self) -> None:
        """Go on with the framer of the form that the body has, once that is clear; or without, where it is none of them."""
        door = self._framer
        if isinstance(door, Doorway):
            if door.foreign:
                self._stream.disown()
                self._stream.raw = True
            if door.framer is None:
                return
            self._framer = self._reader.framer = door.framer
        sniffer = self._framer
        if isinstance(sniffer, Sniffer) and sniffer.framer is not None and sniffer.form is not None:
            self._framer = self._reader.framer = sniffer.framer
            self._stream.comes_as(sniffer.form)

    def _complete(self, data: bytes, end: int) -> bytes:
        """The blank line has come that a block was waiting for: the block goes the short way, and then what follows."""
        block = self._framer.complete(data[:end])
        rest = data[end:]
        out = self._healthy(block) if self._calm and self._framer.unfit not in block else self._receive(block)
        if not rest:
            return out
        calm = self._framer.steady and self._calm and self._framer.unfit not in rest
        return out + (self._healthy(rest) if calm else self._receive(rest))

    def _take(self, items: list[Item]) -> bytes:
        out = [self._frames.item(item) for item in items]
        self._calm = self._stream.in_order
        if self._stream.raw:  # nobody recognises this stream: what the framer holds goes too
            self._framer.waiting = False
            out.append(self._stream.pass_(self._framer.held_bytes()))
        return b"".join(out)

    # -- a defect of ours -------------------------------------------------------------------------

    def fail_open(self, error: Exception, data: bytes = b"") -> bytes:
        """The caller failed: what is held passes raw, then `data`, which was never received here, then whatever comes."""
        return data if self._observe or self.finished else self._fail_open(error, data)

    def _fail_open(self, error: Exception, data: bytes) -> bytes:
        """Pass everything raw from here on; return what the client gets for the step that failed, and for all that is held."""
        stream = self._stream
        out, rest = self._unsettled.give_up(data)
        first, stream.raw = not stream.raw, True
        self._calm = self._framer.waiting = False
        stream.held = []
        with contextlib.suppress(Exception):  # the defect may be in there
            if isinstance(error, RecursionError) and first and stream.dialect is not None and not stream.ended:
                why = "an event nested too deeply to be looked into, and to be brought into order"
                return out + stream.end_with_error(Effect.LOSS, Kind.UNPARSABLE_DATA, rest, why)
            if first:
                stream.ledger.note(Kind.INTERNAL_ERROR, f"{type(error).__name__} in Resplice; the stream passes raw from here on")
        return out + self._pass_raw(rest)

    def _pass_raw(self, data: bytes) -> bytes:
        """Behind an error event of ours nothing may follow; else what comes passes."""
        stream = self._stream
        if stream.ended and data:
            return stream.ledger.changed(Effect.LOSS, Kind.AFTER_ERROR, data, b"", "the stream had been ended with an error")
        stream.ledger.passed += len(data)
        return data

    def _safely(self, step: Callable[[], bytes], data: bytes = b"") -> bytes:
        """Make a step that may fail; `data` is the input that it books."""
        self._unsettled.begin()
        try:
            out = step()
        except Exception as error:  # noqa: BLE001 - fail open, as above
            return self._fail_open(error, data)
        self._unsettled.end(data)
        return out

    # -- time, and the end ------------------------------------------------------------------------

    def tick(self, now: float) -> bytes:
        """Let time pass: release what is complete and overdue, or write a heartbeat. Returns bytes for the client.

        Afterwards `wants_end` tells whether the stream is to be ended.
        """
        self.wants_end = None
        if self.finished or self._stream.raw or self._scout is not None:
            return b""
        if self._observe:
            self._safely(lambda: self._note_end(now))
            return b""
        if out := self._safely(lambda: self._pass_time(now)):
            self._pace.last_out_at = now
        return out

    def _pass_time(self, now: float) -> bytes:
        out = self._release(now - self._pace.last_in_at)
        if self._stream.standing.may_judge and not self._stream.ended:
            self.wants_end = self._watch.end(now, self._bytes_in)
        if not out and self.wants_end is None and self._at_boundary and self._watch.beats(now):
            out = self._stream.heartbeat()
        return out

    def _note_end(self, now: float) -> bytes:
        """In observe mode a stream that would be ended is noted as that, once, and goes on."""
        stream = self._stream
        if not stream.standing.may_judge or stream.ended or stream.ledger.kinds[Kind.WOULD_END]:
            return b""
        if end := self._watch.end(now, self._bytes_in):
            stream.ledger.note(Kind.WOULD_END, f"the stream would have been ended: {end.detail}")
        return b""

    def note(self, kind: Kind, why: str) -> None:
        """The caller found something that is worth a record, and touches no byte of what is received here."""
        self._stream.ledger.note(kind, why)

    def heard(self, now: float) -> None:
        """The upstream is alive, though nothing can be made of what it sent yet: a piece of an encoded body."""
        if stall := self._pace.came(now):
            self._note_stall(stall, resumed=True)

    def _release(self, silence: float) -> bytes:
        """What need not wait any longer."""
        if silence < _RELEASE_AFTER:
            return b""
        out = self._take(self._framer.release())
        if self._stream.held and not (self._frames.waits_for_id or self._stream.waits) and silence >= _SETTLE_AFTER:
            out += self._frames.settle()
            self._calm = self._stream.in_order
        return out

    def _note_stall(self, silence: float, *, resumed: bool) -> None:
        self._stalls.append(Stall(silence, self._bytes_in, self.bytes_out, resumed))

    def fail(self, kind: Kind, why: str, now: float = 0.0) -> bytes:
        """End the stream with the dialect's error event: what the upstream sends can't be read. Returns bytes for the client."""
        if self.finished or self._stream.ended or self._stream.facts.terminal or self._stream.raw:
            return b""
        self._pace.last_out_at = now
        self._calm = False
        out = self._safely(lambda: self._stream.end_with_error(Effect.LOSS, kind, b"", why))
        return b"" if self._observe else out

    def withhold(self, raw: bytes, kind: Kind, why: str) -> bytes:
        """Nothing of the stream went to the client, and nothing will: book all that came of it, which was never received here."""
        self._calm = False
        return self._safely(lambda: self._stream.ledger.changed(Effect.LOSS, kind, raw, b"", why), raw) if raw else b""

    def refuse(self, raw: bytes, failure: Failure, status: int, body: bytes, now: float = 0.0) -> bytes:
        """As above; and the client gets an error response with that status and body instead."""
        self._calm = False
        stream = self._stream
        stream.failure, stream.ended, stream.facts.failed = failure, True, True
        stream.facts.error, stream.error_status = failure.message, status
        self._pace.last_out_at = now
        return self._safely(lambda: stream.ledger.changed(Effect.LOSS, failure.kind, raw, body, failure.why), raw)

    def finish(self, reason: Reason, now: float = 0.0, detail: str = "") -> bytes:
        """The stream is over, for that reason; return what the client still gets. Only the first call counts."""
        if self.finished:
            return b""
        self.finished = True
        self._outcome, self._detail = reason, detail
        out = self._safely(lambda: self._come_to_an_end(reason, now, detail))
        if self._observe or reason in _LEFT:
            return b""
        if out:
            self._pace.last_out_at = now
        return out

    def _come_to_an_end(self, reason: Reason, now: float, detail: str) -> bytes:
        if stall := self._pace.closed(now):
            self._note_stall(stall, resumed=False)
        out = self._take_leave() if reason in _LEFT else self._finish(reason, detail)
        if reason is Reason.UPSTREAM_END and self._is_complete():
            self._outcome = Reason.COMPLETE
        return out

    def _finish(self, reason: Reason, detail: str) -> bytes:
        """The upstream is done: what it left open is completed or, where that would be a guess, ended with an error."""
        stream = self._stream
        if stream.raw or self._scout is not None:
            return b""
        items = self._framer.receive_data(b"")
        self._adopt()
        out = self._take(items)
        out += self._frames.settle()
        if stream.dialect is None or stream.raw or stream.ended or stream.facts.terminal or not stream.standing.may_judge:
            return out
        if stream.strangers and not stream.confirmed and not stream.facts.failed:
            stream.disown()
            return out
        return out + self._frames.ends.complete(stream.dialect, reason, detail)

    def _take_leave(self) -> bytes:
        """Nobody is there to read on: account for what was held back."""
        if rest := self._unsettled.take():
            why = "an incomplete event was pending when the stream was left"
            self._stream.ledger.changed(Effect.REPAIR, Kind.UNDELIVERED, rest, b"", why)
        return b""
