import pytest

from resplice.core.kinds import Kind
from resplice.core.members import replace_member
from resplice.core.payload import OPAQUE, Scanner, mend, strict

STRICT = [
    b'{"a": 1}',
    b' {"a": [1, 2.5e3, true, null, "\\ud83d"]}\t',
    b"[]",
    b'"x"',
    b"0",
    b'{"n": ' + b"9" * 5000 + b"}",
]
NOT_STRICT = [
    b"",
    b"{",
    b'{"a": 1}}',
    b"{'a': 1}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": 1,}',
    b'{"a": "\x1b"}',
    b'{"a": "x\ny"}',
    b'{"a": "\xe6"}',
    b'{"a": "\\d"}',
    b'{"a": 01}',
    b'{"a" 1}',
    b"\xc2\xa0{}",
    b"[DONE]",
]


@pytest.mark.parametrize("payload", STRICT)
def test_strict_json_is_taken(payload: bytes) -> None:
    strict(payload)


@pytest.mark.parametrize("payload", NOT_STRICT)
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which of json's messages it is does not matter
        strict(payload)


def test_a_value_too_deep_for_python_passes_uninspected() -> None:
    depth = 200_000
    assert strict(b"[" * depth + b"]" * depth) is OPAQUE


MENDED = [
    (b'{"t": "a\x1bb"}', b'{"t": "a\\u001bb"}', {Kind.CONTROL_IN_STRING}),
    (b'{"t": "a\tb"}', b'{"t": "a\\tb"}', {Kind.CONTROL_IN_STRING}),
    (b'{"t": "a\nb"}', b'{"t": "a\\nb"}', {Kind.RAW_NEWLINE_IN_STRING}),
    (b'{"t": "a\r\nb"}', b'{"t": "a\\r\\nb"}', {Kind.RAW_NEWLINE_IN_STRING}),
    (b'{"t": "C:\\users"}', b'{"t": "C:\\\\users"}', {Kind.BAD_ESCAPE}),
    (b'{"t": "\\d\\\\d"}', b'{"t": "\\\\d\\\\d"}', {Kind.BAD_ESCAPE}),
    (b'{"p": NaN, "q": -Infinity, "r": Infinity}', b'{"p": null, "q": -9999.0, "r": null}', {Kind.NAN_INFINITY}),
    (b'{"t": "NaN",\xc2\xa0"n": 1}', b'{"t": "NaN","n": 1}', {Kind.JUNK_BLANK}),
    (b'{\n  "a": 1\n}', b'{  "a": 1}', {Kind.PRETTY_JSON}),
    (b'{"t": "\xe6\xb8"}', b'{"t": "\xef\xbf\xbd"}', {Kind.INVALID_UTF8}),
    (b'{"t": "\xe6x\x07"}', b'{"t": "\xef\xbf\xbdx\\u0007"}', {Kind.INVALID_UTF8, Kind.CONTROL_IN_STRING}),
]


@pytest.mark.parametrize(("broken", "whole", "kinds"), MENDED)
def test_a_payload_is_mended_in_the_narrowest_way(broken: bytes, whole: bytes, kinds: set[Kind]) -> None:
    mended = mend(broken)
    assert mended is not None
    assert (mended.payload, set(mended.kinds)) == (whole, kinds)


@pytest.mark.parametrize(("broken", "whole", "kinds"), MENDED)
def test_what_was_mended_needs_no_mending(broken: bytes, whole: bytes, kinds: set[Kind]) -> None:
    mended = mend(whole)
    assert mended is not None
    assert (mended.payload, mended.kinds) == (whole, ())


@pytest.mark.parametrize(
    "payload", [b'{"f": "printf(\\"a\\\\n\\")"}', b'{"f": "\\\\n\\u000a"}', b'{"u": "\xe2\x80\xa8"}', b'{"s": "\\ud83d"}']
)
def test_valid_json_is_never_touched(payload: bytes) -> None:
    mended = mend(payload)
    assert mended is not None
    assert mended.payload is payload


@pytest.mark.parametrize("payload", [b'{"t": "say "hi" now"}', b'{"a": 1', b'{"a": }', b"{1: 2}", b'{"a": 1}}'])
def test_what_has_no_safe_repair_is_not_repaired(payload: bytes) -> None:
    assert mend(payload) is None


@pytest.mark.parametrize("value", [b'{"a": "}{\\"", "b": [{}, "\\\\"]}', b"[[]]", b'{"\\"": {}}'])
@pytest.mark.parametrize("rest", [b"", b"{}", b"}", b' data: {"x": 1}'])
def test_the_scanner_finds_where_a_value_ends_however_it_is_cut(value: bytes, rest: bytes) -> None:
    whole = value + rest
    assert Scanner().feed(whole) == len(value)
    scanner = Scanner()
    ends = [i + 1 for i in range(len(value)) if scanner.feed(whole[i : i + 1]) is not None]
    assert ends == [len(value)]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"id": "a", "x": {"id": "b"}}', b'{"id": "new", "x": {"id": "b"}}'),
        (b'{"x": 1.00, "id" : null}', b'{"x": 1.00, "id" : "new"}'),
        (b'{"id": "a", "id": "b"}', b'{"id": "a", "id": "new"}'),
        ('{"é": "ü", "id": "a"}'.encode(), '{"é": "ü", "id": "new"}'.encode()),
        (b'{"x": 1}', None),
        (b"{}", None),
    ],
)
def test_one_member_is_replaced_and_every_other_byte_stays(payload: bytes, expected: bytes | None) -> None:
    assert replace_member(payload, "id", "new") == expected
