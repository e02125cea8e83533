"""What the agents are answered: healthy streams of each dialect, a text and calls of a tool, and what befalls them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import healthy_streams as ok
import scenarios as bad
from agents.streams_of_calls import BY_DIALECT, Call, Label, Labelled, gemini_chunk
from healthy_streams import Frames
from scenarios import End

PAUSE = 1.2
"""Seconds between two events of a slow stream."""
TRUTH = " ".join("".join(ok.TEXT).split())
BEAT = b": keepalive\n\n"
PAGE = b"<!DOCTYPE html><html><head><title>502</title></head>\n<body>Bad Gateway</body></html>\n"


NORTH: Call = {"place": "Lisbon", "times": 2}
SOUTH: Call = {"place": "Porto", "times": 3}


@dataclass(frozen=True, eq=False)
class Case:
    """One answer to the first question."""

    dialect: str
    name: str
    says: str
    """What is wrong."""
    broken: Callable[[str], Frames]
    """A tool's name -> the answer with its fault."""
    whole: bool
    """Its exact answer can be had from it."""
    end: End = End.CLEAN
    pause: float = 0.0
    calls: tuple[Call, ...] = ()
    """What the model calls the tool with. None: it answers with a text at once."""
    every: bool = False
    """It is played in the series with the fault every time, too."""

    def healthy(self, tool: str) -> Frames:
        """The answer without its fault."""
        if self.calls:
            return tuple(frame for _, _, frame in BY_DIALECT[self.dialect](tool, self.calls, spoke=False))
        return TEXTS[self.dialect]


GEMINI_TEXT: Frames = (
    *(gemini_chunk({"text": text}) for text in ok.TEXT[:-1]),
    gemini_chunk({"text": ok.TEXT[-1]}, finishReason="STOP"),
)
TEXTS = {
    "anthropic-messages": ok.MESSAGES_TEXT,
    "openai-responses": ok.RESPONSES_TEXT,
    "openai-chat": ok.CHAT_TEXT,
    "gemini": GEMINI_TEXT,
}


def _case(
    dialect: str, name: str, says: str, frames: Frames, end: End = End.CLEAN, *, whole: bool = False, every: bool = False
) -> Case:
    return Case(dialect, name, says, lambda _: frames, whole, end, every=every)


