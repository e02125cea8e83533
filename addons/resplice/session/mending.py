"""Carries out what a contract decided about an event, and books it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from resplice.core.items import Frame
from resplice.core.kinds import Kind
from resplice.core.members import edited
from resplice.core.wire import Event
from resplice.dialects import Json, Role
from resplice.dialects.dialect import frame
from resplice.session.contract import Broken, Held, Mended, NoContract, Noted, Preceded
from resplice.session.stream import Stream


def show(stream: Stream, item: Frame, *, rewrite_id: bool = False) -> bytes:
    """Show an event to the stream's contract; deliver it as it came, or as what becomes of it.

    `rewrite_id`: its id is not the stream's, and is brought to it in the same stroke.
    """
    if not all(map(stream.policy.does, item.kinds)):
        stream.contract = NoContract()  # its frame stays broken, by policy: clients read something else in it, or nothing
        return stream.deliver(item)
    fate = stream.show(item.value, item.event) if type(item.value) is dict else None
    if fate is not None:
        return apply(stream, item, fate, rewrite_id=rewrite_id)
    return _under_id(stream, item) if rewrite_id else stream.deliver(item)


def apply(stream: Stream, item: Frame, fate: Mended | Broken | Noted | Held | Preceded, *, rewrite_id: bool = False) -> bytes:
    """Deliver what becomes of an event that does not fit."""
    if isinstance(fate, Broken):
        return stream.lose(item.raw, fate.kind, fate.why)
    if isinstance(fate, Held):
        stream.held, stream.waits = [item], fate
        return b""
    if isinstance(fate, Preceded):
        return stream.add(Mended(fate.events, fate.kind, fate.why)) + stream.deliver(item)
    if isinstance(fate, Noted):
        stream.ledger.note(fate.kind, fate.why)
        return _under_id(stream, item) if rewrite_id else stream.deliver(item)
    kinds, why, frames = fate.also, fate.why, []
    for name, value in fate.events:
        try:
            payload = edited(item.payload, item.value, value)
        except (ValueError, RecursionError):
            return stream.lose(item.raw, fate.kind, fate.why + "; but it holds something that can't be written again")
        if rewrite_id:
            payload, kind, changed = stream.ids.rewrite(item._replace(value=value, mended=payload), stream.facts)
            kinds, why = (*kinds, kind), f"{why}; {changed}"
        frames.append(stream.write(name, payload))
    stream.events_out += len(frames)
    stream.cr_seen |= Kind.CR_LINE_END in item.kinds
    kinds = (*kinds, Kind.BODY_FORM) if stream.converts else kinds
    for kind in fate.left:
        stream.note_left(kind)
    return stream.change(item.raw, b"".join(frames), fate.kind, why, (*kinds, *item.kinds))


def conclude(stream: Stream, item: Frame) -> bytes:
    """Deliver the event that ends the answer, behind whatever the contract still has to say."""
    return stream.flush() + show(stream, item)


def fitting(stream: Stream, events: Iterable[Event]) -> bytes:
    """Events of ours that continue the upstream's, as the contract wants them; the caller books them."""
    out = b""
    for event in events:
        fate = stream.show(json.loads(event.payload), event.name)
        told = fate.events if isinstance(fate, Mended) else ()
        out += stream.write_all(one for name, value in told for one in frame(value, name)) or stream.write_all([event])
    return out


def unfold(stream: Stream, item: Frame) -> bytes:
    """A whole answer where a stream was asked for becomes the events of that stream, if it is complete, and each one fits."""
    dialect = stream.dialect
    try:
        events = dialect.unfold(item.value) if dialect is not None and dialect.unfold is not None else None
    except (ValueError, RecursionError):  # it holds a number that can't be written again, or is nested too deeply
        events = None
    told: list[tuple[str | None, Json]] = []
    for name, value in events or ():
        if dialect is not None:
            role = dialect.read(value, name, stream.facts)
            if role is Role.TERMINAL:
                stream.facts.terminal = True
                told += _last_words(stream)
        stream.ids.settle(value, stream.facts)
        fate = stream.show(value, name)
        if isinstance(fate, Broken):
            return stream.lose(item.raw, fate.kind, fate.why)
        told += fate.events if isinstance(fate, Mended) else [(name, value)]
    try:
        frames = [stream.write(name, edited(item.payload, item.value, value)) for name, value in told]
    except (ValueError, RecursionError):
        frames = []
    if not frames:
        return stream.lose(item.raw, Kind.JSON_BODY, "a JSON answer where a stream was asked for")
    stream.events_out += len(frames)
    why = "a complete JSON answer where a stream was asked for"
    return stream.change(item.raw, b"".join(frames), Kind.WHOLE_ANSWER, why, item.kinds)


def _last_words(stream: Stream) -> tuple[tuple[str | None, Json], ...]:
    """What the contract still has to say before the terminal event."""
    stream.flushed = True
    mended = stream.contract.flush(stream.facts)
    return mended.events if mended is not None else ()


def _under_id(stream: Stream, item: Frame) -> bytes:
    stream.events_out += 1
    payload, kind, why = stream.ids.rewrite(item, stream.facts)
    return stream.change(item.raw, stream.write(item.event, payload), kind, why, item.kinds)
