"""What becomes of each item that the framer finds, by what it means in its dialect."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from resplice.core.events import Effect
from resplice.core.heartbeat import is_damaged_ping
from resplice.core.items import DONE, Damage, Filler, Frame, Item, Overflow, Stray
from resplice.core.json_array import split
from resplice.core.kinds import Kind
from resplice.core.mender import GUESSES
from resplice.core.payload import OPAQUE, strict
from resplice.core.wire import SSE
from resplice.dialects import Json, Role
from resplice.dialects.recognition import Standing
from resplice.session import foreign, numbered, strays
from resplice.session.beside import beside_the_answer
from resplice.session.clients import Quirk
from resplice.session.contract import Broken, Held, Listener, Mended, Noted, Preceded
from resplice.session.ends import Ends
from resplice.session.fillers import Fillers
from resplice.session.mending import apply, show, unfold
from resplice.session.named import contradicts, with_whole_type
from resplice.session.reported import message_of, report, report_odd
from resplice.session.stream import Stream

_MAX_EARLY: Final = 64
"""So many keepalives wait for the stream's id; then one is minted."""
_STRANGE_ROLES: Final = frozenset({Role.CONTENT, Role.FOREIGN, Role.UNKNOWN})
_NO_JSON: Final = GUESSES | {Kind.UNPARSABLE_DATA}
_PIECES: Final = _NO_JSON | {Kind.TRUNCATED_JSON}
"""An event of the API may have been damaged like that."""
_ERROR: Final = re.compile(rb"error|fail|exception", re.IGNORECASE)
_TWO_ORIGINALS: Final = "the payload is not JSON, and what it was before can't be told for sure"
_PASSES: Final = "bytes that are no UTF-8 stand in a member that is no part of the answer: they pass as they came"
_OF_THE_ANSWER: Final = frozenset({Role.CONTENT, Role.START, Role.KEEPALIVE, Role.TERMINAL})
_HEALTHY_ROLES: Final = frozenset({Role.CONTENT, Role.START, Role.KEEPALIVE, Role.UNKNOWN})


