"""What can go wrong on the way from a model to its client: one row per fault, each made from a healthy answer."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Final

import healthy_streams as ok
from healthy_streams import CHAT, MESSAGES, RESPONSES, Frames


class End(Enum):
    """How the body ends."""

    CLEAN = "properly"
    CUT = "the connection is closed in the middle of a chunk"
    RESET = "the connection is reset"
    HANG = "never: the upstream goes silent and keeps the connection open"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One answer of the faulty upstream."""

    name: str
    dialect: str
    says: str
    """What is wrong, in one sentence."""
    chunks: tuple[bytes, ...]
    """The body; each one is written, and flushed, as one HTTP chunk."""
    truth: str = ""
    """Name of the healthy scenario that tells the exact answer; empty where only an error would be honest."""
    end: End = End.CLEAN
    pause: float = 0.0
    """Seconds between two chunks."""
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/event-stream; charset=utf-8"),)


def _healthy(name: str, dialect: str, frames: Frames) -> Scenario:
    return Scenario(name, dialect, "nothing is wrong", frames, name)


HEALTHY: Final = (
    _healthy("chat-text", CHAT, ok.CHAT_TEXT),
    _healthy("chat-tool", CHAT, ok.CHAT_TOOL),
    _healthy("chat-two-tools", CHAT, ok.CHAT_TWO_TOOLS),
    _healthy("chat-tool-no-usage", CHAT, (*ok.CHAT_TOOL[:-2], ok.DONE)),
    _healthy("messages-text", MESSAGES, ok.MESSAGES_TEXT),
    _healthy("messages-tool", MESSAGES, ok.MESSAGES_TOOL),
    _healthy("responses-text", RESPONSES, ok.RESPONSES_TEXT),
    _healthy("responses-tool", RESPONSES, ok.RESPONSES_TOOL),
)


# Ways to break a list of frames. `at` is the frame's number.


def split_events(frames: Frames) -> Frames:
    """A blank line between each `event:` line and its data."""
    return tuple(one.replace(b"\ndata: ", b"\n\ndata: ", 1) for one in frames)


def without_event_lines(frames: Frames) -> Frames:
    """Only the `data:` lines."""
    return tuple(one[one.index(b"data: ") :] for one in frames)


def inside(frames: Frames, at: int, after: bytes, junk: bytes) -> Frames:
    """Junk in the middle of a frame, behind the given bytes of it."""
    head, tail = frames[at].split(after, 1)
    return (*frames[:at], head + after + junk + tail, *frames[at + 1 :])


def between(frames: Frames, at: int, *more: bytes) -> Frames:
    """Further frames before one."""
    return (*frames[:at], *more, *frames[at:])


def joined(frames: Frames, at: int, glue: bytes = b"") -> Frames:
    """Two frames on one line."""
    return (*frames[:at], frames[at].rstrip(b"\n") + glue + frames[at + 1].removeprefix(b"data: "), *frames[at + 2 :])


def cut(frames: Frames, at: int, keep: bytes) -> Frames:
    """All before a frame, then that frame up to and with the given bytes: the rest never came."""
    head, _ = frames[at].split(keep, 1)
    return (*frames[:at], head + keep)


def gzipped(frames: Frames) -> Frames:
    """Compressed, each frame flushed, whether the client asked for it or not."""
    packer = zlib.compressobj(wbits=31)
    return (*(packer.compress(one) + packer.flush(zlib.Z_SYNC_FLUSH) for one in frames), packer.flush())


def swapped(frames: Frames, old: bytes, new: bytes) -> Frames:
    """Other bytes in every frame that has the given ones."""
    return tuple(one.replace(old, new) for one in frames)


def torn(frames: Frames, at: int, keep: bytes) -> Frames:
    """Cut a frame behind the given bytes; the next frame follows on the same line, as if nothing had happened."""
    return (*frames[:at], cut(frames, at, keep)[-1] + frames[at + 1], *frames[at + 2 :])


