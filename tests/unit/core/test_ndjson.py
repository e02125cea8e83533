"""Lines of JSON, cut into items."""

import pytest

from resplice.core.items import DONE, Damage, Frame, Item, Overflow, Stray
from resplice.core.kinds import Kind
from resplice.core.ndjson import NDJSON, NdjsonFramer
from resplice.core.wire import Body, Event

from streams import cut


def items(*chunks: bytes, cap: int = 1 << 20) -> list[Item]:
    framer = NdjsonFramer(cap)
    return [item for chunk in chunks for item in framer.receive_data(chunk)] + framer.receive_data(b"")


@pytest.mark.parametrize("line", [b'{"a":1}\n', b'{"a":1}\r\n', b' {"a":1}\n', b'{"a":1} \t\n', b'{"a": {"b": ["}{", "\\""]}}\n'])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_every_legal_form_of_a_line_is_healthy(line: bytes, size: int) -> None:
    for item in items(*cut(line * 3, size)):
        assert isinstance(item, Frame)
        assert (item.raw, item.kinds) == (line, ())
        assert NDJSON.framer(100).receive_data(item.payload + b"\n")[0].raw == item.payload + b"\n"


CASES = [
    (b'{"a":1}{"b":2}\n', [(b'{"a":1}', Kind.JOINED_FRAMES), (b'{"b":2}\n', None)]),
    (b'{"a":1} \r{"b":2}\n', [(b'{"a":1} \r', Kind.JOINED_FRAMES), (b'{"b":2}\n', None)]),
    (b'data: {"a":1}\n\n', [(b'data: {"a":1}\n', Kind.SSE_FRAMING), (b"\n", Kind.SSE_FRAMING)]),
    (b'{"a":1}\n\n\n', [(b'{"a":1}\n', None), (b"\n", Kind.SSE_FRAMING), (b"\n", Kind.BLANK_LINE)]),
    (
        b': ping\n{"a":1}: ping\n',
        [(b": ping\n", Kind.COMMENT_LINE), (b'{"a":1}', Kind.JOINED_FRAMES), (b": ping\n", Kind.COMMENT_LINE)],
    ),
    (b'{"a":1', [(b'{"a":1', Kind.TRUNCATED_JSON)]),
    (b'{"a":1}', [(b'{"a":1}', Kind.UNTERMINATED_FRAME)]),
    (b'{"a":"x\n{"b":2}\n', [(b'{"a":"x\n', Kind.TRUNCATED_JSON), (b'{"b":2}\n', None)]),
    (b'{"a":1}x\n{"b":2}\n', [(b'{"a":1}x\n', Kind.UNPARSABLE_DATA), (b'{"b":2}\n', None)]),
    (b'<html>\n<p>\n{"b":2}\n', [(b"<html>\n<p>\n", Kind.HTML_BODY), (b'{"b":2}\n', None)]),
]


def kind_of(item: Item) -> Kind | None:
    if isinstance(item, Frame):
        return item.kinds[0] if item.kinds else None
    assert isinstance(item, Stray | Damage)
    return item.kind


@pytest.mark.parametrize(("wire", "expected"), CASES)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_what_is_no_healthy_line_is_told_apart(wire: bytes, expected: list[tuple[bytes, Kind | None]], size: int) -> None:
    assert [(item.raw, kind_of(item)) for item in items(*cut(wire, size))] == expected


def test_the_first_of_two_values_on_a_line_need_not_wait_for_the_line_end() -> None:
    framer = NdjsonFramer()
    assert framer.receive_data(b'{"a":1}') == []
    assert [item.raw for item in framer.receive_data(b"{")] == [b'{"a":1}']


def test_hundreds_of_values_on_one_line_come_out_one_by_one() -> None:
    found = items(b'{"a":1}' * 2000 + b"\n")
    assert [item.raw.strip() for item in found] == [b'{"a":1}'] * 2000


def test_a_done_marker_is_told_from_an_array() -> None:
    first, second = items(b"[DONE]\n[1]\n")
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert (first.value, second.value) == (DONE, [1])


def test_a_value_whose_line_end_is_overdue_can_be_let_go_but_half_a_value_can_not() -> None:
    framer = NdjsonFramer()
    framer.receive_data(b'{"a":1}')
    assert [item.raw for item in framer.release()] == [b'{"a":1}']
    framer.receive_data(b'\n{"b":')
    assert framer.release() == []
    assert framer.held_bytes() == b'{"b":'


def test_a_line_beyond_the_cap_passes_in_pieces() -> None:
    pieces = items(b'{"a":"' + b"x" * 100, b'x"}\n{"b":2}\n', cap=50)
    assert [type(item) for item in pieces] == [Overflow, Overflow, Frame]
    assert [item.last for item in pieces if isinstance(item, Overflow)] == [False, True]


def test_an_event_is_written_on_a_line_of_its_own() -> None:
    assert NDJSON.render(Event("ignored", b'{"a":1}'), Body()) == b'{"a":1}\n'
