"""What has no payload: events whose data says nothing, and lines that are no event."""

from __future__ import annotations

from typing import Final

from resplice.core.heartbeat import KEEPALIVE_NAMES
from resplice.core.items import Frame, Stray
from resplice.core.kinds import Kind
from resplice.session import foreign, numbered
from resplice.session.clients import Quirk
from resplice.session.stream import Stream

_KEEPALIVE_STRAYS: Final = frozenset({Kind.COMMENT_AS_DATA, Kind.COMMENT_LINE, Kind.BLANK_LINE})
_FIRST_EVENTS: Final = frozenset({"message_start", "response.created"})
_LEGAL_STRAYS: Final = frozenset({Kind.META_ONLY, Kind.EVENT_WITHOUT_DATA})


def empty(stream: Stream, item: Frame | Stray, kinds: tuple[Kind, ...] = ()) -> bytes:
    """An event whose data says nothing: a keepalive, if its name says so, else what is left of a payload that was lost."""
    if (item.event or "").lower() in KEEPALIVE_NAMES:
        return stream.keepalive(item.raw, Kind.KEEPALIVE_FORM, kinds)
    if foreign.is_named_so(item.event, stream.dialect):
        return foreign.let_pass(stream, item)
    if stream.policy.does(Kind.EMPTY_DATA):
        return stream.keepalive(item.raw, Kind.EMPTY_DATA, kinds)
    return numbered.lose(stream, item, Kind.EMPTY_DATA, "an event came without its payload")


def hollow(stream: Stream, item: Frame) -> bytes:
    """An object without anything that its event should have."""
    name = (item.event or "").lower()
    if name and name not in KEEPALIVE_NAMES and not foreign.is_named_so(item.event, stream.dialect):
        return numbered.lose(stream, item, Kind.UNPARSABLE_DATA, f"event {name[:64]!r} came without its payload")
    return stream.keepalive(item.raw, Kind.KEEPALIVE_FORM, item.kinds)


def stray(stream: Stream, item: Stray) -> bytes:
    """A piece of the body that is no event: a comment, a blank line, a field without data."""
    name = item.event or ""
    if item.kind is Kind.EMPTY_DATA:
        return empty(stream, item)
    if name and name.lower() not in KEEPALIVE_NAMES and not foreign.is_named_so(name, stream.dialect) and not _begins(stream, name):
        return numbered.lose(stream, item, item.kind, f"event {name[:64]!r} came without its data")
    if item.kind in _LEGAL_STRAYS and not (stream.plain or stream.dies_of(Quirk.NO_DATA)):
        stream.idle_bytes += len(item.raw)
        return stream.pass_(item.raw)
    if item.kind in _KEEPALIVE_STRAYS or name.lower() in KEEPALIVE_NAMES:
        return stream.keepalive(item.raw, item.kind)
    stream.idle_bytes += len(item.raw)
    return stream.change(item.raw, b"", item.kind, "bytes without information that some clients die of")


def _begins(stream: Stream, name: str) -> bool:
    """Whether it is the name of the stream's first event, which has not come: it will, with its data."""
    return name in _FIRST_EVENTS and not stream.confirmed
