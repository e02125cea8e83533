"""How a stream ends: exactly one terminal event, and only where the answer is known to be complete; else an error event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resplice.core.events import Effect, Reason
from resplice.core.items import DONE, Damage, Filler, Frame, Overflow, Stray
from resplice.core.kinds import Kind
from resplice.core.payload import strict
from resplice.core.wire import DONE_MARKER, SSE, sse
from resplice.dialects import Dialect, Facts, Role
from resplice.session.clients import Quirk
from resplice.session.foreign import is_foreign, let_pass
from resplice.session.mending import conclude, fitting
from resplice.session.stream import Stream

_SURE: Final = len(b"data:[")
"""With so many bytes it begins like no other event that may stand behind a stop reason."""
_MAX_HELD: Final = 256
"""So many comments are held back with a terminal event that waits for what follows it."""


def _is_rest(raw: bytes, whole: bytes, sure: int) -> bool:
    """Whether bytes are an event with a piece cut out: its end, where the stream ends with it, or a few bytes within.

    With `sure` bytes, where the stream ends with them, it begins like no other event that may stand behind a stop reason.
    """
    rest, whole = raw.strip().translate(None, b" "), whole.strip().translate(None, b" ")
    common = _common(rest, whole)
    if not raw.endswith((b"\n", b"\r")):
        return sure <= common == len(rest)
    return common >= _SURE and common + _common(rest[::-1], whole[::-1]) >= len(rest)


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


class Ends:
    """Decides about terminal events, and about whatever comes behind one."""

    def __init__(
        self, stream: Stream, again: Callable[[Frame | Stray | Damage | Overflow], bytes], filler: Callable[[Filler], bytes]
    ) -> None:
        """`again` decides about an item that was no end, `filler` about a comment that waited."""
        self._stream = stream
        self._again = again
        self._filler = filler

    def done(self, item: Frame) -> bytes:
        """`[DONE]`, in whatever form."""
        dialect = self._stream.dialect
        if dialect is None or not dialect.done_marker:
            return self._foreign_done(item)
        if item.value is not DONE or item.payload != b"[DONE]":
            item = item._replace(value=DONE, mended=b"[DONE]", kinds=(*item.kinds, Kind.TERMINAL_FORM))
        return self.terminal(item)

    def _foreign_done(self, item: Frame) -> bytes:
        """`[DONE]` where the API has none: gateways that serve several APIs end each of their streams with it."""
        stream, why = self._stream, "[DONE] is no event of this dialect"
        if stream.form.ends:
            return stream.change(item.raw, b"", Kind.BODY_FORM, why, item.kinds)
        if stream.converts or stream.wire.name != SSE.name or stream.plain or stream.dies_of(Quirk.FOREIGN_DONE):
            return stream.change(item.raw, b"", Kind.TERMINAL_FOREIGN, why, item.kinds)
        return stream.pass_(item.raw)

    def terminal(self, item: Frame) -> bytes:
        """A terminal event. Without a stop reason before it, it waits for what follows: the answer may go on, or be cut."""
        facts = self._stream.facts
        self._stream.passed_terminal = True
        if facts.stopped or facts.failed or facts.closing:
            facts.terminal = True
            return conclude(self._stream, item)
        self._stream.held = [item]
        return b""

    def cut_terminal(self, item: Frame | Stray | Damage) -> Frame | None:
        """The terminal event, where what stands behind the stop reason bears its name, or is what is left of it."""
        stream, dialect = self._stream, self._stream.dialect
        ended = stream.facts.stopped and not stream.facts.failed
        if dialect is None or not ended or not dialect.has_terminal or stream.form is not SSE:
            return None
        events = dialect.terminal(stream.facts)
        if len(events) != 1:
            return None
        name, payload = events[0]
        if not (name and item.event == name) and not _is_rest(item.raw, sse(events[0], stream.body), 1 if name else _SURE):
            return None
        value = DONE if payload == DONE_MARKER else strict(payload)
        return Frame(item.offset, item.raw, name, value, payload, (Kind.TERMINAL_FORM,))

    def hold(self, item: Filler) -> bytes:
        """Comments behind a terminal event that waits, wait with it."""
        self._stream.held.append(item)
        return self.settle() if len(self._stream.held) > _MAX_HELD else b""

    def behind(self, item: Frame | Stray | Damage | Overflow) -> bytes:
        """An item behind the end of the stream, or behind a terminal event that may have come too early."""
        stream = self._stream
        if stream.ended:
            return stream.change(item.raw, b"", Kind.AFTER_ERROR, "the stream had been ended with an error", (), Effect.LOSS)
        is_done = isinstance(item, Frame) and item.value is DONE
        if stream.held:
            return self.release(self._drop_duplicate if is_done else self._drop_early) + self._again(item)
        if isinstance(item, Frame) and is_done and stream.dialect and not stream.dialect.done_marker:
            return self._foreign_done(item)
        if isinstance(item, Frame) and is_foreign(item, stream.dialect):
            return let_pass(stream, item)
        is_terminal = is_done or self._is_terminal(item)
        if not is_terminal and isinstance(item, Frame | Damage) and stream.dialect and stream.dialect.reads_on:
            stream.ledger.note(Kind.AFTER_TERMINAL, "the answer went on behind its terminal event, and clients read on")
            return stream.pass_(item.raw)
        kind = Kind.TERMINAL_DUPLICATE if is_terminal else Kind.AFTER_TERMINAL
        return stream.change(item.raw, b"", kind, "the stream had ended with its terminal event")

    def _is_terminal(self, item: Frame | Stray | Damage | Overflow) -> bool:
        dialect = self._stream.dialect
        if not isinstance(item, Frame) or type(item.value) is not dict or dialect is None:
            return False
        return dialect.read(item.value, item.event, Facts(started=True)) is Role.TERMINAL

    # -- a terminal event that waited -------------------------------------------------------------

    def settle(self) -> bytes:
        """Nothing came behind the terminal event that waited."""
        return self.release(self._settle)

    def release(self, decide: Callable[[Frame], bytes]) -> bytes:
        """Let go of what waited, frames as decided, and of the comments behind."""
        waited, self._stream.held = self._stream.held, []
        return b"".join(self._let_go(item, decide) for item in waited)

    def _let_go(self, item: Frame | Filler | Stray | Damage, decide: Callable[[Frame], bytes]) -> bytes:
        if isinstance(item, Frame):
            return decide(item)
        return self._filler(item) if isinstance(item, Filler) else self._stream.pass_(item.raw)

    def _drop_early(self, item: Frame) -> bytes:
        return self._stream.change(item.raw, b"", Kind.TERMINAL_EARLY, "the answer went on behind a terminal event", item.kinds)

    def _drop_duplicate(self, item: Frame) -> bytes:
        return self._stream.change(item.raw, b"", Kind.TERMINAL_DUPLICATE, "another terminal event follows", item.kinds)

    def _settle(self, item: Frame) -> bytes:
        """No stop reason came before the terminal event: whether the answer is whole can't be known."""
        stream = self._stream
        if stream.strangers and not stream.confirmed:
            return stream.pass_(item.raw)
        if stream.facts.stop_reason:  # of several choices one has said why it stopped: some servers leave it at that
            stream.facts.terminal = True
            return conclude(stream, item)
        if stream.events_in <= 1:
            return stream.end_with_error(Effect.LOSS, Kind.EMPTY_STREAM, item.raw, "the stream has no event but its terminal")
        finish = stream.dialect.finish if stream.dialect else None
        why = "a terminal event without any stop reason before it"
        if finish is None or stream.dialect is None or not self._may_finish():
            return stream.end_with_error(Effect.LOSS, Kind.STOP_REASON_MISSING, item.raw, why)
        stream.facts.terminal = True
        flushed = stream.flush()
        frames = fitting(stream, finish(stream.facts)) + stream.write_all(stream.dialect.terminal(stream.facts))
        return flushed + stream.change(item.raw, frames, Kind.STOP_REASON_MISSING, why + "; one was added", item.kinds)

    def _may_finish(self) -> bool:
        stream = self._stream
        return stream.policy.on_loss == "continue" and not stream.ledger.losses and not stream.facts.tool_calls

    # -- the upstream has ended -------------------------------------------------------------------

    def complete(self, dialect: Dialect, reason: Reason, detail: str) -> bytes:
        """The upstream ended without a terminal event: it is added where the answer is complete, else an error event."""
        how = f"idle: {detail}" if reason is Reason.IDLE and detail else str(reason)
        stream, facts = self._stream, self._stream.facts
        if facts.failed:
            return self._add(dialect) if dialect.fails_twice else b""
        unfinished = facts.unsure and reason is not Reason.UPSTREAM_END
        unfinished |= facts.may_add and reason is Reason.UPSTREAM_ABORT
        if (facts.stopped and not unfinished) or (facts.end_unknown and reason is Reason.UPSTREAM_END):
            return self._add(dialect)
        if stream.events_in == 0 and not stream.ledger.losses:
            why = f"the upstream's stream has no event ({how})"
            return stream.end_with_error(Effect.LOSS, Kind.EMPTY_STREAM, b"", why)
        if completed := stream.complete():
            return completed
        why = f"the stream ended before its stop reason ({how})"
        return stream.end_with_error(Effect.LOSS, Kind.ANSWER_INCOMPLETE, b"", why)

    def _add(self, dialect: Dialect) -> bytes:
        stream = self._stream
        flushed = stream.flush()
        events = dialect.terminal(stream.facts) if dialect.has_terminal else ()
        if events and not stream.policy.does(Kind.TERMINAL_MISSING):
            return flushed + stream.leave(b"", Kind.TERMINAL_MISSING)
        stream.facts.terminal = True
        if not events:
            return flushed
        stream.events_out += 1
        frames = stream.wire.closing * stream.line_open + stream.write_all(events)
        if stream.wire.ends and not stream.form.ends:
            return flushed + stream.change(b"", frames, Kind.BODY_FORM, "the end of the form that was asked for")
        return flushed + stream.change(b"", frames, Kind.TERMINAL_MISSING, "the stream ended without its terminal event")