_BEAT: Final = b": keepalive\n\n"
_SPOKEN_BEAT: Final = b"data: : keepalive\n\n"
_KEEPALIVE: Final = ok.chunk({"role": "assistant", "content": ""}).replace(b"chatcmpl-tide", b"chatcmpl-keepalive")
_VLLM_ERROR: Final = ok.frame({"object": "error", "message": "KV cache is full", "type": "ServerError", "code": 500})
_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
_GZIP: Final = (("content-type", "text/event-stream"), ("content-encoding", "gzip"))
_JSON: Final = (("content-type", "application/json"),)
_ARGUMENTS: Final = b'"function": {"arguments": '
_OBJECT: Final = ok.CHAT_TOOL[1].replace(b'"arguments": ""', b'"arguments": ' + "".join(ok.ARGUMENTS).encode())

_CALLS: Final = (
    Scenario(
        "calls-without-index",
        CHAT,
        "tool calls have no index",
        swapped(ok.CHAT_TOOL, b'"tool_calls": [{"index": 0, ', b'"tool_calls": [{'),
        "chat-tool",
    ),
    Scenario(
        "calls-with-one-index",
        CHAT,
        "two tool calls have the same index",
        swapped(ok.CHAT_TWO_TOOLS, b'"tool_calls": [{"index": 1, ', b'"tool_calls": [{"index": 0, '),
        "chat-two-tools",
    ),
    Scenario(
        "name-again-and-again",
        CHAT,
        "a tool call's name is in each of its deltas",
        swapped(ok.CHAT_TOOL, _ARGUMENTS, b'"function": {"name": "get_tide", "arguments": '),
        "chat-tool",
    ),
    Scenario(
        "arguments-as-object",
        CHAT,
        "a tool call's arguments are an object, not its text",
        (ok.CHAT_TOOL[0], _OBJECT, *ok.CHAT_TOOL[-3:]),
        "chat-tool",
    ),
    Scenario(
        "arguments-cut",
        CHAT,
        "a tool call's arguments are cut, and the answer ends as if it were whole",
        (*ok.CHAT_TOOL[:3], *ok.CHAT_TOOL[-3:]),
    ),
    Scenario(
        "empty-finish-reasons",
        CHAT,
        "the finish reason is empty instead of null",
        swapped(ok.CHAT_TEXT, b'"finish_reason": null', b'"finish_reason": ""'),
        "chat-text",
    ),
    Scenario(
        "no-stream", CHAT, "the whole answer as JSON, where a stream was asked for", (ok.CHAT_WHOLE,), "chat-text", headers=_JSON
    ),
)
_CHAT: Final = (
    Scenario(
        "keepalive-id",
        CHAT,
        "keepalive chunks with an id of their own come before the tool call",
        between(ok.CHAT_TOOL, 0, _KEEPALIVE, _KEEPALIVE),
        "chat-tool",
    ),
    Scenario("keepalive-as-data", CHAT, "a heartbeat is sent as data", between(ok.CHAT_TEXT, 3, _SPOKEN_BEAT), "chat-text"),
    Scenario(
        "comment-after-id",
        CHAT,
        "frames carry an `id:` line, and a heartbeat comes behind one",
        between(tuple(b"id: 7\n" + one for one in ok.CHAT_TEXT), 3, _BEAT),
        "chat-text",
    ),
    Scenario(
        "byte-order-mark",
        CHAT,
        "a byte order mark stands before the first frame",
        (b"\xef\xbb\xbf" + ok.chunk({"role": "assistant", "content": ok.TEXT[0]}), *ok.CHAT_TEXT[2:]),
        "chat-text",
    ),
    Scenario(
        "raw-line-break",
        CHAT,
        "a raw line break inside a JSON string: it may be the text's own, or what is left of a tear",
        tuple(one.replace(rb'"\n"', b'"\n"') for one in ok.CHAT_TEXT),
    ),
    Scenario("joined-json", CHAT, "two chunks are glued together in one frame", joined(ok.CHAT_TEXT, 3), "chat-text"),
    Scenario(
        "unfinished-frame",
        CHAT,
        "the last frame lacks its blank line",
        (*ok.CHAT_TOOL[:-3], ok.CHAT_TOOL[-3].rstrip(b"\n")),
        "chat-tool-no-usage",
    ),
    Scenario("hidden-error", CHAT, "an error in a shape that SDKs ignore", (*ok.CHAT_TEXT[:5], _VLLM_ERROR, ok.DONE)),
    Scenario("half-arguments", CHAT, "the stream ends in the middle of a tool call", ok.CHAT_TOOL[:4]),
    Scenario("web-page", CHAT, "a status 200 with a gateway's error page", (_PAGE,)),
    Scenario(
        "gzip-heartbeat",
        CHAT,
        "compressed although nobody asked, with a heartbeat sent as data",
        gzipped(between(ok.CHAT_TEXT, 3, _SPOKEN_BEAT)),
        "chat-text",
        headers=_GZIP,
    ),
)

