"""A whole chat completion as the chunks that a client asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resplice.dialects.dialect import Json

type Object = dict[str, Json]

_HEAD: Final = ("id", "created", "model", "service_tier", "system_fingerprint")
"""What every chunk bears."""


def unfold(answer: Object) -> list[tuple[str | None, Object]] | None:
    """The chunks of an answer: for each choice the role, what it says, its tool calls, why it stopped; the usage in the last one.

    What the API adds to an answer or to a choice that no chunk is known to have is in the last one too. None where a choice has
    no message, or does not say why it stopped: then nobody can tell whether it is complete.
    """
    choices = answer.get("choices")
    if type(choices) is not list or not choices or not all(_is_complete(choice) for choice in choices):
        return None
    head = {key: answer[key] for key in _HEAD if key in answer} | {"object": "chat.completion.chunk"}
    chunks = [head | {"choices": [part]} for number, choice in enumerate(choices) for part in _parts(number, choice)]
    rest = {key: value for key, value in answer.items() if key not in _HEAD and key not in {"object", "choices"}}
    chunks[-1] |= rest
    return [(None, chunk) for chunk in chunks]


def _is_complete(choice: Json) -> bool:
    if type(choice) is not dict or type(choice.get("message")) is not dict:
        return False
    reason, calls = choice.get("finish_reason"), choice["message"].get("tool_calls")
    return type(reason) is str and bool(reason) and (not calls or (type(calls) is list and all(type(c) is dict for c in calls)))


def _parts(number: int, choice: Object) -> Iterator[Object]:
    message = choice["message"]
    index = choice["index"] if type(choice.get("index")) is int else number
    yield {"index": index, "delta": {"role": message.get("role") or "assistant", "content": ""}, "finish_reason": None}
    said = {key: value for key, value in message.items() if key not in {"role", "tool_calls"} and value not in (None, "")}
    if said:
        yield {"index": index, "delta": said, "logprobs": choice.get("logprobs"), "finish_reason": None}
    if calls := message.get("tool_calls"):
        numbered = [{"index": place} | call | {"index": place} for place, call in enumerate(calls)]
        yield {"index": index, "delta": {"tool_calls": numbered}, "finish_reason": None}
    rest = {key: value for key, value in choice.items() if key not in {"index", "message", "logprobs", "finish_reason"}}
    yield {"index": index, "delta": {}, "finish_reason": choice["finish_reason"]} | rest