class Frames:
    """Gives each item its fate."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._fillers = Fillers(stream)
        self.ends = Ends(stream, self._live, self._fillers.released)
        self._glued: Frame | None = None
        """An event of no meaning here that came without its blank line: what follows tells whether that is a fault."""
        self._missed: Damage | None = None
        """An event that could not be read, of a text that is said again later."""
        self.waits_for_id = False
        """What the stream holds are keepalives that came before its id."""

    def item(self, item: Item) -> bytes:
        """Decide about one item; return what goes out for it."""
        stream = self._stream
        if isinstance(item, Frame):
            stream.events_in += 1
            if not (stream.confirmed or stream.ended):
                self._recognise(item)
        if stream.dialect is None or stream.raw:
            return stream.pass_(item.raw)
        before = self._unglue() if self._glued is not None else b""
        return before + self.item_of_known(item)

    def _unglue(self) -> bytes:
        """Behind an event that stands glued to it an event of the API came, or nothing of the kind."""
        stream, item = self._stream, self._glued
        self._glued = None
        if item is None or not stream.confirmed or not stream.standing.may_judge:
            return stream.pass_(item.raw if item else b"")
        return stream.deliver(item)

    def item_of_known(self, item: Item) -> bytes:
        """Decide about an item of a stream whose dialect is known."""
        stream = self._stream
        if not stream.standing.may_judge:
            return foreign.reframe(stream, item)
        if stream.waits is not None or stream.lost is not None:
            return self._behind_lost(item, stream.lost) if stream.lost is not None else self._behind_waiting(item, stream.waits)
        if isinstance(item, Filler):
            return self.ends.hold(item) if stream.held else self._fillers.item(item)
        if stream.held and self.waits_for_id:
            return self._behind_early(item)
        if stream.ended or stream.facts.terminal or stream.held:
            if stream.ended and stream.policy.mode == "observe" and isinstance(item, Frame):
                self._overhear(item)
            return self.ends.behind(item)
        return self._live(item)

    def _overhear(self, item: Frame) -> None:
        """In observe mode a stream goes on behind the place where it would have been ended: what passes there is counted, too."""
        stream, value = self._stream, item.value
        if stream.dialect is None:
            return
        role = stream.dialect.read(value, item.event, stream.facts) if type(value) is dict else Role.NO_OBJECT
        stream.passed_terminal |= role is Role.TERMINAL or (value is DONE and stream.dialect.done_marker)
        if role in {Role.ERROR, Role.ODD_ERROR}:
            stream.passed_error = message_of(stream.facts.error)

    def settle(self) -> bytes:
        """Nothing follows, or not for long: decide about what waits."""
        out = self._unglue() if self._glued is not None else b""
        if self._stream.waits is not None:
            return out + self._release_waiting(passes=False)
        if self._stream.lost is not None:
            return out + self._release_lost(self._stream.lost, is_lost=True) + self.settle()
        if not self._stream.held:
            return out
        return out + (self._release_early() if self.waits_for_id else self.ends.settle())

    def _behind_waiting(self, item: Item, waits: Held | None) -> bytes:
        """What follows an event that waits for it."""
        stream = self._stream
        following = item.value if isinstance(item, Frame) and type(item.value) is dict else {}
        passes = None if isinstance(item, Filler) or waits is None else waits.passes(following)
        if passes is None and len(stream.held) < _MAX_EARLY and not isinstance(item, Damage | Overflow):
            stream.held.append(item)
            return b""
        return self._release_waiting(passes=passes is True) + self.item_of_known(item)

    def _release_waiting(self, *, passes: bool) -> bytes:
        """An event need not wait any longer; what came behind it neither."""
        stream, waits = self._stream, self._stream.waits
        (first, *rest), stream.held, stream.waits = stream.held, [], None
        if passes or waits is None or not isinstance(first, Frame):
            out = stream.deliver(first) if isinstance(first, Frame) else stream.pass_(first.raw)
        else:
            out = stream.change(first.raw, b"", waits.kind, waits.why, first.kinds)
        return out + b"".join(self.item_of_known(item) for item in rest)

    def _behind_lost(self, item: Item, lost: tuple[Kind, str]) -> bytes:
        """What follows bytes that look like a loss."""
        held = self._stream.held
        if isinstance(item, Filler | Stray | Damage) and len(held) < _MAX_EARLY:
            held.append(item)
            return b""
        if isinstance(item, Frame) and not numbered.is_next(self._stream, item) and self._comes_again(held[0]):
            return self._release_missed() + self.item_of_known(item)
        return self._release_lost(lost, is_lost=not numbered.is_next(self._stream, item)) + self.item_of_known(item)

    def _release_missed(self) -> bytes:
        """What looks like a loss may be told by what follows: until then nothing is lost."""
        stream, missed = self._stream, self._missed
        (first, *rest), stream.held, stream.lost = stream.held, [], None
        also = (missed.kind,) if missed and stream.policy.does(missed.kind) else ()  # of two originals none is chosen here
        why = f"{missed.why if missed else ''}; it is a piece of a text that is yet to be said again"
        out = stream.change(first.raw, b"", Kind.TAIL_MISSING, why, also)
        return out + b"".join(self.item_of_known(one) for one in rest)

    def _release_lost(self, lost: tuple[Kind, str], *, is_lost: bool) -> bytes:
        stream, (kind, why) = self._stream, lost
        (first, *rest), stream.held, stream.lost = stream.held, [], None
        if is_lost:
            out = stream.lose(first.raw, kind, why)
            return out + b"".join(self.item_of_known(one) for one in rest)
        why = "the number of the next event shows that nothing is lost"
        return b"".join(
            self.item_of_known(one) if isinstance(one, Filler) else stream.change(one.raw, b"", Kind.JUNK_LINE, why)
            for one in (first, *rest)
        )

    def _live(self, item: Frame | Stray | Damage | Overflow) -> bytes:
        """An item of a stream that has not ended."""
        if isinstance(item, Frame):
            return self.frame(item)
        if self._missed is not None and self._waits_for_copy:
            return self._stream.lose(item.raw, self._missed.kind, self._missed.why)
        if isinstance(item, Overflow):
            return self._overflow(item)
        if terminal := self.ends.cut_terminal(item):
            return self.frame(terminal)
        return strays.stray(self._stream, item) if isinstance(item, Stray) else self._damage(item)

    def _recognise(self, item: Frame) -> None:
        """The first frame that has a dialect's marks decides: the one that was asked for, or one whose full signature it has."""
        stream = self._stream
        denies = stream.dialect.proof.denies if stream.dialect and stream.dialect.proof else None
        if denies is not None and type(item.value) is dict and denies(item.value):
            stream.confirmed, stream.standing = True, Standing.RECOGNISED
        elif found := stream.among.for_frame(item.value, item.event, stream.form, stream.dialect):
            stream.confirm(found)

    # -- frames -----------------------------------------------------------------------------------

    def frame(self, item: Frame) -> bytes:
        """A complete event, healthy in its framing or repaired."""
        stream, value = self._stream, item.value
        if guess := next((kind for kind in item.kinds if kind in GUESSES and not stream.policy.does(kind)), None):
            return self._damage(Damage(item.offset, item.raw, guess, _TWO_ORIGINALS, item.event))
        if type(value) is not dict or stream.dialect is None:
            return self.by_role(Role.NO_OBJECT, item)
        if not stream.confirmed:
            self._recognise(item)
        return self.by_role(stream.dialect.read(value, item.event, stream.facts), item)

    def by_role(self, role: Role, item: Frame) -> bytes:
        """An event whose role has been read."""
        stream = self._stream
        if not stream.standing.may_judge:
            return foreign.reframe(stream, item)
        if role is Role.HOLLOW and foreign.says_something(item.value):
            role = Role.FOREIGN
        if not stream.confirmed and role in _STRANGE_ROLES and foreign.says_something(item.value):
            return self._pass_strange(item)
        if role is Role.UNKNOWN and self._is_refused(item):
            role = Role.FOREIGN
        if role not in _HEALTHY_ROLES:
            return _BY_ROLE[role](self, item)
        if stream.dialect is not None and stream.dialect.named_events and contradicts(item, stream.dialect):
            return self._contradictory(item)
        if role is Role.KEEPALIVE:
            stream.idle_bytes += len(item.raw)
        if stream.dialect is not None and stream.dialect.one_id and not stream.ids.settle(item.value, stream.facts):
            out = self._bring_to_id(item)
        else:
            out = show(stream, item)
        stream.answered |= role is not Role.KEEPALIVE and not stream.ended
        return out

    def _contradictory(self, item: Frame) -> bytes:
        """An event whose name is the API's own, and whose payload's type is not."""
        if terminal := self.ends.cut_terminal(item):
            return self.ends.terminal(terminal)
        if whole := with_whole_type(item) or numbered.under_its_type(self._stream, item):
            return self.frame(whole)
        if is_damaged_ping(item.event, item.raw):
            return self._stream.keepalive(item.raw, Kind.KEEPALIVE_FORM, item.kinds)
        return numbered.lose(self._stream, item, Kind.UNPARSABLE_DATA, "the payload's type is none that its event can have")

    def _is_refused(self, item: Frame) -> bool:
        """An event of no type that the API has, for a client that dies of those. APIs add some, under names like theirs."""
        dialect, kind = self._stream.dialect, item.value.get("type")
        is_new = type(kind) is str and dialect is not None and kind.startswith(dialect.typed_prefixes)
        if is_new or not self._stream.dies_of(Quirk.FOREIGN_OBJECT) or dialect is None:
            return False
        return not (dialect.named_events and contradicts(item, dialect))  # under the API's own name it is damaged, not foreign

    def mended(self, item: Frame, fate: Mended | Broken | Noted | Held | Preceded) -> bytes:
        """An event that has been shown to the contract, and does not fit."""
        return apply(self._stream, item, fate)

    def _pass_strange(self, item: Frame) -> bytes:
        """An event that is none of the API's, before any that is: as likely as not another API's. Its bytes stay as they are."""
        stream = self._stream
        stream.strangers += 1
        if stream.converts:
            return stream.deliver(item)
        if item.kinds and not stream.ended and foreign.GLUED & frozenset(item.kinds):
            self._glued = item
            return b""
        stream.body.passes(item.raw)
        return stream.pass_(item.raw)

    def _bring_to_id(self, item: Frame) -> bytes:
        if self._stream.ids.is_foreign:
            return self._second_start(item)
        kind = self._stream.ids.kind(item.value)
        if not self._stream.policy.does(kind):
            self._stream.note_left(kind, f" in {len(item.raw)} bytes")
            return show(self._stream, item)
        if self._stream.ids.is_early_keepalive(item.value):
            return self._early_keepalive(item)
        return self._rewrite_id(item)

    def _rewrite_id(self, item: Frame) -> bytes:
        return show(self._stream, item, rewrite_id=True)

    def _early_keepalive(self, item: Frame) -> bytes:
        """A keepalive chunk before the stream's id is known, where policy wants no id pinned for it."""
        stream = self._stream
        if stream.policy.keepalive_before_id == "hold" and stream.policy.ids == "stream":
            stream.held.append(item)
            self.waits_for_id = True
            return b""
        comment = b"" if stream.policy.keepalive_before_id == "drop" else stream.filler()
        why = "a keepalive chunk before the stream's id is known"
        return stream.change(item.raw, comment, Kind.KEEPALIVE_ID, why, item.kinds)

    def _behind_early(self, item: Frame | Stray | Damage | Overflow) -> bytes:
        """What follows keepalives that wait for the stream's id: another one, or the id."""
        stream = self._stream
        if isinstance(item, Frame) and type(item.value) is dict and item.value.get("choices"):
            stream.ids.settle(item.value, stream.facts)
            if stream.ids.stream_id is None and len(stream.held) < _MAX_EARLY:
                return self._live(item)
        return self._release_early() + self._live(item)

    def _release_early(self) -> bytes:
        self.waits_for_id = False
        return self.ends.release(self._rewrite_id)

    def _no_object(self, item: Frame) -> bytes:
        """A payload that is no JSON object."""
        value, stream = item.value, self._stream
        if self._missed is not None and self._waits_for_copy:
            return stream.lose(item.raw, self._missed.kind, self._missed.why)
        if value is OPAQUE:
            return stream.deliver(item)
        if value is DONE:
            is_strange = stream.strangers and not stream.confirmed and not stream.facts.failed
            return self._pass_strange(item) if is_strange else self.ends.done(item)
        if isinstance(value, str) and value:
            return self._string(item, value)
        if isinstance(value, list) and value:
            return self._array(item, value)
        return strays.empty(stream, item, item.kinds)

    def _string(self, item: Frame, value: str) -> bytes:
        if value.strip().upper() == "[DONE]":
            return self.ends.done(item)
        inner = _json_object(value)
        if inner is not None:
            return self.frame(item._replace(value=inner, mended=value.encode(), kinds=(*item.kinds, Kind.JSON_IN_STRING)))
        if not self._stream.confirmed or foreign.is_named_so(item.event, self._stream.dialect):
            return self._foreign(item)
        return self._stream.lose(item.raw, Kind.UNPARSABLE_DATA, "the payload is a bare string")

    def _array(self, item: Frame, value: list[Json]) -> bytes:
        one = len(value) == 1 and isinstance(value[0], dict) and value[0].get("error")
        if one:
            inner = split(item.payload)[0]
            return self.frame(item._replace(value=value[0], mended=inner, kinds=(*item.kinds, Kind.ERROR_SHAPE)))
        dialect, confirmed = self._stream.dialect, self._stream.confirmed
        if dialect and all(isinstance(part, dict) and dialect.recognise(part, item.event) for part in value):
            return self._several(item, value)
        if not confirmed or foreign.is_foreign(item, dialect):
            return self._foreign(item)
        return self._stream.lose(item.raw, Kind.UNPARSABLE_DATA, "the payload is an array, not an event")

    def _several(self, item: Frame, values: list[Json]) -> bytes:
        """An array of events in the place of one: each becomes an event of its own. The first takes the place of the bytes."""
        parts = zip(values, split(item.payload), strict=True)
        kinds = (*item.kinds, Kind.JOINED_FRAMES)
        frames = [item._replace(value=value, mended=payload, kinds=kinds) for value, payload in parts]
        rest = [frame._replace(raw=b"") for frame in frames[1:]]
        return b"".join(self.item_of_known(frame) for frame in [frames[0], *rest])

    # -- roles ------------------------------------------------------------------------------------

    def _terminal(self, item: Frame) -> bytes:
        if self._stream.facts.failed:
            self._stream.ledger.note(Kind.UPSTREAM_ERROR, "the upstream ended its stream as failed")
        return self.ends.terminal(item)

    def _hollow(self, item: Frame) -> bytes:
        return strays.hollow(self._stream, item)

    def _foreign(self, item: Frame) -> bytes:
        return foreign.let_pass(self._stream, item) if self._stream.confirmed else self._pass_strange(item)

    def _error(self, item: Frame) -> bytes:
        return report(self._stream, item)

    def _odd_error(self, item: Frame) -> bytes:
        return report_odd(self._stream, item)

    def _whole_answer(self, item: Frame) -> bytes:
        return unfold(self._stream, item)

    def _duplicate_start(self, item: Frame) -> bytes:
        return self._stream.change(item.raw, b"", Kind.DUPLICATE_START, "the same message was started again", item.kinds)

    def _second_start(self, item: Frame) -> bytes:
        why = "a second message was spliced into the stream while the first was open"
        return self._stream.end_with_error(Effect.LOSS, Kind.SPLICED_GENERATION, item.raw, why, also=item.kinds)

    def _sealed(self, item: Frame) -> bytes:
        name = (item.event or "an event")[:64]
        self._stream.ledger.note(Kind.SEALED_DAMAGE, f"the payload of {name!r} is not what it should be; it passes as it is")
        return self._stream.deliver(item)

    # -- everything that is no frame --------------------------------------------------------------

    def _overflow(self, item: Overflow) -> bytes:
        stream = self._stream
        if stream.converts:
            why = "an event too large to be brought into the form that was asked for"
            return stream.end_with_error(Effect.LOSS, Kind.OVERSIZED_EVENT, b"", why) + self.ends.behind(item)
        if item.first:
            cap = stream.policy.max_event_bytes
            stream.ledger.note(Kind.OVERSIZED_EVENT, f"an event larger than {cap} bytes passes raw")
        stream.line_open = not item.last
        if item.last:
            stream.body.events += 1  # its line ends may be in another piece
        return stream.pass_(item.raw)

    def _damage(self, item: Damage) -> bytes:
        stream = self._stream
        if not stream.confirmed and foreign.is_plain_text(item, stream.dialect):
            stream.strangers += 1
            return stream.pass_(item.raw)
        if item.kind in _NO_JSON and foreign.is_named_so(item.event, stream.dialect):
            return foreign.let_pass(stream, item)
        if is_damaged_ping(item.event, item.raw):
            return stream.keepalive(item.raw, Kind.KEEPALIVE_FORM)
        if stream.form is SSE and not stream.converts and (frame := beside_the_answer(item)):
            return self._pass_untouched(frame)
        return numbered.lose(self._stream, item, item.kind, item.why)

    def _pass_untouched(self, item: Frame) -> bytes:
        """An event with bytes that are no UTF-8 where they are no part of the answer: nothing of it may be written again."""
        stream, dialect = self._stream, self._stream.dialect
        if not stream.confirmed:
            self._recognise(item)
        role = dialect.read(item.value, item.event, stream.facts) if dialect else Role.UNKNOWN
        fits = role in _OF_THE_ANSWER and dialect is not None and not (dialect.named_events and contradicts(item, dialect))
        if role is Role.TERMINAL and fits:
            stream.ledger.note(Kind.INVALID_UTF8, _PASSES)
            return self.ends.terminal(item)
        if fits and dialect is not None and dialect.one_id:
            fits = stream.ids.settle(item.value, stream.facts)
        fate = stream.show(item.value, item.event) if fits else None
        if not fits or not isinstance(fate, Noted | None):
            return stream.lose(item.raw, Kind.UNPARSABLE_DATA, "the payload is not UTF-8, and can't pass as it is")
        stream.ledger.note(Kind.INVALID_UTF8, _PASSES)
        stream.answered |= role is not Role.KEEPALIVE
        return stream.deliver(item)

    def _comes_again(self, item: Item) -> bool:
        """Whether what is said later will tell what an event was that can't be read: then nothing is lost yet."""
        stream = self._stream
        if stream.policy.on_loss != "error" or not isinstance(item, Damage) or item.kind not in _PIECES or _ERROR.search(item.raw):
            return False
        if not (stream.confirmed and isinstance(stream.contract, Listener) and stream.contract.miss(item.kind, item.why)):
            return False
        self._missed, stream.echo = item, None
        return True

    @property
    def _waits_for_copy(self) -> bool:
        """Whether it is still open what was lost. Only events tell, and whatever else comes may be a piece of what was."""
        return isinstance(self._stream.contract, Listener) and self._stream.contract.misses


def _json_object(text: str) -> dict[str, Json] | None:
    try:
        value = strict(text.encode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


_BY_ROLE: Final[dict[Role, Callable[[Frames, Frame], bytes]]] = {
    Role.NO_OBJECT: Frames._no_object,  # noqa: SLF001 - as below
    Role.TERMINAL: Frames._terminal,  # noqa: SLF001 - the table of the class above
    Role.ERROR: Frames._error,  # noqa: SLF001 - as above
    Role.ODD_ERROR: Frames._odd_error,  # noqa: SLF001 - as above
    Role.HOLLOW: Frames._hollow,  # noqa: SLF001 - as above
    Role.FOREIGN: Frames._foreign,  # noqa: SLF001 - as above
    Role.WHOLE_ANSWER: Frames._whole_answer,  # noqa: SLF001 - as above
    Role.DUPLICATE_START: Frames._duplicate_start,  # noqa: SLF001 - as above
    Role.SECOND_START: Frames._second_start,  # noqa: SLF001 - as above
    Role.SEALED: Frames._sealed,  # noqa: SLF001 - as above
}
