"""Two and three faults in one stream: the exact answer or an honest error, as the tests' own reader has it."""

import os
import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reading import read
from resplice.core.kinds import Kind
from resplice.session.policy import Policy

import streams as s
from streams import cut_at, run

type Frames = list[bytes]
type Wound = Callable[[Frames, int], Frames]
"""Frames and the number of one -> frames in which something is broken there."""

BEAT = b":keepalive\n\n"
TEXT = ["Tide", " at", " 6:40", " — or", ' "7"', "\n", "\tand", " then", " low"]
ARGUMENTS = ['{"port": "Lis', 'bon", "day": "to', 'morrow"}']


def streams_of(dialect: str) -> Frames:
    wire = {
        "openai-chat": s.chat(*map(s.chat_text, TEXT)),
        "anthropic-messages": s.anthropic(*map(s.text_delta, TEXT)),
        "openai-responses": s.responses(*(s.output_delta(text, 3 + n) for n, text in enumerate(TEXT)), text="".join(TEXT)),
        "anthropic-messages tool": s.anthropic(*map(s.json_delta, ARGUMENTS), start=s.TOOL_START, reason="tool_use"),
    }[dialect]
    return [frame + b"\n\n" for frame in wire.split(b"\n\n")[:-1]]


STREAMS = ("openai-chat", "anthropic-messages", "openai-responses", "anthropic-messages tool")


def on_frame(change: Callable[[bytes], bytes]) -> Wound:
    return lambda frames, at: [*frames[:at], change(frames[at]), *frames[at + 1 :]]


def before(extra: bytes) -> Wound:
    return lambda frames, at: [*frames[:at], extra, *frames[at:]]


def in_json(change: Callable[[bytes], bytes]) -> Wound:
    """A change of the payload only; `[DONE]` is left alone."""

    def changed(frame: bytes) -> bytes:
        head, found, payload = frame.partition(b"data: ")
        return head + found + change(payload) if payload.startswith(b"{") else frame

    return on_frame(changed)


def within_string(extra: bytes) -> Callable[[bytes], bytes]:
    """Write something into the longest string of a payload."""

    def changed(payload: bytes) -> bytes:
        strings = list(re.finditer(rb'"[A-Za-z_ ]{2,}"', payload))
        if not strings:
            return payload
        longest = max(strings, key=lambda found: len(found[0]))
        place = longest.start() + 2
        return payload[:place] + extra + payload[place:]

    return changed


def another(frame: bytes) -> bytes:
    """The frame of an answer with another id."""
    return frame.replace(b"chatcmpl-7Qx", b"chatcmpl-8").replace(b"msg_01", b"msg_02").replace(b"resp_01", b"resp_02")


