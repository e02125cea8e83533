"""Bodies in another form than server-sent events, and bodies in another form than was asked for."""

import dataclasses
import json

import pytest

from resplice.core.items import Frame, Item
from resplice.core.wire import SSE, Body, Event, NoShortWay, Wire
from resplice.dialects import by_name
from resplice.session.session import Session

from streams import CHAT, cut, decode, through


class Bars(NoShortWay):
    """A form for these tests alone: each event ends with a bar."""

    def __init__(self, _: int) -> None:
        self._text = b""
        self._at = 0

    @property
    def held(self) -> int:
        return len(self._text)

    @property
    def at_boundary(self) -> bool:
        return not self._text

    def held_bytes(self) -> bytes:
        return self._text

    def receive_data(self, data: bytes) -> list[Item]:
        *parts, self._text = (self._text + data).split(b"|")
        return [self._item(part) for part in parts]

    def _item(self, part: bytes) -> Frame:
        self._at += len(part) + 1
        return Frame(self._at - len(part) - 1, part + b"|", None, json.loads(part), part)

    def release(self) -> list[Item]:
        return []


def render(event: Event, body: Body) -> bytes:
    return b"%d:" % body.events + event.payload + b"|"


BARS = Wire("bars", ("application/bars",), Bars, render, lambda head: head.startswith(b"{"), closing=b"!")
ONLY_NAMED_FIELDS = dataclasses.replace(SSE, starts=lambda head: head.startswith(b"data"))
ASKS_BARS = dataclasses.replace(by_name("openai-chat"), wire=BARS, forms=(SSE,), done_marker=False, has_terminal=False)
ASKS_SSE = dataclasses.replace(by_name("openai-chat"), wire=ONLY_NAMED_FIELDS, forms=(BARS,))
FRAMES = [value for _, value in decode(CHAT) if value != "[DONE]"]
IN_BARS = b"".join(json.dumps(value).encode() + b"|" for value in FRAMES)


def test_a_body_in_the_form_that_was_asked_for_passes_byte_for_byte() -> None:
    outcome = through(Session(ASKS_BARS), [IN_BARS])
    assert outcome.output == IN_BARS
    assert "body_form" not in outcome.kinds


def test_events_of_ours_are_written_in_the_form_that_was_asked_for() -> None:
    output = through(Session(ASKS_BARS), [IN_BARS[:-100]]).output
    assert output.endswith(b"|")
    assert b'3:{"error":' in output


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_server_sent_events_where_another_form_was_asked_for_are_written_anew(size: int) -> None:
    outcome = through(Session(ASKS_BARS), cut(CHAT, size))
    parts = outcome.output.split(b"|")[:-1]
    assert [json.loads(part.partition(b":")[2]) for part in parts] == FRAMES
    assert outcome.kinds.count("body_form") == len(FRAMES)


def test_another_form_where_server_sent_events_were_asked_for_is_written_anew() -> None:
    outcome = through(Session(ASKS_SSE), [IN_BARS])
    assert [value for _, value in decode(outcome.output)] == [*FRAMES, "[DONE]"]
    assert outcome.losses == []


def test_the_same_bytes_give_the_same_output_however_they_are_cut() -> None:
    whole = through(Session(ASKS_SSE), [IN_BARS]).output
    for size in (1, 2, 3, 7):
        assert through(Session(ASKS_SSE), cut(IN_BARS, size)).output == whole


def test_a_body_of_nothing_but_blanks_is_an_empty_stream() -> None:
    outcome = through(Session(ASKS_SSE), [b"\n", b"\n"])
    assert outcome.kinds == ["empty_stream"]
