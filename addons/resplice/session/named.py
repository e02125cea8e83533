"""The name of an event against the type that its payload claims."""

from __future__ import annotations

import re
from typing import Final

from resplice.core.grammar import names_field
from resplice.core.items import Frame
from resplice.core.kinds import Kind
from resplice.core.members import edited
from resplice.dialects import Dialect

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.]")


def contradicts(item: Frame, dialect: Dialect) -> bool:
    """Whether the event's name is the dialect's own and the payload's type is not: one of the two is damaged."""
    kind = item.value.get("type")
    if item.event is not None and names_field(item.event.encode("utf-8", "replace")):
        return True  # two events' names are glued: what stood between them is lost
    if kind == item.event or item.event is None or item.event == "error" or not dialect.own_event(item.event):
        return False
    if dialect.name_is_type and "type" not in item.value and item.event.startswith(dialect.typed_prefixes[0]):
        return False  # the contract looks at it
    return type(kind) is not str or not dialect.own_event(kind)


def with_whole_type(item: Frame) -> Frame | None:
    """An event whose payload's type has nothing wrong but marks that no name has: the event's name says the type a second time.

    Letters too many are another matter: so looks the seam where one event was cut and the next one glued on.
    """
    kind = item.value.get("type")
    if type(kind) is not str or item.event is None or _NO_NAME.sub("", kind) != item.event:
        return None
    value = item.value | {"type": item.event}
    return item._replace(value=value, mended=edited(item.payload, item.value, value), kinds=(*item.kinds, Kind.TYPE_DAMAGED))