def _ends(dialect: str, frames: Frames) -> list[Case]:
    """What can befall a stream of any dialect."""
    half = frames[: len(frames) // 2 + 1]
    slow = Case(dialect, "slow", "long pauses", lambda _: frames, whole=True, pause=PAUSE)
    return [
        _case(dialect, "healthy", "nothing is wrong", frames, whole=True),
        slow,
        _case(dialect, "hanging", "the upstream falls silent half way", half, End.HANG, every=True),
        _case(dialect, "cut", "the connection is closed half way, in the middle of a chunk", half, End.CUT, every=True),
        _case(dialect, "reset", "the connection is reset half way", half, End.RESET, every=True),
        _case(dialect, "half", "the stream ends properly, half way", half, every=True),
        _case(dialect, "empty", "no event at all", (), every=True),
        _case(dialect, "page", "a gateway's error page", (PAGE,), every=True),
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
    made = [_case(dialect, *one, whole=True) for one in whole] + [_case(dialect, *one, every=True) for one in lost]
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
    return [_case(dialect, *one, whole=True) for one in whole] + [_case(dialect, *one, every=True) for one in lost]


# -- calls of a tool ---------------------------------------------------------------------------------


def _ends_behind(label: Label, number: int, *, of: int = 0) -> Callable[[Labelled], Frames]:
    """The stream ends behind the frame with that label and number, counted from 0, or from the end where it is negative."""

    def broken(frames: Labelled) -> Frames:
        places = [at for at, (kind, call, _) in enumerate(frames) if (kind, call) == (label, of)]
        return tuple(frame for _, _, frame in frames[: places[number] + 1])

    return broken


def _cut_end(frames: Labelled) -> Frames:
    """The last frame breaks off in its middle."""
    whole = _bytes(frames)
    return (*whole[:-1], whole[-1][: len(whole[-1]) // 2])


def _bytes(frames: Labelled) -> Frames:
    return tuple(frame for _, _, frame in frames)


def _torn(label: Label, number: int, *, of: int = 0) -> Callable[[Labelled], Frames]:
    """That frame breaks off in its middle, and the next one follows on the same line."""

    def broken(frames: Labelled) -> Frames:
        places = [at for at, (kind, call, _) in enumerate(frames) if (kind, call) == (label, of)]
        whole, at = tuple(frame for _, _, frame in frames), places[number]
        keep = whole[at][: len(whole[at]) * 2 // 3]
        return (*whole[:at], keep + b"".join(whole[at + 1 : at + 2]), *whole[at + 2 :])

    return broken


ONE, TWO = (NORTH,), (NORTH, SOUTH)
_HEALTHY: list[tuple[str, str, tuple[Call, ...]]] = [
    ("call", "a call, nothing is wrong", ONE),
    ("calls", "two calls, nothing is wrong", TWO),
]
_ALL: list[tuple[str, str, tuple[Call, ...], Callable[[Labelled], Frames], End]] = [
    ("call-in", "the stream ends in the arguments of a call", ONE, _ends_behind("arguments", 1), End.CLEAN),
    ("call-in-reset", "the connection is reset in the arguments of a call", ONE, _ends_behind("arguments", 1), End.RESET),
    ("call-behind", "the stream ends behind the arguments of a call", ONE, _ends_behind("arguments", -1), End.CLEAN),
    ("call-torn", "an event is torn in the arguments of a call", ONE, _torn("arguments", 1), End.CLEAN),
    ("call-end-torn", "an event is torn behind a call", ONE, _torn("end", 0, of=-1), End.CLEAN),
    ("calls-second", "the stream ends in the arguments of the second call", TWO, _ends_behind("arguments", 1, of=1), End.CLEAN),
    ("calls-torn", "an event is torn in the second of two calls", TWO, _torn("arguments", 1, of=1), End.CLEAN),
]
_WITH_STARTS: list[tuple[str, str, tuple[Call, ...], Callable[[Labelled], Frames], End]] = [
    ("call-start", "the stream ends behind the start of a call", ONE, _ends_behind("start", 0), End.CLEAN),
    ("call-start-torn", "an event is torn at the start of a call", ONE, _torn("start", 0), End.CLEAN),
]
_WITH_STOPS: list[tuple[str, str, tuple[Call, ...], Callable[[Labelled], Frames], End]] = [
    ("calls-between", "the stream ends between two calls", TWO, _ends_behind("stop", -1), End.CLEAN),
    ("call-stop-torn", "an event is torn at the end of a call", ONE, _torn("stop", 0), End.CLEAN),
]
_IN_ONE_PIECE: list[tuple[str, str, tuple[Call, ...], Callable[[Labelled], Frames], End]] = [
    ("call-torn", "an event is torn with a call in it", ONE, _torn("arguments", 0), End.CLEAN),
    ("call-behind", "the stream ends behind a call", ONE, _ends_behind("arguments", 0), End.CLEAN),
    ("call-end-torn", "an event is torn behind a call", ONE, _cut_end, End.CLEAN),
    ("calls-between", "the stream ends between two calls", TWO, _ends_behind("arguments", 0), End.CLEAN),
    ("calls-torn", "an event is torn with the second of two calls in it", TWO, _torn("arguments", 0, of=1), End.CLEAN),
]


_BETWEEN_CHUNKS = ("calls-between", "the stream ends between two calls", TWO, _ends_behind("arguments", -1), End.CLEAN)


def _call_cases(dialect: str) -> list[Case]:
    make = BY_DIALECT[dialect]
    rows = {
        "gemini": _IN_ONE_PIECE,
        "openai-chat": [*_WITH_STARTS, *_ALL, _BETWEEN_CHUNKS],
    }.get(dialect, [*_WITH_STARTS, *_ALL, *_WITH_STOPS])
    cases = []
    for name, says, calls in _HEALTHY:
        cases.append(Case(dialect, name, says, lambda tool, calls=calls: _bytes(make(tool, calls, spoke=False)), True, calls=calls))
    for spoke in (False, True):
        for name, says, calls, broken, end in rows:
            if spoke and name not in {"call-in", "call-behind", "call-torn"}:
                continue

            def frames(tool: str, calls=calls, broken=broken, spoke=spoke) -> Frames:
                return broken(make(tool, calls, spoke=spoke))

            title, told = (f"said-{name}", f"{says}, which stands behind a text") if spoke else (name, says)
            every = name in {"call-start", "call-in", "call-behind", "calls-between"}
            cases.append(Case(dialect, title, told, frames, False, end, calls=calls, every=every))
    return cases


CASES = (
    *_ends("anthropic-messages", ok.MESSAGES_TEXT),
    *_named("anthropic-messages", ok.MESSAGES_TEXT, b"event: content_block_delta\n", b'"text": " Lis', can_end=True),
    *_ends("openai-responses", ok.RESPONSES_TEXT),
    *_named("openai-responses", ok.RESPONSES_TEXT, b"event: response.output_text.delta\n", b'"delta": " Lis', can_end=False),
    *_ends("gemini", GEMINI_TEXT),
    *_gemini_cases(),
    *_ends("openai-chat", ok.CHAT_TEXT),
    *_chat_cases(),
    *(case for dialect in TEXTS for case in _call_cases(dialect)),
)
