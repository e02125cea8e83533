"""Changing members of a JSON object: what is not meant keeps its bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resplice.core.members import edited, replace_member
from resplice.core.payload import strict

EDITS = [
    ("a number", b'{"a": 1, "b": 2.50}', lambda v: v | {"a": 7}, b'{"a": 7,"b": 2.50}'),
    ("a number that no float holds", b'{"n": 1e400, "i": 0}', lambda v: v | {"i": 1}, b'{"n": 1e400,"i": 1}'),
    ("a very long number", b'{"n": ' + b"9" * 5000 + b', "i": 0}', lambda v: v | {"i": 1}, b'{"n": ' + b"9" * 5000 + b',"i": 1}'),
    ("half a pair", b'{"t": "\\ud83d", "i": 0}', lambda v: v | {"i": 1}, b'{"t": "\\ud83d","i": 1}'),
    ("a name that stands there twice", b'{"x": 1, "x": 2, "i": 0}', lambda v: v | {"i": 1}, b'{"x": 1, "x": 2,"i": 1}'),
    ("a name that stands there twice, changed", b'{"x": 1, "x": 2}', lambda _: {"x": 3}, b'{"x": 3}'),
    ("a member is added", b'{"a": []}', lambda v: v | {"b": {"c": None}}, b'{"a": [],"b":{"c":null}}'),
    ("a member is added to nothing", b" { } ", lambda _: {"b": 1}, b'{"b":1}'),
    ("a member goes", b'{"a": 1, "b": "\xc3\xa4"}', lambda v: {"b": v["b"]}, b'{"b": "\xc3\xa4"}'),
    ("an inner member", b'{"d": {"t": "x", "s": 1.0}}', lambda v: v | {"d": v["d"] | {"t": "y"}}, b'{"d": {"t": "y","s": 1.0}}'),
    ("an element", b'{"l": [ {"a": 1.0} , 2.0 ]}', lambda v: {"l": [{"a": 1.5}, v["l"][1]]}, b'{"l": [{"a": 1.5},2.0]}'),
    ("a list of another length", b'{"l": [1.0]}', lambda v: {"l": [*v["l"], 2]}, b'{"l": [1.0,2]}'),
    ("elements go", b'{"l": [1.0, 1e400, {"x": 2.50}]}', lambda v: {"l": v["l"][1:]}, b'{"l": [1e400,{"x": 2.50}]}'),
    ("a list becomes empty", b'{"l": [ 1.0 ]}', lambda v: {"l": []}, b'{"l": []}'),
    ("nothing", b'{"a" : 1.0}', lambda v: v, b'{"a" : 1.0}'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "payload", "edit", "expected"), EDITS, ids=[row[0] for row in EDITS])
def test_what_an_edit_does_not_mean_keeps_its_bytes(name: str, payload: bytes, edit: Any, expected: bytes) -> None:
    old = strict(payload)
    new = edit(old)
    result = edited(payload, old, new)
    assert result.replace(b", ", b",") == expected.replace(b", ", b",")
    assert strict(result) == new


def test_a_value_without_a_form_in_json_is_refused() -> None:
    old = strict(b'{"n": 1e400}')
    with pytest.raises(ValueError, match="JSON"):
        edited(b'{"n": 1e400}', old, {"m": old["n"]})


def test_of_a_name_that_stands_there_twice_the_last_is_replaced() -> None:
    assert replace_member(b'{"id": "a", "id": "b"}', "id", "c") == b'{"id": "a", "id": "c"}'
    assert replace_member(b'{"x": {"id": "a"}}', "id", "c") is None
    assert json.loads(replace_member(b"{}", "id", "c") or b"null") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_whatever_is_changed_comes_out_changed(old: dict[str, Any], new: dict[str, Any]) -> None:
    payload = json.dumps(old).encode()
    value = strict(payload)
    assert strict(edited(payload, value, value | new)) == value | new
