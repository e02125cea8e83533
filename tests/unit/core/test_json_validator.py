"""A text of JSON in pieces is valid exactly where Python's strict parser says that the whole is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resplice.core.json_validator import JsonState, JsonValidator

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_SIGNS = st.text(alphabet='{}[]",:\\/u0019-+.eEtrufalsn \n\tx', max_size=24)


def _read(*pieces: str) -> JsonState:
    validator = JsonValidator()
    for piece in pieces:
        validator.feed(piece)
    return validator.state


def _is_json(text: str) -> bool:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", JsonState.EMPTY),
        (" \n\t\r", JsonState.EMPTY),
        ("{", JsonState.OPEN),
        ('{"a', JsonState.OPEN),
        ('{"a":1', JsonState.OPEN),
        ('{"a":1}', JsonState.COMPLETE),
        ('{"a":1} \n', JsonState.COMPLETE),
        ('{"a":1}}', JsonState.INVALID),
        ('{"a":1}{', JsonState.INVALID),
        ('{"a":}', JsonState.INVALID),
        ('{"a":1,}', JsonState.INVALID),
        ("[1,]", JsonState.INVALID),
        ('{"a":NaN}', JsonState.INVALID),
        ('{"a":-Infinity}', JsonState.INVALID),
        ('{"a":01}', JsonState.INVALID),
        ('{"a":1.}', JsonState.INVALID),
        ('{"a":-', JsonState.OPEN),
        ('{"a":tru', JsonState.OPEN),
        ('{"a":trux', JsonState.INVALID),
        ('{"a":"\n"}', JsonState.INVALID),
        (r'{"a":"\d"}', JsonState.INVALID),
        (r'{"a":"\u12', JsonState.OPEN),
        (r'{"a":"\u12g4"}', JsonState.INVALID),
        ('{"a":"\ud83d"}', JsonState.COMPLETE),
        ("]", JsonState.INVALID),
        ("{]", JsonState.INVALID),
        ("[}", JsonState.INVALID),
        ("7", JsonState.COMPLETE),
        ("7e", JsonState.OPEN),
        ("null", JsonState.COMPLETE),
        ('"x"', JsonState.COMPLETE),
        ("\ufeff{}", JsonState.INVALID),
    ],
)
def test_a_text_is_empty_open_complete_or_invalid(text, state):
    assert _read(text) is state
    assert _read(*text) is state


@given(_VALUES, st.data())
def test_what_python_writes_is_complete_however_it_is_cut(value, data):
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    cut = data.draw(st.integers(0, len(text)))
    assert _read(text[:cut], text[cut:]) is JsonState.COMPLETE
    assert _read(*text) is JsonState.COMPLETE


@given(_VALUES, st.data())
def test_no_beginning_of_a_valid_text_is_invalid(value, data):
    text = json.dumps(value)
    cut = data.draw(st.integers(0, len(text)))
    assert _read(text[:cut]) is not JsonState.INVALID


@given(_SIGNS, st.integers(0, 24))
def test_it_agrees_with_pythons_strict_parser_on_anything(text, cut):
    state = _read(text)
    assert (state is JsonState.COMPLETE) == _is_json(text)
    assert _read(text[:cut], text[cut:]) is state
    assert _read(*text) is state


def test_a_string_that_is_open_is_told():
    validator = JsonValidator()
    for piece, inside in [('{"a', True), ('"', False), (':"\\', True), ("n", True), ('"', False), ("}", False)]:
        validator.feed(piece)
        assert validator.in_string is inside


def test_deep_nesting_and_endless_digits_are_read_without_recursion():
    assert _read("[" * 50_000, "]" * 50_000) is JsonState.COMPLETE
    assert _read(*(["9" * 1000] * 100)) is JsonState.COMPLETE
    assert _read("[" * 1_000_001) is JsonState.INVALID
