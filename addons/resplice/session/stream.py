"""What is known of one stream, and the few things that can be done to its bytes: pass, change, end with an error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from resplice.core.catalogue import OPT_IN
from resplice.core.echo import Echo
from resplice.core.events import Effect
from resplice.core.framer import SseFramer
from resplice.core.items import Damage, Filler, Frame, Stray
from resplice.core.kinds import Kind
from resplice.core.wire import SSE, Body, Event, Wire
from resplice.dialects import BUILT_IN, Dialect, Dialects, Facts, Json
from resplice.dialects.dialect import frame
from resplice.dialects.recognition import REFRAMED, Standing
from resplice.session.clients import HOUSES, QUIRKS, UNSAID, Quirk
from resplice.session.contract import Contract, Fate, Held, Mended, contract_for
from resplice.session.endings import Broken, Ending, ending_for
from resplice.session.failure import Failure
from resplice.session.ids import ChunkIds
from resplice.session.ledger import Ledger
from resplice.session.policy import Policy

MAX_MESSAGE: Final = 4096
"""Error messages from the wire are told up to this many characters."""
_COMMENT_LINE: Final = re.compile(rb"(?:\A|[\r\n]):")
_OF_A_CALL: Final = re.compile(rb"tool_use|tool_calls|input_json_delta|function_?call|custom_tool_call|toolUse", re.IGNORECASE)
"""What was lost may be a piece of a tool call."""
SHORT_ID: Final = 8
"""Digits of a stream's id that tell it from all others in a log."""
_NAME: Final = re.compile(r"[!-~]{1,128}")
"""What may be written into an `event:` line."""


