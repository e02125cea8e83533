"""What looks like a loss, where the API numbers its events: the next event's number tells whether anything is lost."""

from __future__ import annotations

from resplice.core.items import Damage, Frame, Item, Stray
from resplice.core.kinds import Kind
from resplice.session.contract import Listener
from resplice.session.stream import Stream


def lose(stream: Stream, item: Frame | Stray | Damage, kind: Kind, why: str) -> bytes:
    """Something is lost; or, where no number has been missing so far, that is decided when the next event comes."""
    counts = isinstance(stream.contract, Listener) and stream.contract.counts
    if not counts or stream.held or stream.ended or stream.facts.terminal or not stream.confirmed:
        return stream.lose(item.raw, kind, why)
    stream.held, stream.lost = [item], (kind, why)
    return b""


def is_next(stream: Stream, item: Item) -> bool:
    """Whether it is an event whose number shows that no event before it is missing."""
    if not isinstance(item, Frame) or type(item.value) is not dict:
        return False
    return isinstance(stream.contract, Listener) and stream.contract.is_next(item.value)


def under_its_type(stream: Stream, item: Frame) -> Frame | None:
    """An event whose name is damaged, under the name that its payload says, if it is the very next one."""
    kind = item.value.get("type")
    if type(kind) is not str or kind == item.event or stream.dialect is None or not stream.dialect.own_event(kind):
        return None
    if not is_next(stream, item):
        return None
    return item._replace(event=kind, mended=item.payload, kinds=(*item.kinds, Kind.EVENT_NAME_WRONG))
