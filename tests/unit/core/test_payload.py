import pytest

from resplice.core.members import replace_member
from resplice.core.payload import OPAQUE, Scanner, strict

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
