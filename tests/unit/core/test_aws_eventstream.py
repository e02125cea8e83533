"""AWS's event stream, cut into items."""

import struct

import pytest

from resplice.core.aws_eventstream import AWS_EVENT_STREAM, EventStreamFramer, read_headers, write_message
from resplice.core.items import Damage, Frame, Item, Overflow
from resplice.core.kinds import Kind
from resplice.core.wire import Body, Event

import bedrock_streams as b
from streams import cut

HEADERS = b"".join([
    b"\x01a\x00", b"\x01b\x01", b"\x01c\x02\xff", b"\x01d\x03\xff\xfe", b"\x01e\x04\xff\xff\xff\xfd",
    b"\x01f\x05" + struct.pack("!q", 1 << 40), b"\x01g\x06\x00\x02\x00\xff", b"\x01h\x07\x00\x02\xc3\xa9",
    b"\x01i\x08" + struct.pack("!q", 1_790_000_000_000), b"\x01j\x09" + bytes(range(16)),
])  # fmt: skip


def items(*chunks: bytes, cap: int = 1 << 20) -> list[Item]:
    framer = EventStreamFramer(cap)
    return [item for chunk in chunks for item in framer.receive_data(chunk)] + framer.receive_data(b"")


def test_headers_of_every_type_are_read() -> None:
    expected = {"a": True, "b": False, "c": -1, "d": -2, "e": -3, "f": 1 << 40, "g": b"\0\xff", "h": "é", "i": 1_790_000_000_000}
    assert read_headers(HEADERS) == expected | {"j": bytes(range(16))}


@pytest.mark.parametrize("size", range(1, len(HEADERS)))
def test_headers_that_are_cut_are_none_or_fewer(size: int) -> None:
    read = read_headers(HEADERS[:size])
    assert read is None or len(read) < 10


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_message_is_a_frame_that_knows_its_headers_and_its_payload(size: int) -> None:
    wire = b.event("messageStop", {"stopReason": "end_turn"})
    [frame] = items(*cut(wire, size))
    assert isinstance(frame, Frame)
    assert (frame.raw, frame.event, frame.kinds) == (wire, "messageStop", ())
    assert frame.value["headers"][":message-type"] == "event"
    assert frame.value["payload"] == {"stopReason": "end_turn"}


def test_a_payload_that_is_no_json_is_left_out_and_bytes_in_headers_too() -> None:
    [frame] = items(b.sealed(HEADERS, b"plain text"))
    assert isinstance(frame, Frame)
    assert "payload" not in frame.value
    assert not {"g", "j"} & frame.value["headers"].keys()


GOOD = b.event("x", {})


@pytest.mark.parametrize("place", range(len(GOOD)))
def test_a_wrong_bit_anywhere_makes_the_message_and_all_behind_it_damage(place: int) -> None:
    broken = GOOD[:place] + bytes([GOOD[place] ^ 0x10]) + GOOD[place + 1 :]
    first, *found = items(GOOD + broken + GOOD)
    assert isinstance(first, Frame)
    assert found
    assert all(isinstance(item, Damage) for item in found)
    assert b"".join(item.raw for item in found) == broken + GOOD


def test_a_message_that_is_cut_is_damage_of_its_own_kind() -> None:
    [item] = items(GOOD[:-1])
    assert isinstance(item, Damage)
    assert (item.kind, item.raw) == (Kind.TRUNCATED_MESSAGE, GOOD[:-1])


def test_a_message_beyond_the_cap_passes_in_pieces_and_the_next_one_is_read() -> None:
    large = b.event("x", {"t": "y" * 400})
    pieces = items(large[:100], large[100:] + GOOD, cap=200)
    assert [type(item) for item in pieces] == [Overflow, Overflow, Frame]
    assert b"".join(item.raw for item in pieces) == large + GOOD


def test_what_is_written_reads_back_the_same() -> None:
    wire = write_message({":message-type": "exception", ":exception-type": "x"}, b'{"message":"y"}')
    assert wire == b.message({":message-type": "exception", ":exception-type": "x"}, b'{"message":"y"}')


def test_an_event_is_written_as_a_chunk_and_an_exception_as_an_exception() -> None:
    exception = AWS_EVENT_STREAM.render(Event("modelStreamErrorException", b'{"message":"x"}'), Body())
    chunk = AWS_EVENT_STREAM.render(Event("message_stop", b'{"type":"message_stop"}'), Body())
    assert b.decode_messages(exception) == [("modelStreamErrorException", {"message": "x"})]
    assert b.decode_messages(chunk) == [("chunk", {"type": "message_stop"})]


@pytest.mark.parametrize("length", [16, 123, 500, 16 << 20])
def test_a_body_of_messages_is_told_from_text_by_its_first_byte(length: int) -> None:
    assert AWS_EVENT_STREAM.starts(length.to_bytes(4, "big"))
    assert not any(AWS_EVENT_STREAM.starts(text) for text in (b"{", b"[", b"<", b"data", b"event", b":", b"\n", b" "))
