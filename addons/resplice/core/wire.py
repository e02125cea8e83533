"""The forms in which events stand on a wire: how each is cut into items, and how an event is written in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from resplice.core.framer import SseFramer
from resplice.core.items import Item, Json
from resplice.core.kinds import Kind

_EVENT_NAME: Final = re.compile(r"[^\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]{1,256}")
"""What may stand in an `event:` line: nothing that ends it, and no half of a character."""
BLANKS: Final = b" \t\r\n"


class Framer(Protocol):
    """Cuts a body into items that together cover every byte that came in, in order; whatever the bytes, it raises nothing.

    `steady`, `waiting` and what belongs to them are a short way for healthy events. A form that needs none inherits `NoShortWay`.
    """

    steady: bool
    """Nothing is held, and nothing odd is going on: healthy events at the beginning of the next chunk may be taken whole."""
    waiting: bool
    """What is held is the beginning of an event that may be healthy: more of it can be held without a look."""
    unfit: int
    """A byte that no chunk may hold which is to go the short way."""
    tail: int
    """How many bytes of the line end behind an event the long way tells apart from it; `take` takes them too."""

    @property
    def held(self) -> int:
        """How many bytes came in and have not left as an item."""
        ...

    @property
    def at_boundary(self) -> bool:
        """No event is open, nor a line, nor a line end: something may be written between two events."""
        ...

    def held_bytes(self) -> bytes:
        """The bytes that came in and have not left as an item."""
        ...

    def receive_data(self, data: bytes) -> list[Item]:
        """Take some more input, cut anywhere, `b""` at its end; return the items that it completes."""
        ...

    def release(self) -> list[Item]:
        """Let a complete event go that only waits for its delimiter, for the upstream is silent."""
        ...

    def take(self, data: bytes, pos: int) -> tuple[int, str | None, Json] | None:
        """While `steady`: of the healthy event at `pos`, where it ends, its name, its value. None if it needs a closer look."""
        ...

    def passed(self, size: int) -> None:
        """So many bytes of healthy events were taken off the input by the caller."""
        ...

    def hold(self, data: bytes) -> bool:
        """While `waiting`: take input that can complete nothing. False if it must be received."""
        ...

    def completes_at(self, data: bytes) -> int:
        """While `waiting`: where in `data` that ends what is held; 0 if it is not in there."""
        ...

    def complete(self, data: bytes) -> bytes:
        """While `waiting`: what was held together with its end, `data`. The framer forgets it."""
        ...


class NoShortWay:
    """For framers whose events all take the long way."""

    steady = False
    waiting = False
    unfit = 0
    tail = 0

    def take(self, data: bytes, pos: int) -> tuple[int, str | None, Json] | None:
        """Never."""
        del data, pos
        return None

    def passed(self, size: int) -> None:
        """Never called."""

    def hold(self, data: bytes) -> bool:
        """Never."""
        del data
        return False

    def completes_at(self, data: bytes) -> int:
        """Never."""
        del data
        return 0

    def complete(self, data: bytes) -> bytes:
        """Never called."""
        return data


class Event(NamedTuple):
    """An event that is to be written."""

    name: str | None
    payload: bytes
    """One line of strict JSON, or `[DONE]`."""


type Events = tuple[Event, ...]

DONE_MARKER: Final = b"[DONE]"
"""The payload of an event that says nothing but that the stream is over."""


@dataclass(slots=True)
class Body:
    """What the client's body holds so far, as far as it matters for what is written next."""

    events: int = 0
    newline: bytes = b""
    """How the last event that passed as it came ended its lines; empty before there was one."""

    def passes(self, raw: bytes) -> None:
        """An event goes out as it came."""
        self.events += 1
        self.newline = b"\r\n" if b"\r\n" in raw[-4:] else b"\n"


@dataclass(frozen=True, slots=True)
class Wire:
    """A form on the wire."""

    name: str
    media_types: tuple[str, ...]
    """Lower case. The first one is written where the upstream named none of them."""
    framer: Callable[[int], Framer]
    """Largest event in bytes -> a framer for one body."""
    render: Callable[[Event, Body], bytes]
    """How an event is written behind what the body holds so far."""
    starts: Callable[[bytes], bool]
    """Whether a body whose first bytes, blanks aside, are these (one at least) is of this form."""
    binary: bool = False
    """No text: it has no blanks that could be put aside."""
    filler: bytes = b""
    """What may stand between two events and is none, to show life; empty where there is no such thing."""
    boundaries: tuple[bytes, ...] = (b"",)
    """What bytes that end an event end with."""
    closing: bytes = b""
    """What ends an event that stands open because it passed raw and broke off; empty where nothing can."""
    ends: bool = False
    """The form itself says where the body is over, e.g. by a bracket."""
    fault: Callable[[bytes, Body], Kind | None] | None = None
    """What clients can't read of a healthy event, as it came, behind what the body holds so far. None: there is no such thing."""
    plain: bool = False
    """Its clients read events alone: no comments, and no blank line that ends none."""


def sse(event: Event, body: Body) -> bytes:
    """An event as this project writes it: `event:` if named, one `data:` line with one space, LF, a blank line."""
    del body
    head = f"event: {event.name}\n".encode() if event.name and _EVENT_NAME.fullmatch(event.name) else b""
    return head + b"data: " + event.payload + b"\n\n"


def _starts_sse(head: bytes) -> bool:
    return not head.startswith((b"[", b"<", b"\0"))


SSE: Final = Wire(
    name="sse",
    media_types=("text/event-stream",),
    framer=SseFramer,
    render=sse,
    starts=_starts_sse,
    filler=b": keepalive\n",
    boundaries=(b"\n\n", b"\n\r\n", b"\r\r", b"\n\r"),
    closing=b"\n\n",
)
