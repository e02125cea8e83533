"""What the agents are answered: one healthy stream of each dialect, and what befalls it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import healthy_streams as ok
import scenarios as bad
from healthy_streams import Frames
from scenarios import End, Scenario

PAUSE = 1.2
"""Seconds between two events of a slow stream."""
TRUTH = " ".join("".join(ok.TEXT).split())
BEAT = b": keepalive\n\n"
PAGE = b"<!DOCTYPE html><html><head><title>502</title></head>\n<body>Bad Gateway</body></html>\n"


@dataclass(frozen=True)
class Case:
    """One answer."""

    dialect: str
    scenario: Scenario
    whole: bool
    """The answer can be had; else only an error is honest."""

    @property
    def name(self) -> str:
        return self.scenario.name


def _gemini(text: str, **more: Any) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
    usage = {"promptTokenCount": 21, "candidatesTokenCount": 12, "totalTokenCount": 33}
    payload = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "harbour-1", "responseId": "r-tide"}
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\r\n\r\n"


GEMINI_TEXT: Frames = (*map(_gemini, ok.TEXT[:-1]), _gemini(ok.TEXT[-1], finishReason="STOP"))


def _case(dialect: str, name: str, says: str, frames: Frames, end: End = End.CLEAN, *, whole: bool = False) -> Case:
    return Case(dialect, Scenario(f"{dialect}-{name}", dialect, says, frames, end=end), whole)


def _ends(dialect: str, frames: Frames) -> list[Case]:
    """What can befall a stream of any dialect."""
    half = frames[: len(frames) // 2 + 1]
    slow = Case(dialect, Scenario(f"{dialect}-slow", dialect, "long pauses", frames, pause=PAUSE), whole=True)
    return [
        _case(dialect, "healthy", "nothing is wrong", frames, whole=True),
        slow,
        _case(dialect, "hanging", "the upstream falls silent half way", half, End.HANG),
        _case(dialect, "cut", "the connection is closed half way, in the middle of a chunk", half, End.CUT),
        _case(dialect, "reset", "the connection is reset half way", half, End.RESET),
        _case(dialect, "half", "the stream ends properly, half way", half),
        _case(dialect, "empty", "no event at all", ()),
        _case(dialect, "page", "a gateway's error page", (PAGE,)),
    ]


def _named(dialect: str, frames: Frames, name: bytes, word: bytes, *, can_end: bool) -> list[Case]:
    """What can befall a dialect with `event:` lines. `word` stands in the text of a delta, which has this name.

    `can_end`: the terminal event holds nothing of the answer.
    """
    at = next(number for number, one in enumerate(frames) if word in one)
    whole = [
        ("split-events", "a blank line between each `event:` line and its data", bad.split_events(frames)),
        ("no-event-lines", "the `event:` lines are lost", bad.without_event_lines(frames)),
        ("heartbeat-in-frame", "a heartbeat between an `event:` line and its data", bad.inside(frames, at, name, BEAT)),
        ("heartbeat-in-name", "a heartbeat in the middle of an `event:` line", bad.inside(frames, at, name[:-6], BEAT)),
        ("heartbeat-in-word", "a heartbeat in the middle of a word", bad.inside((BEAT, *frames), at + 1, word, BEAT)),
        ("joined", "two events on one line", bad.joined(frames, at, b"    ")),
        ("no-blank-lines", "no blank line between events", tuple(one[:-1] for one in frames)),
        ("bom", "a byte order mark", (b"\xef\xbb\xbf" + frames[0], *frames[1:])),
        ("cr", "lines end with CR alone", tuple(one.replace(b"\n", b"\r") for one in frames)),
        ("empty-data", "keepalives without data", bad.between(frames, at, b"event: keepalive\ndata:\n\n")),
    ]
    lost = [
        ("odd-error", "an error in a shape of another API", (*frames[:at], b'data: {"error": {"message": "overloaded"}}\n\n')),
        ("torn", "an event is torn, the next one is glued on", bad.torn(frames, at, word)),
    ]
    rest = _case(dialect, "no-terminal", "the terminal event never comes", frames[:-1], whole=can_end)
    made = [_case(dialect, *one, whole=True) for one in whole] + [_case(dialect, *one) for one in lost]
    return [*made, rest]


def _gemini_cases() -> list[Case]:
    dialect, frames = "gemini", GEMINI_TEXT
    whole = [
        ("done", "`[DONE]` at the end", (*frames, b"data: [DONE]\r\n\r\n")),
        ("no-last-blank", "the last frame has no blank line", (*frames[:-1], frames[-1][:-4])),
        ("no-space", "no blank behind `data:`", tuple(one.replace(b"data: ", b"data:") for one in frames)),
        ("comment", "comments between events", bad.between(frames, 1, BEAT)),
        ("joined", "two objects on one line", (frames[0][:-4] + frames[1][6:], *frames[2:])),
    ]
    return [_case(dialect, *one, whole=True) for one in whole]


def _chat_cases() -> list[Case]:
    dialect, frames = "openai-chat", ok.CHAT_TEXT
    spoken, foreign = b"data: : keepalive\n\n", ok.chunk({"role": "assistant", "content": ""}).replace(b"-tide", b"-keepalive")
    whole = [
        ("spoken-comment", "a comment sent as data", bad.between(frames, 3, spoken)),
        ("joined", "two objects on one line", bad.joined(frames, 3)),
        ("no-blank-lines", "no blank line between events", tuple(one[:-1] for one in frames)),
        ("raw-line-break", "a raw line break in a JSON string", tuple(one.replace(rb'"\n"', b'"\n"') for one in frames)),
        ("foreign-id", "a keepalive with an id of its own", (foreign, *frames)),
        ("gateway-event", "an event of a gateway's own", bad.between(frames, 3, b'event: tool.progress\ndata: {"tool": "t"}\n\n')),
        ("no-done", "no `[DONE]`", frames[:-1]),
    ]
    odd = (*frames[:5], b'data: {"object": "error", "message": "overloaded", "code": 500}\n\n', ok.DONE)
    lost = [("odd-error", "an error in a shape of its own", odd)]
    return [_case(dialect, *one, whole=True) for one in whole] + [_case(dialect, *one) for one in lost]


CASES = (
    *_ends("anthropic-messages", ok.MESSAGES_TEXT),
    *_named("anthropic-messages", ok.MESSAGES_TEXT, b"event: content_block_delta\n", b'"text": " Lis', can_end=True),
    *_ends("openai-responses", ok.RESPONSES_TEXT),
    *_named("openai-responses", ok.RESPONSES_TEXT, b"event: response.output_text.delta\n", b'"delta": " Lis', can_end=False),
    *_ends("gemini", GEMINI_TEXT),
    *_gemini_cases(),
    *_ends("openai-chat", ok.CHAT_TEXT),
    *_chat_cases(),
)
