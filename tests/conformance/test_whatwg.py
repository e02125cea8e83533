"""The examples of https://html.spec.whatwg.org/multipage/server-sent-events.html, and every legal form of a frame."""

import pytest

from resplice.core.framer import SseFramer
from resplice.core.items import Filler, Frame

from streams import cut, decode, run

EXAMPLES = [
    b"data: YHOO\ndata: +2\ndata: 10\n\n",
    b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
    b"data\n\ndata\ndata\n\ndata:\n",
    b"data:test\n\ndata: test\n\n",
    b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
]


@pytest.mark.parametrize("stream", EXAMPLES)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_a_stream_that_is_no_llms_passes_byte_for_byte(stream: bytes, ending: bytes) -> None:
    wire = stream.replace(b"\n", ending)
    outcome = run(None, cut(wire, 1))
    assert (outcome.output, outcome.findings) == (wire, [])


HEALTHY = [
    (b'data: {"a":1}\n\n', None),
    (b'data:{"a":1}\n\n', None),
    (b'data: {"a":1}\r\n\r\n', None),
    (b'event: x\ndata: {"a":1}\n\n', "x"),
    (b'data: {"a":1}\nevent: x\n\n', "x"),
    (b'event:x\nid: 7\nretry: 9\nother: field\ndata: {"a":1}\n\n', "x"),
    (b'event: y\nevent: x\ndata: {"a":1}\n\n', "x"),
    (b': a comment\ndata: {"a":1}\n: another\n\n', None),
    (b'data: {"a":1}  \n\n', None),
    (b'data:  {"a":1}\n\n', None),
    (b'data:\ndata: {"a":1}\ndata:\n\n', None),
]


@pytest.mark.parametrize(("wire", "event"), HEALTHY)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_every_legal_form_of_a_frame_is_taken_for_healthy(wire: bytes, event: str | None, size: int) -> None:
    framer = SseFramer()
    items = [item for chunk in cut(wire, size) for item in framer.receive_data(chunk)] + framer.receive_data(b"")
    [frame] = [item for item in items if isinstance(item, Frame)]
    assert (frame.value, frame.event, frame.kinds) == ({"a": 1}, event, ())
    assert all(isinstance(item, Frame | Filler) for item in items)
    assert b"".join(item.raw for item in items) == wire


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r", b"\r\r"])
def test_a_frame_is_complete_with_the_first_byte_that_can_end_its_blank_line(end: bytes) -> None:
    framer = SseFramer()
    framer.receive_data(b': go\n\ndata: {"a":1}' + end[:-1])
    assert [type(item) for item in framer.receive_data(end[-1:])] == [Frame]


def test_the_reference_decoder_of_the_tests_follows_the_examples() -> None:
    assert decode(EXAMPLES[0]) == [(None, "YHOO\n+2\n10")]
    assert [value for _, value in decode(EXAMPLES[1])] == ["first event", "second event"]
