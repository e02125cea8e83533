"""AWS's binary event stream: bytes in, items out.

A message is a prelude (total length, length of the headers, CRC of both), headers, a payload, and a CRC of all that is before it.
https://smithy.io/2.0/aws/amazon-eventstream.html
Both checksums are the sender's word that the bytes are what it wrote. They are checked here and never made anew for bytes of the
upstream: behind a message that fails them nothing is read any more, for a length may be what is wrong.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from resplice.core.grammar import is_html
from resplice.core.items import Damage, Frame, Item, Json, Overflow
from resplice.core.kinds import Kind
from resplice.core.payload import strict
from resplice.core.wire import Body, Event, NoShortWay, Wire

_PRELUDE: Final = struct.Struct("!III")
_CRC: Final = struct.Struct("!I")
_MIN: Final = _PRELUDE.size + _CRC.size
EVENT_TYPE: Final = ":event-type"
MESSAGE_TYPE: Final = ":message-type"
EXCEPTION_TYPE: Final = ":exception-type"
CHUNK: Final = "chunk"
"""The event type under which a model's own events are sent."""
_EXCEPTION: Final = "Exception"
_STRING: Final = 7
_MAX_FIRST_BYTE: Final = 0x08
"""Of a length below 144 MiB, nine times as much as AWS allows. Text begins with a greater one."""

type Header = bool | int | str | bytes


class Message(NamedTuple):
    """One message, both checksums right."""

    headers: dict[str, Header]
    payload: bytes


class Prelude(NamedTuple):
    """The lengths in bytes that a message begins with."""

    total: int
    headers: int


