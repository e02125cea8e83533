"""Whether something is a record: the types of its fields, as the schema has them.

It is no validation of every detail; what has passed can be read without being asked again at each field.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from resplice.records.schema import load_schema

__all__ = ["is_record"]

_TYPES: Final[dict[str, set[type]]] = {
    "string": {str},
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
    "object": {dict},
    "array": {list},
    "null": {type(None)},
}
_PLAIN: Final = frozenset({"string", "boolean", "integer", "null"})
_LATER: Final = frozenset({"state", "level"})
"""Fields that records of earlier versions do not have."""
_LARGEST: Final = 2**63

type _Check = Callable[[Any], bool]


def is_record(value: Any) -> bool:
    """Whether a JSON value is a record of a type that is known."""
    if type(value) is not dict or type(value.get("type")) is not str:
        return False
    check = _checks().get(value["type"])
    return check is not None and check(value)


@functools.cache
def _checks() -> dict[str, _Check]:
    """The value of a record's `type` -> what checks such a record."""
    schema = load_schema()
    found: dict[str, _Check] = {}
    for name, part in schema["$defs"].items():
        if (kind := part.get("properties", {}).get("type")) is not None:
            check = _check(schema["$defs"][name], schema["$defs"])
            found |= dict.fromkeys(kind.get("enum", [kind.get("const")]), check)
    return found


def _check(part: Mapping[str, Any], parts: Mapping[str, Any]) -> _Check:
    """What checks a value against a part of the schema."""
    if "$ref" in part:
        return _check(parts[part["$ref"].rpartition("/")[2]], parts)
    if "oneOf" in part or "anyOf" in part:
        any_of = [_check(one, parts) for one in part.get("oneOf") or part["anyOf"]]
        return lambda value: any(check(value) for check in any_of)
    types = _types(part)
    if "properties" in part:
        return _object(part, parts, types)
    if "items" in part or isinstance(part.get("additionalProperties"), dict):
        member = _check(part.get("items") or part["additionalProperties"], parts)
        return lambda value: type(value) in types and all(map(member, value.values() if type(value) is dict else value or ()))
    if types & {int, float}:
        least = part.get("minimum", -_LARGEST)
        return lambda value: type(value) in types and (value is None or (least <= value < _LARGEST and math.isfinite(value)))
    return (lambda value: type(value) in types) if types else (lambda _: True)


def _names(part: Mapping[str, Any]) -> list[str]:
    names = part.get("type", [])
    return [names] if isinstance(names, str) else names


def _types(part: Mapping[str, Any]) -> set[type]:
    return set().union(*(_TYPES[name] for name in _names(part)))


def _object(part: Mapping[str, Any], parts: Mapping[str, Any], types: set[type]) -> _Check:
    """The plain fields, which are most, are checked without a call each: logs have millions of records."""
    plain = {name: _types(one) for name, one in part["properties"].items() if _names(one) and _PLAIN.issuperset(_names(one))}
    others = {name: _check(one, parts) for name, one in part["properties"].items() if name not in plain}
    required = frozenset(part.get("required", ())) - _LATER

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return type(value) in types
        if not required <= value.keys():
            return False
        for name, one in value.items():
            if (allowed := plain.get(name)) is not None:
                if type(one) not in allowed or (type(one) is int and not -_LARGEST < one < _LARGEST):
                    return False
            elif name in others and not others[name](one):
                return False
        return True

    return check