_MESSAGES: Final = (
    Scenario(
        "split-event",
        MESSAGES,
        "a blank line between each `event:` line and its data",
        split_events(ok.MESSAGES_TEXT),
        "messages-text",
    ),
    Scenario(
        "no-event-lines",
        MESSAGES,
        "the `event:` lines were lost on the way",
        without_event_lines(ok.MESSAGES_TEXT),
        "messages-text",
    ),
    Scenario(
        "heartbeat-in-frame",
        MESSAGES,
        "a heartbeat between an `event:` line and its data",
        inside(ok.MESSAGES_TEXT, 5, b"event: content_block_delta\n", _BEAT),
        "messages-text",
    ),
    Scenario(
        "heartbeat-in-word",
        MESSAGES,
        "a heartbeat in the middle of a word",
        inside(between(ok.MESSAGES_TEXT, 3, _BEAT), 7, b'"text": " Lis', _BEAT),
        "messages-text",
    ),
    Scenario("joined-events", MESSAGES, "two events on one line", joined(ok.MESSAGES_TEXT, 4, b"    "), "messages-text"),
    Scenario(
        "torn-arguments",
        MESSAGES,
        "a tool call's arguments are torn, the next event is glued on",
        torn(ok.MESSAGES_TOOL, 4, b'"partial_json": "bon'),
    ),
    Scenario(
        "spliced-answers",
        MESSAGES,
        "a second answer begins inside the first",
        (*ok.MESSAGES_TEXT[:6], ok.message_start("msg_other"), *ok.MESSAGES_TEXT[1:]),
    ),
    Scenario("no-stop", MESSAGES, "the terminal event never comes", ok.MESSAGES_TEXT[:-1], "messages-text"),
    Scenario("upstream-reset", MESSAGES, "the connection breaks half way", ok.MESSAGES_TEXT[:7], end=End.RESET),
    Scenario("upstream-cut", MESSAGES, "the connection is closed half way", ok.MESSAGES_TEXT[:7], end=End.CUT),
    Scenario("silence", MESSAGES, "the upstream falls silent half way", ok.MESSAGES_TEXT[:7], end=End.HANG),
)

_RESPONSES: Final = (
    Scenario(
        "split-response",
        RESPONSES,
        "a blank line between each `event:` line and its data",
        split_events(ok.RESPONSES_TOOL),
        "responses-tool",
    ),
    Scenario("no-completed", RESPONSES, "the stream ends before the answer is complete", ok.RESPONSES_TEXT[:8]),
    Scenario("empty-stream", RESPONSES, "a status 200 and not one event", ()),
    Scenario(
        "bad-utf8",
        RESPONSES,
        "bytes that are no UTF-8",
        tuple(one.replace("—".encode(), b"\xe2\x80") for one in ok.RESPONSES_TEXT),
    ),
)

SCENARIOS: Final = (*HEALTHY, *_CHAT, *_CALLS, *_MESSAGES, *_RESPONSES)
BY_NAME: Final = {one.name: one for one in SCENARIOS}
