import pytest

import gemini_streams as g
from resplice.core.echo import Hole, learn
from resplice.dialects import DIALECTS, by_name

import ollama_streams as o
import streams as s

HOLES = {b"content": Hole.TEXT, b"n": Hole.COUNTER}
FRAME = b'data: {"n": 7, "x": {"content": "abc"}}\n\n'


@pytest.mark.parametrize(
    "other",
    [
        b'data: {"n": 8, "x": {"content": "d e-f!"}}\n\n',
        b'data: {"n": 7, "x": {"content": "data: {event: x}: ping"}}\n\n',
    ],
)
def test_a_frame_that_differs_in_its_text_and_counter_alone_is_known(other: bytes) -> None:
    lesson = learn(FRAME, HOLES)
    assert lesson is not None
    assert lesson[1] == 3
    assert lesson[0].pattern.match(other)


@pytest.mark.parametrize(
    "other",
    [
        b'data: {"n": 8, "x": {"content": "a"b"}}\n\n',
        b'data: {"n": 8, "x": {"content": ""}}\n\n',
        b'data: {"n": 8, "x": {"content": "a\\"}}\n\n',
        b'data: {"n": 8, "x": {"content": "a\\n"}}\n\n',
        b'data: {"n": 8, "x": {"content": "a\x01"}}\n\n',
        b'data: {"n": 8, "x": {"content": "\xc3\xbc"}}\n\n',
        b'data: {"n": 08, "x": {"content": "a"}}\n\n',
        b'data: {"n": -1, "x": {"content": "a"}}\n\n',
        b'data: {"n": 8, "x": {"content": "a"}}\n',
        b'data: {"n": 8, "y": {"content": "a"}}\n\n',
        b'data: {"n": 8, "x": {"content": "a:ping\n\nb"}}\n\n',
        b' data: {"n": 8, "x": {"content": "a"}}\n\n',
    ],
)
def test_any_other_difference_is_not_known(other: bytes) -> None:
    lesson = learn(FRAME, HOLES)
    assert lesson is not None
    assert lesson[0].pattern.match(other) is None


@pytest.mark.parametrize(
    "frame",
    [
        b'data: {"n": 7}\n\n',
        b'data: {"content": "a", "x": {"content": "b"}}\n\n',
        b'data: {"content": "a\\n"}\n\n',
        b'data: {"content": null}\n\n',
        b'data: {"content": {"text": "a"}}\n\n',
        b'data: {"x": "content", "y": "z"}\n\n',
        b'data: {"content": "%s"}\n\n' % (b"x" * 5000),
    ],
)
def test_nothing_is_learnt_from_a_frame_whose_text_is_not_plain_or_not_the_only_one(frame: bytes) -> None:
    assert learn(frame, HOLES) is None


def test_every_dialect_names_the_text_that_its_deltas_grow_by() -> None:
    deltas = {
        "openai-chat": s.chat_text("abc"),
        "openai-completions": s.completion_text("abc"),
        "anthropic-messages": s.text_delta("abc"),
        "openai-responses": s.output_delta("abc", 5),
        "gemini": g.sse(g.text("abc")),
        "gemini-array": g.array(g.text("abc")),
        "ollama": o.chat_line("abc"),
    }
    binary = {"bedrock-invoke", "bedrock-converse"}  # their text is under a checksum
    for dialect in DIALECTS:
        if dialect.name in binary:
            assert not dialect.holes
            continue
        lesson = learn(deltas[dialect.name], by_name(dialect.name).holes)
        assert lesson is not None
        assert lesson[1] == 3
