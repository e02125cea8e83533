"""Members of an event that are no part of the answer: what an odd byte in one of them costs, and whom.

A byte that is no UTF-8 makes Python's SDKs raise, wherever it stands; Node's read U+FFFD in its place and go on. In a member that
no answer is made of, that is the exact answer, and the event passes untouched: no client has less than without us.
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.items import Damage, Frame
from resplice.core.kinds import Kind
from resplice.core.payload import Json, strict

_MARK: Final = "\ufffd"
_BESIDE: Final = frozenset(
    {
        "background", "created", "created_at", "eval_duration", "instructions", "load_duration", "logprobs", "max_output_tokens",
        "metadata", "model", "modelVersion", "object", "obfuscation", "parallel_tool_calls", "prompt_eval_duration", "provider",
        "reasoning_effort", "safety_identifier", "service_tier", "store", "system_fingerprint", "temperature", "tool_choice",
        "tools", "top_logprobs", "top_p", "total_duration", "truncation", "user", "x_groq",
    }
)  # fmt: skip
_WITHIN: Final = ("message", "response")
"""Objects of an event that describe the whole answer: the same members stand in them."""
_ONE_LINE: Final = re.compile(rb"(?:event:[^\r\n]*(\r\n|\n))?data:[ ]?(\{[^\r\n]*\})(?:\r\n\r|\r\n|\n)(?:\r\n|\r|\n)?")


def beside_the_answer(item: Damage) -> Frame | None:
    """The event, if nothing is wrong with it but bytes that are no UTF-8, and all of them stand beside the answer."""
    whole = _ONE_LINE.fullmatch(item.raw) if item.kind is Kind.UNPARSABLE_DATA else None
    if whole is None or _MARK.encode() in item.raw:
        return None
    text = whole[2].decode("utf-8", "replace")
    if _MARK not in text:
        return None
    try:
        value = _tidy(strict(text.encode()))
        odd = type(value) is not dict or _MARK in repr(read := _read(value)) or _MARK in (item.event or "")
    except (ValueError, RecursionError):
        return None
    if odd:
        return None
    return Frame(item.offset, item.raw, item.event, read, whole[2])


def _read(value: dict[str, Json]) -> dict[str, Json]:
    """An event as if nothing had come in beside the answer."""
    read = {}
    for key, member in value.items():
        name = key.replace(_MARK, "")
        if name in _BESIDE:
            read[name] = member.replace(_MARK, "") if type(member) is str else member
        else:
            read[key] = _read(member) if name in _WITHIN and type(member) is dict else member
    return read


def _tidy(value: Json) -> Json:
    """A value without the marks in keys over null: they say nothing, whatever they are."""
    if isinstance(value, dict):
        return {key.replace(_MARK, "") if member is None else key: _tidy(member) for key, member in value.items()}
    return [_tidy(member) for member in value] if isinstance(value, list) else value