MENDED: dict[str, Wound] = {
    "name and data split": on_frame(lambda f: f.replace(b"\ndata", b"\n\ndata", 1)),
    "no name": on_frame(lambda f: re.sub(rb"^event: .*\n", b"", f)),
    "another name": on_frame(lambda f: re.sub(rb"^event: \S+", b"event: message", f)),
    "no blank line": on_frame(lambda f: f[:-1]),
    "glued to the next": on_frame(lambda f: f[:-2] + b"    "),
    "no line end at all": on_frame(lambda f: f[:-2]),
    "no blank behind data:": on_frame(lambda f: f.replace(b"data: ", b"data:", 1)),
    "pretty JSON": in_json(lambda p: p.replace(b', "', b',\ndata:   "')),
    "pretty JSON without prefix": in_json(lambda p: p.replace(b', "', b',\n   "')),
    "CRLF": on_frame(lambda f: f.replace(b"\n", b"\r\n")),
    "CR": on_frame(lambda f: f.replace(b"\n", b"\r")),
    "heartbeat before the data": on_frame(lambda f: f.replace(b"data: ", BEAT + b"data: ", 1)),
    "heartbeat between tokens": in_json(lambda p: p.replace(b', "', b", " + BEAT + b'"', 1)),
    "heartbeat in a string": in_json(within_string(BEAT)),
    "value over two frames": in_json(within_string(b"\n\ndata: ")),
    "a control character's raw form": in_json(lambda p: p.replace(b"\\t", b"\t")),
    "a no-break space between tokens": in_json(lambda p: p.replace(b', "', b',\xc2\xa0"', 1)),
    "comment": before(b": ping\n\n"),
    "comment as data": before(b"data: : keepalive\n\n"),
    "retry": before(b"retry: 3000\n\n"),
    "NUL padding": before(b"\0\0\n"),
    "a chunk's size": before(b"1f4\r\n"),
    "a name without data": before(b"event: ping\n\n"),
    "blank lines": before(b"\n\n\n"),
    "a mark at the beginning": lambda frames, _: [b"\xef\xbb\xbf", *frames],
    "terminal twice": lambda frames, _: [*frames, frames[-1]],
    "terminal missing": lambda frames, _: frames[:-1],
    "[DONE] behind it": lambda frames, _: [*frames, b"data: [DONE]\n\n"],
}
DOUBTFUL: dict[str, Wound] = {
    "data: twice": on_frame(lambda f: f.replace(b"data: ", b"data: data: ", 1)),
    "empty data": before(b"data:\n\n"),
    "null": before(b"data: null\n\n"),
    "a raw line break": in_json(lambda p: p.replace(b"\\n", b"\n")),
}
"""Once alone each of them may be what is left of something else: a text that begins so, a lost payload, a frame that was torn."""
LOST: dict[str, Wound] = {
    "a value is cut, the next frame is glued on": on_frame(lambda f: f[: -len(f) // 3]),
    "a value is cut": on_frame(lambda f: f[: -len(f) // 3] + b"\n\n"),
    "a value's head is lost": on_frame(lambda f: f[len(f) // 3 :]),
    "the stream ends": lambda frames, at: frames[:at],
    "the stream ends in a frame": lambda frames, at: [*frames[:at], frames[at][: len(frames[at]) // 2]],
    "a page": before(b"<html><body>502 Bad Gateway</body></html>\n\n"),
    "an error": before(b'data: {"error": "boom"}\n\n'),
    "an error as a field": before(b'error: {"code": 400, "message": "boom"}\n\n'),
    "another answer begins": lambda frames, at: [*frames[: max(at, 4)], *map(another, frames)],
    "quotation marks": in_json(within_string(b'"')),
}
WOUNDS = {**MENDED, **DOUBTFUL, **LOST}
ONLY_ITS_END_TELLS = ("openai-responses", "terminal missing")
"""That a response is complete, is said by its last event alone."""
TRUSTING = Policy(on=frozenset({Kind.EMPTY_DATA}))
ROUNDS = 5 if os.environ.get("RESPLICE_PROPERTIES") == "soak" else 1
PLACES = st.lists(st.tuples(st.sampled_from(sorted(WOUNDS)), st.integers(0, 12)), min_size=2, max_size=3)


def broken(dialect: str, wounds: list[tuple[str, int]]) -> bytes:
    frames = streams_of(dialect)
    for name, at in wounds:
        frames = WOUNDS[name](frames, min(at, len(frames) - 1)) if frames else frames
    return b"".join(frames)


def assert_exact_or_honest(stream: str, wire: bytes, chunks: list[bytes], policy: Policy | None = None) -> None:
    dialect = stream.partition(" ")[0]
    outcome = run(dialect, chunks, policy)
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    found, truth = read(outcome.output), read(b"".join(streams_of(stream)))
    if found.failed:
        assert outcome.receipt.terminal == "error"
    else:
        assert found == truth, (found, truth, wire, outcome.output, outcome.kinds)


@given(st.sampled_from(STREAMS), PLACES, st.data())
def test_a_random_composition_of_faults_ends_exact_or_honest(
    stream: str, wounds: list[tuple[str, int]], data: st.DataObject
) -> None:
    wire = broken(stream, wounds)
    places = data.draw(st.lists(st.integers(0, len(wire)), max_size=4))
    assert_exact_or_honest(stream, wire, cut_at(wire, places))


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("first", WOUNDS)
def test_every_pair_of_faults_ends_exact_or_honest_wherever_it_is(stream: str, first: str) -> None:
    dice = random.Random(f"{stream} {first}")
    for second in WOUNDS:
        for _ in range(ROUNDS):
            wire = broken(stream, [(first, dice.randrange(12)), (second, dice.randrange(12))])
            assert_exact_or_honest(stream, wire, [wire])


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("wound", MENDED)
def test_a_single_mendable_fault_of_the_compositions_ends_exact_but_where_it_is_ambiguous(stream: str, wound: str) -> None:
    exact = 0
    for at in range(len(streams_of(stream))):
        wire = broken(stream, [(wound, at)])
        assert_exact_or_honest(stream, wire, [wire])
        exact += not read(run(stream.partition(" ")[0], wire).output).failed
    assert exact >= len(streams_of(stream)) - 2 or (stream, wound) == ONLY_ITS_END_TELLS


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("wound", DOUBTFUL)
def test_a_single_fault_that_has_a_second_reading_ends_honest_unless_policy_says_what_it_is(stream: str, wound: str) -> None:
    for at in range(1, len(streams_of(stream)) - 1):
        wire = broken(stream, [(wound, at)])
        assert_exact_or_honest(stream, wire, [wire])
        is_numbered = stream == "openai-responses" and wound in {"empty data", "null"}  # the next number shows that nothing is lost
        assert read(run(stream.partition(" ")[0], wire).output).failed or is_numbered or wire == b"".join(streams_of(stream))
        assert_exact_or_honest(stream, wire, [wire], TRUSTING)
        assert not read(run(stream.partition(" ")[0], wire, TRUSTING).output).failed or wound not in {"empty data", "null"}