class EventStreamFramer(NoShortWay):
    """Cuts an event stream into items that together cover every byte that came in, in order.

    `receive_data(data)` takes bytes, cut anywhere, and returns the items that they complete; `b""` means the end of the input. It
    raises nothing, whatever the bytes. A message larger than `max_event_bytes` passes as `Overflow`.

    A frame's event is the message's event type or exception type; its value is `{"headers": …, "payload": …}`, without a payload
    where that is no JSON. Header values that JSON has no form for (bytes, UUIDs) are left out.
    """

    def __init__(self, max_event_bytes: int = 64 * 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._held = bytearray()
        self._base = 0
        self._prelude: Prelude | None = None
        self._overflow_left = 0
        self._lost = False
        """A message was damaged: where the next one begins, if there is one, can't be known."""

    @property
    def held(self) -> int:
        """How many bytes came in and have not left as an item."""
        return len(self._held)

    @property
    def at_boundary(self) -> bool:
        """No message is open."""
        return not (self._held or self._overflow_left or self._lost)

    def held_bytes(self) -> bytes:
        """Those bytes."""
        return bytes(self._held)

    def receive_data(self, data: bytes) -> list[Item]:
        """Take some more input, `b""` at its end; return the items that it completes."""
        self._held += data
        items = list(self._messages())
        if not data and self._held:
            why = "the stream ended in the middle of a message"
            items.append(Damage(self._base, self._take(len(self._held)), Kind.TRUNCATED_MESSAGE, why))
        return items

    def release(self) -> list[Item]:
        """Nothing: a message says itself where it ends."""
        return []

    def _messages(self) -> Iterator[Item]:
        while self._held:
            item = self._overflow() if self._overflow_left else self._next()
            if item is None:
                return
            yield item

    def _next(self) -> Item | None:
        """The next message, or what is wrong with it; None while it is not complete."""
        if self._lost:
            return self._damage(len(self._held), "nothing behind a damaged message can be trusted")
        if self._prelude is None:
            if len(self._held) < _PRELUDE.size:
                return None
            self._prelude = read_prelude(self._held)
        if self._prelude is None:
            return self._no_message()
        total = self._prelude.total
        if total > self._max:
            self._overflow_left = total
            return self._overflow(first=True)
        return self._message(total) if len(self._held) >= total else None

    def _message(self, total: int) -> Item:
        offset = self._base
        message = read_message(self._held[:total])
        if message is None:
            return self._damage(total, "the checksum or the headers of a message are wrong")
        self._prelude = None
        name = message.headers.get(EVENT_TYPE) or message.headers.get(EXCEPTION_TYPE)
        return Frame(offset, self._take(total), name if isinstance(name, str) else None, _value(message), message.payload)

    def _no_message(self) -> Damage:
        if not self._base and is_html(bytes(self._held[: _PRELUDE.size])):
            self._lost = True
            return Damage(0, self._take(_PRELUDE.size), Kind.HTML_BODY, "an HTML page where messages were expected")
        return self._damage(_PRELUDE.size, "the checksum or the lengths of a message's prelude are wrong")

    def _damage(self, size: int, why: str) -> Damage:
        self._lost = True
        return Damage(self._base, self._take(size), Kind.CHECKSUM_MISMATCH, why)

    def _overflow(self, *, first: bool = False) -> Overflow:
        offset = self._base
        piece = self._take(min(self._overflow_left, len(self._held)))
        self._overflow_left -= len(piece)
        if not self._overflow_left:
            self._prelude = None
        return Overflow(offset, piece, first, not self._overflow_left)

    def _take(self, size: int) -> bytes:
        piece = bytes(self._held[:size])
        del self._held[:size]
        self._base += size
        return piece


def read_prelude(data: bytes | bytearray) -> Prelude | None:
    """The prelude that `data` (12 bytes or more) begins with; None if its checksum or its lengths are wrong."""
    total, headers, crc = _PRELUDE.unpack_from(data)
    fits = total >= _MIN and headers <= total - _MIN
    return Prelude(total, headers) if fits and zlib.crc32(data[: _PRELUDE.size - _CRC.size]) == crc else None


def read_message(data: bytes | bytearray) -> Message | None:
    """The message that `data` is, its prelude already checked; None if its checksum or its headers are wrong."""
    end = len(data) - _CRC.size
    (crc,) = _CRC.unpack_from(data, end)
    if zlib.crc32(memoryview(data)[:end]) != crc:
        return None
    (length,) = _CRC.unpack_from(data, _CRC.size)
    start = _PRELUDE.size + length
    headers = read_headers(bytes(data[_PRELUDE.size : start]))
    return None if headers is None else Message(headers, bytes(data[start:end]))


def read_headers(data: bytes) -> dict[str, Header] | None:
    """Names and values; None if a length leads out of `data`, a type is unknown, a name is no UTF-8 or comes twice."""
    headers: dict[str, Header] = {}
    pos = 0
    try:
        while pos < len(data):
            name, pos = _counted(data, pos, "!B")
            read = _VALUES[data[pos]]
            value, pos = read(data, pos + 1)
            if pos > len(data) or name.decode() in headers:
                return None
            headers[name.decode()] = value
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        return None
    return headers


def _counted(data: bytes, pos: int, form: str) -> tuple[bytes, int]:
    """Bytes behind their own length; where they end may lie outside of `data`."""
    (size,) = struct.unpack_from(form, data, pos)
    start = pos + struct.calcsize(form)
    return data[start : start + size], start + size


def _number(form: str) -> Callable[[bytes, int], tuple[Header, int]]:
    return lambda data, pos: (struct.unpack_from(form, data, pos)[0], pos + struct.calcsize(form))


def _bytes(data: bytes, pos: int) -> tuple[Header, int]:
    return _counted(data, pos, "!H")


def _text(data: bytes, pos: int) -> tuple[Header, int]:
    value, end = _counted(data, pos, "!H")
    return value.decode(), end


_VALUES: Final[dict[int, Callable[[bytes, int], tuple[Header, int]]]] = {
    0: lambda _data, pos: (True, pos),
    1: lambda _data, pos: (False, pos),
    2: _number("!b"),
    3: _number("!h"),
    4: _number("!i"),
    5: _number("!q"),
    6: _bytes,
    _STRING: _text,
    8: _number("!q"),
    9: lambda data, pos: (data[pos : pos + 16], pos + 16),
}
"""How the value of each type of header is read: `(data, position) -> (value, position behind it)`."""


def _value(message: Message) -> dict[str, Json]:
    value: dict[str, Json] = {"headers": {name: one for name, one in message.headers.items() if not isinstance(one, bytes)}}
    with suppress(ValueError):  # what that means depends on the message
        value["payload"] = strict(message.payload)
    return value


def write_message(headers: dict[str, str], payload: bytes) -> bytes:
    """A message of our own, headers of type string, both checksums right."""
    head = b"".join(_write_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", _MIN + len(head) + len(payload), len(head))
    body = prelude + _CRC.pack(zlib.crc32(prelude)) + head + payload
    return body + _CRC.pack(zlib.crc32(body))


def _write_header(name: str, value: str) -> bytes:
    raw_name, raw_value = name.encode(), value.encode()
    return struct.pack("!B", len(raw_name)) + raw_name + struct.pack("!BH", _STRING, len(raw_value)) + raw_value


CONVERSE_EVENTS: Final = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)


def _render(event: Event, _body: Body) -> bytes:
    """An exception or an event of ConverseStream, if its name says so; else a chunk, which holds the payload in Base64."""
    name = event.name or ""
    if name in CONVERSE_EVENTS:
        return _write(EVENT_TYPE, name, "event", event.payload)
    if name.endswith(_EXCEPTION):
        return _write(EXCEPTION_TYPE, name, "exception", event.payload)
    chunk = json.dumps({"bytes": base64.b64encode(event.payload).decode()}, separators=(",", ":"))
    return _write(EVENT_TYPE, CHUNK, "event", chunk.encode())


def _write(type_header: str, name: str, message_type: str, payload: bytes) -> bytes:
    return write_message({type_header: name, ":content-type": "application/json", MESSAGE_TYPE: message_type}, payload)


AWS_EVENT_STREAM: Final = Wire(
    name="aws-eventstream",
    media_types=("application/vnd.amazon.eventstream",),
    framer=EventStreamFramer,
    render=_render,
    starts=lambda head: head[0] <= _MAX_FIRST_BYTE,
    binary=True,
)
"""AWS's binary event stream."""