class Stream:
    """One stream's state, shared by those who decide about it. Every byte that goes out goes through here, and is booked."""

    waits: Held | None = None
    """Why something waits, if it is an event of which the next one tells whether it was right."""

    lost: tuple[Kind, str] | None = None
    """Why something that looks like a loss waits, if the number of the next event will tell whether it is one."""

    ended_silently = False
    """The stream failed, and the client is to find that out by itself."""
    client = ""
    """What the client calls itself, in its `user-agent` and its SDK's own headers."""

    def __init__(  # noqa: PLR0915 - one line for each thing that is known
        self, dialect: Dialect | None, policy: Policy, seed: str, among: Dialects = BUILT_IN
    ) -> None:
        self.dialect = dialect
        self.among = among
        """The dialects that the stream may turn out to be of."""
        self.wire = dialect.wire if dialect else SSE
        """The form in which the client reads."""
        self.body = Body()
        self.form = self.wire
        """The form in which the upstream's body comes."""
        self.converts = False
        """The two differ: every event is written anew."""
        self.standing = Standing.ASKED if dialect else Standing.UNKNOWN
        """How well it is known that the stream is of its dialect, and so what may be done to it."""
        self.confirmed = False
        """A frame has shown that the stream is of this dialect; until then the request's word stands for it."""
        self.strangers = 0
        """Frames that no dialect recognises, before one that confirms."""
        self.policy = policy
        self._seed = seed
        self.contract: Contract = contract_for(dialect.api if dialect else None, policy, seed)
        self.flushed = False
        """The contract has been asked for what waited."""
        self.echo: Echo | None = None
        """The shape of a frame that fits; frames of this shape need not be looked at."""
        self.facts = Facts()
        self.ledger = Ledger()
        self.ids = ChunkIds(policy, seed)
        self.ended = False
        """An error event of ours has ended the client's stream."""
        self.answered = False
        """An event went out that is part of an answer."""
        self.error_status: int | None = None
        """Status of the error response that the client got in place of the stream."""
        self.failure: Failure | None = None
        """The first error event, the upstream's or ours."""
        self.passed_terminal = False
        """The upstream's own terminal event came, whatever was, or would have been, made of it."""
        self.passed_error: str | None = None
        """Message of the upstream's own error event."""
        self.raw = False
        """Everything passes as it comes: no LLM stream, or a defect of ours."""
        self.held: list[Frame | Filler | Stray | Damage] = []
        """What waits until it is clear what follows: a terminal event without a stop reason before it, or keepalives before
        the stream's id; and the comments behind them."""
        self.events_in = 0
        self.events_out = 0
        self.id_line_seen = False
        self.cr_seen = False
        self.tail_passes = True
        """Whether the LF of a CRLF shares the fate of an item that passed."""
        self.idle_bytes = 0
        """How many bytes came that keep a connection alive and say nothing: comments, blank lines, keepalives."""
        self.line_open = False
        """The last bytes out were raw and did not end an event."""

    def confirm(self, dialect: Dialect) -> None:
        """A frame has shown what dialect the stream is of: the one that was asked for, or another one."""
        if self.dialect is not dialect:
            self.standing = Standing.RECOGNISED if dialect.proof is not None else Standing.ASKED  # a user vouches for his own
            self.dialect, self.wire, self.converts = dialect, dialect.wire, False
            self.contract = contract_for(dialect.api, self.policy, self._seed)
        self.confirmed = True

    def disown(self) -> None:
        """The stream ended, and not one of its events was of the API that was asked for: they are another API's."""
        self.ledger.note(
            Kind.ANOTHER_API, f"the request asked for {self.dialect.name if self.dialect else None}, and no event of it came"
        )
        self.dialect, self.standing = None, Standing.UNKNOWN

    @property
    def ending(self) -> Ending:
        """How the stream ends if it breaks, for who reads it."""
        return ending_for(self.dialect.name if self.dialect else "", self.client)

    @property
    def converts_comments(self) -> bool:
        """Nothing but events may reach the client."""
        dies = self.plain or self.policy.comments == "convert" or self.dies_of(Quirk.COMMENT)
        return dies and self.form.framer is SseFramer

    def dies_of(self, quirk: Quirk) -> bool:
        """Whether the client can't read that, although it is legal."""
        client = self.policy.client
        if client == UNSAID and self.dialect is not None:
            client = HOUSES.get(self.dialect.name, UNSAID)
        return quirk in QUIRKS[client]

    @property
    def plain(self) -> bool:
        """The client reads nothing but events, each one line."""
        return self.wire.plain and self.dies_of(Quirk.PLAIN_LINES)

    @property
    def in_order(self) -> bool:
        """The dialect is certain and the stream has not ended: a healthy frame simply passes."""
        if self.converts or self.line_open:
            return False
        return self.confirmed and not (self.ended or self.facts.terminal or self.held or self.raw)

    def pass_(self, raw: bytes) -> bytes:
        """The next bytes of the input go out as they are."""
        self.ledger.passed += len(raw)
        self.tail_passes = True
        return raw

    def comes_as(self, form: Wire) -> None:
        """The upstream's body has shown its form."""
        self.form = form
        self.converts = form.name != self.wire.name

    def change(
        self, raw: bytes, replacement: bytes, kind: Kind, why: str, also: tuple[Kind, ...] = (), effect: Effect = Effect.REPAIR
    ) -> bytes:
        """The next bytes of the input go out as something else, or not at all; with no `raw`, something is added.

        A repair that is switched off is not made: `raw` goes out as it is. So it does in a stream that was not asked for, but for
        what mends its framing.
        """
        if not self.standing.may_judge and not (raw and replacement and self.standing.may_reframe and kind in REFRAMED):
            return self.pass_(raw)
        if effect is Effect.REPAIR and (unwanted := self._unwanted((kind, *also))):
            return self.leave(raw, unwanted)
        self.tail_passes = False
        self.line_open &= not replacement.endswith(self.wire.boundaries)
        return self.ledger.changed(effect, kind, raw, replacement, why, also)

    def leave(self, raw: bytes, kind: Kind) -> bytes:
        """The next bytes of the input are broken and pass as they are, for the user does not want that repair."""
        self.note_left(kind, f" in {len(raw)} bytes")
        if raw:
            self.line_open = not raw.endswith(self.wire.boundaries)
        return self.pass_(raw)

    def note_left(self, kind: Kind, where: str = "") -> None:
        """Something broken was found and, by policy, not repaired."""
        whose = "a guess that nobody asked for" if kind in OPT_IN else "switched off"
        self.ledger.note(kind, f"found, and left alone{where}: its repair is {whose}")

    def _unwanted(self, kinds: tuple[Kind, ...]) -> Kind | None:
        return next((kind for kind in kinds if not self.policy.does(kind)), None)

    def deliver(self, item: Frame) -> bytes:
        """An event goes to the client: as it came if it is healthy, else in canonical form."""
        self.events_out += 1
        self.line_open = False
        kinds, event = item.kinds, item.event
        if self.dialect is not None and self.dialect.named_events and not self.dialect.name_is_type:
            event = self._right_name(item, self.dialect)
            if event != item.event:
                kinds = (*kinds, Kind.EVENT_NAME_WRONG if item.event else Kind.EVENT_NAME_MISSING)
        self.id_line_seen |= item.meta
        if self.converts:
            kinds = (Kind.BODY_FORM, *kinds)
        elif not kinds and self.converts_comments and _COMMENT_LINE.search(item.raw):
            kinds = (Kind.COMMENT,)
        elif not kinds and (fault := self.fault(item.raw)):
            kinds = (fault,)
        if not kinds:
            self.body.passes(item.raw)
            return self.pass_(item.raw)
        self.cr_seen |= Kind.CR_LINE_END in kinds
        return self.change(item.raw, self.write(event, item.payload), kinds[0], _why(kinds, event), kinds[1:])

    def fault(self, raw: bytes) -> Kind | None:
        """What clients can't read of a healthy event, as it came."""
        found = None if self.wire.fault is None else self.wire.fault(raw, self.body)
        return found if self.dies_of(Quirk.PLAIN_LINES) or found is Kind.DATA_WITHOUT_SPACE else None

    def write(self, name: str | None, payload: bytes) -> bytes:
        """An event of ours, or one that came in another form, for the client; the caller books it."""
        if name is not None and not name.isascii():
            name = name.encode("utf-8", "replace").decode()  # it may have half a character
        out = self.wire.render(Event(name, payload), self.body)
        self.body.events += 1
        return out

    def write_all(self, events: Iterable[Event]) -> bytes:
        """Several of them."""
        return b"".join(self.write(event.name, event.payload) for event in events)

    def _right_name(self, item: Frame, dialect: Dialect) -> str | None:
        """The payload's type where the dialect knows it, else the name that the event came with."""
        kind = item.value.get("type") if type(item.value) is dict else None
        if kind == item.event or type(kind) is not str or not _NAME.fullmatch(kind):
            return item.event
        return kind if kind.startswith(dialect.typed_prefixes) or not item.event else item.event

    def show(self, value: dict[str, Json], event: str | None) -> Fate:
        """Show an event to the contract. One that leaves the contract changed makes known shapes unknown."""
        if not self.standing.may_judge:
            return None
        contract = self.contract
        fate = contract.mend(value, event, self.facts)
        if not contract.steady:
            self.echo = None
        return fate

    def flush(self) -> bytes:
        """The answer ends: what the contract still has to say goes out before its end; before an error, nothing."""
        mended = None if self.flushed or self.facts.failed or not self.standing.may_judge else self.contract.flush(self.facts)
        self.flushed = True
        return self.add(mended) if mended is not None else b""

    def complete(self) -> bytes:
        """The upstream ended without saying that its answer is whole: the events that do, where the contract knows that it is."""
        mended = self.contract.complete(self.facts)
        if mended is None:
            return b""
        self.flushed = self.facts.terminal = True
        return self.add(mended)

    def add(self, mended: Mended) -> bytes:
        """Events of ours, in front of what follows."""
        if not mended.events:
            return b""
        events = (event for name, value in mended.events for event in frame(value, name))
        frames = self.wire.closing * self.line_open + self.write_all(events)
        self.events_out += len(mended.events)
        return self.change(b"", frames, mended.kind, mended.why, mended.also)

    def keepalive(self, raw: bytes, kind: Kind, also: tuple[Kind, ...] = ()) -> bytes:
        """A keepalive that SDKs die of becomes one that they know, so that watchdogs behind us still see life."""
        self.idle_bytes += len(raw)
        return self.change(raw, self.sign_of_life() if self.dialect else b"", kind, "a keepalive that SDKs can't read", also)

    def heartbeat(self) -> bytes:
        """A keepalive of our own, for a client that hears nothing. To be called between two events only.

        Until a frame has shown that the stream is what the request let expect, it is no event of its dialect's.
        """
        out = self.sign_of_life() if self.confirmed else self.filler()
        return self.change(b"", out, Kind.HEARTBEAT, "the upstream is silent") if out else b""

    def sign_of_life(self) -> bytes:
        """A keepalive in the form that the client is to have; `b""` where there is none that it can read."""
        filler = self.filler()
        if filler and (self.policy.keepalive_form == "comment" or self.dies_of(Quirk.KEEPALIVE_EVENT)):
            return filler
        return self.write_all(self.dialect.keepalive(self.facts) if self.dialect else ()) or filler

    def filler(self) -> bytes:
        """What shows life and is no event, if the client can read it."""
        filler = self.wire.filler
        return b"" if filler.startswith(b":") and self.converts_comments else filler

    def lose(self, raw: bytes, kind: Kind, why: str) -> bytes:
        """Information is lost. By policy the stream ends with an error, or goes on without it; tool arguments never go on."""
        in_tool_call = bool(self.facts.tool_calls) and not self.facts.stopped
        in_tool_call = in_tool_call or _OF_A_CALL.search(raw) is not None
        if self.policy.on_loss == "error" or in_tool_call or self.events_out == 0:
            return self.end_with_error(Effect.LOSS, kind, raw, why)
        return self.change(raw, b"", kind, why, effect=Effect.LOSS)

    def end_with_error(
        self,
        effect: Effect,
        kind: Kind,
        raw: bytes,
        why: str,
        *,
        also: tuple[Kind, ...] = (),
        message: str | None = None,
        value: dict[str, Json] | None = None,
    ) -> bytes:
        """The client's stream ends with the dialect's own error event, in place of `raw`.

        Nothing is closed, completed or announced before it that the model has not: a tool call that is closed gets executed, and
        a text that is closed is taken for an answer. ``value`` is the upstream's error, where it sent one; ``message`` is what
        it said.
        """
        if not self.standing.may_judge:
            return self.pass_(raw)
        if effect is Effect.REPAIR and (unwanted := self._unwanted((kind, *also))):
            return self.leave(raw, unwanted)
        frames = b""
        failed, self.facts.failed = self.facts.failed, True
        text = message if message is not None else self._blame(why)
        self.failure = self.failure or Failure(kind, why, text[:MAX_MESSAGE], value or {})
        if self.dialect is not None and not failed:
            self.ended_silently = message is None and self.ending.is_silent(Broken(self.facts, self.contract, bool(raw)))
            frames = b"" if self.ended_silently else self.write_all(self.dialect.error(self.facts, text))
            self.facts.error = text[:MAX_MESSAGE]
        elif self.dialect is not None and self.dialect.fails_twice:
            frames = self.write_all(self.dialect.terminal(self.facts))
        if frames and self.line_open:
            frames = self.wire.closing + frames
        self.ended = True
        return self.change(raw, frames, kind, why, also, effect)

    def _blame(self, why: str) -> str:
        """What happened, whose fault it was, and where to read on: `resplice explain` takes the first digits of an id."""
        text = f"Resplice: the upstream's stream broke: {why}"
        return f"{text}; stream {self._seed[:SHORT_ID]}" if self._seed else text


def _why(kinds: tuple[Kind, ...], event: str | None) -> str:
    name = f"event {event[:64]!r}" if event else "an event"
    return f"{name}: " + ", ".join(kind.replace("_", " ") for kind in kinds)
