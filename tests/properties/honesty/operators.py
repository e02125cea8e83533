"""Everything that is done to a healthy stream, and where.

An operator knows the places of a stream where it can be applied, and what the stream is afterwards. Nothing in here is random
but the samples of two operators at once, and they are drawn from the stream's name.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from honesty.healthy import Healthy, streams

PIECE: Final = 64
FOREIGN: Final = {
    b"chatcmpl-A1": b"chatcmpl-Z9",
    b"cmpl-B2": b"cmpl-Z9",
    b"msg_01": b"msg_99",
    b"resp_01": b"resp_99",
    b'"g1"': b'"g9"',
    b'"msg_': b'"msg_9',
    b'"fc_': b'"fc_9',
    b'"rs_': b'"rs_9',
}
"""Another answer has other ids."""


@dataclass(frozen=True)
class Damaged:
    """What came of a stream."""

    body: bytes
    end: str = "clean"
    """`clean`, `abort` (the connection broke) or `idle` (it fell silent)."""
    single: tuple[bytes, ...] = ()
    """Of two damages at once: the streams with one of them alone."""


type Places = Callable[[Healthy], Sequence[int]]
type Apply = Callable[[Healthy, int], Damaged | None]
"""None: nothing changes there."""


@dataclass(frozen=True)
class Operator:
    """One way to damage a stream."""

    name: str
    group: str
    places: Places
    apply: Apply


def every_byte(stream: Healthy) -> range:
    return range(len(stream.body) + 1)


def inside(stream: Healthy) -> range:
    return range(len(stream.body))


def frames(stream: Healthy) -> range:
    return range(len(stream.frames))


def whole(_: Healthy) -> range:
    return range(1)


def offset(stream: Healthy, number: int) -> int:
    """Where a frame begins."""
    return sum(map(len, stream.frames[:number]))


def _lines(stream: Healthy) -> list[bytes]:
    return stream.body.splitlines(keepends=True)


def line_numbers(stream: Healthy) -> range:
    return range(len(_lines(stream)))


def frame_ends(stream: Healthy) -> list[int]:
    return [offset(stream, number) for number in range(len(stream.frames) + 1)]


# -- at a byte -------------------------------------------------------------------------------------

INSERTED: Final = {
    "insert lf": b"\n",
    "insert crlf": b"\r\n",
    "insert cr": b"\r",
    "insert blank line": b"\n\n",
    "insert nul": b"\0",
    "insert blank": b" ",
    "insert bom": b"\xef\xbb\xbf",
    "insert quote": b'"',
    "insert backslash": b"\\",
    "insert bad byte": b"\xff",
    "insert comment line": b": note\n",
    "insert broken-in comment": b"\n: note\n",
    "insert chunk size": b"\r\n1f4\r\n",
    "insert chunk size lf": b"1f\n",
    "insert data prefix": b"\ndata: ",
    "insert close and data": b"\n\ndata: ",
}
HEARTBEATS: Final = {
    "heartbeat keepalive": b": keepalive\n\n",
    "heartbeat ping time": b": ping - 2026-01-02 03:04:05\n\n",
    "heartbeat colon": b":\n\n",
    "heartbeat openrouter": b": OPENROUTER PROCESSING\n\n",
    "heartbeat ping event": b'event: ping\ndata: {"type": "ping"}\n\n',
    "heartbeat empty object": b"data: {}\n\n",
    "heartbeat chunk": b'data: {"id":"chatcmpl-keepalive","object":"chat.completion.chunk","created":1760000000,"model":"tiny-1",'
    b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]}\n\n',
}
DELETED: Final = (1, 2, 4, 9, 33)


def _insert(extra: bytes) -> Apply:
    return lambda stream, at: Damaged(stream.body[:at] + extra + stream.body[at:])


def _delete(size: int) -> Apply:
    return lambda stream, at: Damaged(stream.body[:at] + stream.body[at + size :])


def _double(stream: Healthy, at: int) -> Damaged:
    piece = stream.body[at : at + PIECE]
    return Damaged(stream.body[:at] + piece + piece + stream.body[at + PIECE :])


def _swap(stream: Healthy, at: int) -> Damaged:
    one, two = stream.body[at : at + PIECE], stream.body[at + PIECE : at + 2 * PIECE]
    return Damaged(stream.body[:at] + two + one + stream.body[at + 2 * PIECE :])


def _to_end_of_frame(stream: Healthy, at: int) -> int:
    return next(end for end in frame_ends(stream) if end > at)


def _glue(stream: Healthy, at: int) -> Damaged:
    """The rest of the frame is lost with its end: the next one is glued on."""
    return Damaged(stream.body[:at] + stream.body[_to_end_of_frame(stream, at) :])


def _close(stream: Healthy, at: int) -> Damaged:
    """The rest of the frame is lost, but not its end."""
    return Damaged(stream.body[:at] + b"\n\n" + stream.body[_to_end_of_frame(stream, at) :])


def _glue_line(stream: Healthy, at: int) -> Damaged | None:
    found = stream.body.find(b"\n", at)
    return Damaged(stream.body[:at] + stream.body[found + 1 :]) if found >= 0 else None


def _cut(end: str) -> Apply:
    return lambda stream, at: Damaged(stream.body[:at], end)


# -- lines and frames ------------------------------------------------------------------------------


def _without_line(stream: Healthy, number: int) -> Damaged:
    lines = _lines(stream)
    return Damaged(b"".join(lines[:number] + lines[number + 1 :]))


def _without_line_end(stream: Healthy, number: int) -> Damaged:
    lines = _lines(stream)
    return Damaged(b"".join([*lines[:number], lines[number].rstrip(b"\r\n"), *lines[number + 1 :]]))


def _lose_frames(count: int) -> Apply:
    return lambda stream, at: Damaged(b"".join(stream.frames[:at] + stream.frames[at + count :]))


def _double_frames(count: int) -> Apply:
    return lambda stream, at: Damaged(b"".join((*stream.frames[: at + count], *stream.frames[at:])))


def _double_all(stream: Healthy, _: int) -> Damaged:
    return Damaged(b"".join(frame * 2 for frame in stream.frames))


def _swap_frames(stream: Healthy, at: int) -> Damaged | None:
    if at + 1 >= len(stream.frames):
        return None
    one, two = stream.frames[at : at + 2]
    return Damaged(b"".join((*stream.frames[:at], two, one, *stream.frames[at + 2 :])))


def _replay(stream: Healthy, at: int) -> Damaged:
    """A reconnect: the answer from its start again."""
    return Damaged(b"".join((*stream.frames[:at], *stream.frames)))


def _partner(stream: Healthy) -> tuple[bytes, ...]:
    """The frames of another answer of the same API."""
    names = [name for name, other in streams().items() if other.api == stream.api]
    other = streams()[names[(names.index(stream.name) + 1) % len(names)]]
    return tuple(_renamed(frame) for frame in other.frames)


def _renamed(frame: bytes) -> bytes:
    for own, others in FOREIGN.items():
        frame = frame.replace(own, others)
    return frame


def _splice(part: Callable[[tuple[bytes, ...], int], bytes]) -> Apply:
    def apply(stream: Healthy, at: int) -> Damaged:
        number = sum(1 for end in frame_ends(stream)[1:] if end <= at)
        return Damaged(stream.body[:at] + part(_partner(stream), number) + stream.body[at:])

    return apply


def _other_tail(stream: Healthy, at: int) -> Damaged:
    number = sum(1 for end in frame_ends(stream)[1:] if end <= at)
    return Damaged(stream.body[:at] + b"".join(_partner(stream)[number:]))


# -- encodings -------------------------------------------------------------------------------------


def _on_frame(change: Callable[[bytes], bytes]) -> Apply:
    def apply(stream: Healthy, at: int) -> Damaged | None:
        changed = change(stream.frames[at])
        return Damaged(b"".join((*stream.frames[:at], changed, *stream.frames[at + 1 :]))) if changed != stream.frames[at] else None

    return apply


def _on_all(change: Callable[[bytes], bytes]) -> Apply:
    def apply(stream: Healthy, _: int) -> Damaged | None:
        changed = b"".join(map(change, stream.frames))
        return Damaged(changed) if changed != stream.body else None

    return apply


def _in_string(frame: bytes) -> bytes:
    """The payload as a JSON string."""
    head, found, payload = frame.partition(b"{")
    inner = (found + payload).rstrip()
    return head + json.dumps(inner.decode()).encode() + (found + payload)[len(inner) :] if found and _is_text(frame) else frame


def _is_text(frame: bytes) -> bool:
    try:
        frame.decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in frame


def _mojibake(frame: bytes) -> bytes:
    return frame.decode("latin-1").encode() if _is_text(frame) else frame


def _relined(end: bytes) -> Callable[[bytes], bytes]:
    return lambda frame: re.sub(rb"\r\n|\n", end, frame)


def _raw_breaks(frame: bytes) -> bytes:
    return re.sub(rb"(?<!\\)\\n", b"\n", frame)


def _unescaped_backslashes(frame: bytes) -> bytes:
    return frame.replace(b"\\\\", b"\\")


def _escapes(stream: Healthy) -> list[int]:
    return [found.start() for found in re.finditer(rb"(?<!\\)\\n", stream.body)]


ENCODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "json in string": _in_string,
    "utf-8 twice": _mojibake,
    "crlf for lf": _relined(b"\r\n"),
    "cr for lf": _relined(b"\r"),
    "raw breaks": _raw_breaks,
    "backslashes unescaped": _unescaped_backslashes,
}


# -- the table -------------------------------------------------------------------------------------


def _single() -> list[Operator]:
    table = [Operator(name, "insert", every_byte, _insert(extra)) for name, extra in INSERTED.items()]
    table += [Operator(name, "heartbeat", every_byte, _insert(extra)) for name, extra in HEARTBEATS.items()]
    table += [Operator(f"delete {size}", "delete", inside, _delete(size)) for size in (*DELETED, PIECE)]
    table += [Operator(f"truncate {end}", "truncate", every_byte, _cut(end)) for end in ("clean", "abort", "idle")]
    table += [
        Operator("delete line", "delete", line_numbers, _without_line),
        Operator("delete line end", "delete", line_numbers, _without_line_end),
        Operator("double piece", "pieces", inside, _double),
        Operator("swap pieces", "pieces", lambda stream: inside(stream)[::2], _swap),
        Operator("cut and glue", "cut", inside, _glue),
        Operator("cut and close", "cut", inside, _close),
        Operator("cut and glue line", "cut", inside, _glue_line),
        Operator("delete frame", "frames", frames, _lose_frames(1)),
        Operator("delete two frames", "frames", frames, _lose_frames(2)),
        Operator("delete five frames", "frames", frames, _lose_frames(5)),
        Operator("double frame", "frames", frames, _double_frames(1)),
        Operator("double three frames", "frames", frames, _double_frames(3)),
        Operator("double all frames", "frames", whole, _double_all),
        Operator("swap frames", "frames", frames, _swap_frames),
        Operator("replay", "frames", frames, _replay),
        Operator(
            "splice frame", "splice", lambda stream: inside(stream)[::3], _splice(lambda other, at: other[min(at, len(other) - 1)])
        ),
        Operator("splice frame between", "splice", frame_ends, _splice(lambda other, at: other[min(at, len(other) - 1)])),
        Operator("splice all between", "splice", lambda stream: frame_ends(stream)[1:], _splice(lambda other, at: b"".join(other))),
        Operator("splice tail", "splice", lambda stream: every_byte(stream)[::2], _other_tail),
        Operator("raw break", "encode", _escapes, lambda stream, at: Damaged(stream.body[:at] + b"\n" + stream.body[at + 2 :])),
    ]
    table += [Operator(f"{name}, one frame", "encode", frames, _on_frame(change)) for name, change in ENCODINGS.items()]
    return table + [Operator(f"{name}, all", "encode", whole, _on_all(change)) for name, change in ENCODINGS.items()]


def _cut_again(stream: Healthy, body: bytes) -> Healthy:
    """The damaged stream, in frames again."""
    return Healthy(stream.name, stream.api, tuple(part for part in re.split(rb"(?<=\n\n)", body) if part))


def _second_alone(stream: Healthy, again: Healthy, second: Operator, place: int) -> list[bytes]:
    """The second damage without the first, which may have moved its place: some that it may be."""
    by_number = second.group in {"frames", "encode"} or "line" in second.name.split()
    moved = len(again.frames) - len(stream.frames) if by_number else len(again.body) - len(stream.body)
    places = second.places(stream)
    near = {place, place - moved, *((place - 1, place + 1) if by_number else ())}
    alone = (second.apply(stream, one) for one in sorted(near) if one in places)
    return [damaged.body for damaged in alone if damaged]


def _twice() -> Operator:
    """Two of the others, one behind the other, drawn by the stream's name and a number."""
    firsts = [operator for operator in _single() if operator.group != "truncate" and not operator.name.endswith(", all")]
    seconds = [operator for operator in _single() if not operator.name.endswith(", all")]

    def apply(stream: Healthy, at: int) -> Damaged | None:
        dice = random.Random(f"{stream.name} {at}")
        first = dice.choice(firsts)
        once = first.apply(stream, dice.choice(first.places(stream) or [0]))
        if once is None:
            return None
        again = _cut_again(stream, once.body)
        second = dice.choice(seconds)
        places = second.places(again)
        if not places:
            return None
        place = dice.choice(places)
        twice = second.apply(again, place)
        return twice and Damaged(twice.body, twice.end, (once.body, *_second_alone(stream, again, second, place)))

    return Operator("two at once", "two", lambda stream: range(3 * len(stream.body)), apply)


OPERATORS: Final = (*_single(), _twice())
