"""Events that are none of the API's: a gateway's own beside the answer, or those of another API altogether.

Sources, citations, tool calls that a gateway made itself: they pass as they came. Only for a client that is known to die of one it
is dropped, inside a stream whose other events are the API's; that is on record.
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.heartbeat import KEEPALIVE_NAMES
from resplice.core.items import DONE, Damage, Frame, Item, Stray
from resplice.core.kinds import Kind
from resplice.core.wire import SSE
from resplice.dialects import Dialect, Facts, Json, Role
from resplice.dialects.recognition import LEGAL, REFRAMED
from resplice.session.clients import Quirk
from resplice.session.stream import Stream

GLUED: Final = frozenset({Kind.MISSING_BLANK_LINE, Kind.JOINED_FRAMES})
"""An event that stands glued to the next one."""
_KEEPALIVE_KEYS: Final = frozenset(
    {"type", "event", "status", "time", "timestamp", "ts", "ping", "keepalive", "heartbeat", "model", "created_at"}
)
_FOREIGN_ROLES: Final = frozenset({Role.FOREIGN, Role.UNKNOWN, Role.HOLLOW})
_DATA: Final = re.compile(rb"(?:\A|[\r\n])data:[ \t]*[^ \t\r\n]")
_PIECE_OF_JSON: Final = re.compile(rb'"[ \t]*:|[}\]][ \t]*[,}\]]|[{\[][ \t]*"')


def says_something(value: dict[str, Json]) -> bool:
    """Whether an unknown payload is more than a keepalive."""
    return any(key not in _KEEPALIVE_KEYS for key in value)


def is_named_so(name: str | None, dialect: Dialect | None) -> bool:
    """Whether an event's name is neither one of the dialect's, nor what is left of such a one."""
    if not name or dialect is None or dialect.own_event(name) or name.lower() in KEEPALIVE_NAMES:
        return False
    return not any(own.startswith(name) or name.startswith(own) for own in dialect.typed_prefixes)


def is_foreign(item: Frame, dialect: Dialect | None) -> bool:
    """Whether an event says something, and nothing in the dialect."""
    if dialect is None or item.value is DONE:
        return False
    if type(item.value) is not dict:
        return bool(item.value) and is_named_so(item.event, dialect)
    if dialect.recognise(item.value, item.event) or not says_something(item.value):
        return False
    return dialect.read(item.value, item.event, Facts(started=True)) in _FOREIGN_ROLES


def is_plain_text(item: Damage, dialect: Dialect | None) -> bool:
    """Whether an event's payload was never meant to be JSON: there is one, and nothing in it looks like a piece of JSON."""
    if item.kind is not Kind.UNPARSABLE_DATA or dialect is None or dialect.wire.name != SSE.name:
        return False
    has_text = _DATA.search(item.raw) is not None and not (item.event is not None and dialect.own_event(item.event))
    return is_named_so(item.event, dialect) or (has_text and _PIECE_OF_JSON.search(item.raw) is None)


def let_pass(stream: Stream, item: Frame | Damage | Stray) -> bytes:
    """Such an event in a stream of the API's own."""
    quirk = _quirk(item)
    also = item.kinds if isinstance(item, Frame) else ()
    if stream.plain or stream.converts or stream.dies_of(quirk):
        why = f"event {(item.event or 'without a name')[:64]!r} has no meaning in this dialect, and the client dies of it"
        return stream.change(item.raw, b"", Kind.FOREIGN_EVENT, why, also)
    if isinstance(item, Frame) and GLUED & frozenset(also):
        return stream.deliver(item)
    stream.events_out += 1
    stream.body.passes(item.raw)
    return stream.pass_(item.raw)


def _quirk(item: Frame | Damage | Stray) -> Quirk:
    if isinstance(item, Stray):
        return Quirk.NO_DATA
    if isinstance(item, Damage) or item.value == "":
        return Quirk.FOREIGN_TEXT
    return Quirk.FOREIGN_OBJECT if type(item.value) is dict else Quirk.FOREIGN_VALUE


def reframe(stream: Stream, item: Item) -> bytes:
    """An item of a stream that was recognised, and not asked for: its framing is mended where no parser could read it."""
    if not isinstance(item, Frame):
        return stream.pass_(item.raw)
    stream.events_out += 1
    is_own = type(item.value) is dict and stream.dialect is not None and stream.dialect.recognise(item.value, item.event)
    kinds = frozenset(item.kinds)
    if not is_own or not kinds - LEGAL or not kinds <= REFRAMED:
        return stream.pass_(item.raw)
    kind, *also = sorted(item.kinds, key=lambda kind: kind in LEGAL)
    return stream.change(item.raw, stream.write(item.event, item.payload), kind, f"an event: {kind.replace('_', ' ')}", tuple(also))
