"""OpenAI Chat Completions, and the many that speak it. https://platform.openai.com/docs/api-reference/chat-streaming"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.echo import Hole
from resplice.core.wire import DONE_MARKER, Event, Events
from resplice.dialects.dialect import Dialect, Facts, Json, Role, error_message, failure_message, frame, numbers, short
from resplice.dialects.openai_answer import unfold
from resplice.dialects.recognition import PROOFS

_STANDARD_EVENTS: Final = frozenset({None, "", "message", "chunk", "completion", "chat.completion.chunk", "data"})
_CHUNK_KEYS: Final = frozenset({"choices", "usage", "id", "object", "model"})
_MAX_CHOICES: Final = 128
_ERROR_KEYS: Final = frozenset({"message", "detail", "msg"})
_FAILURES: Final = frozenset({"error", "abort", "error_finish"})
"""So a choice ends that failed. https://github.com/vllm-project/vllm/pull/57082"""


def _recognise(value: dict[str, Json], _event: str | None) -> bool:
    if value.get("object") == "chat.completion.chunk":
        return True
    choices = value.get("choices")
    if not isinstance(choices, list) or value.get("object") == "text_completion":
        return False
    return not choices or any(isinstance(choice, dict) and ("delta" in choice or "message" in choice) for choice in choices)


def read(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """Tell the role of a chunk; see `Dialect.read`."""
    facts.plain = None
    choices = value.get("choices")
    if type(choices) is not list or not choices or value.get("error"):
        return _read_unusual(value, event, facts)
    if not facts.started and _is_whole_answer(value, choices):
        return Role.WHOLE_ANSWER
    facts.started = True
    facts.chunks += 1
    if facts.closing and not is_hollow(value):
        facts.closing = False
    says_something = False
    for choice in choices:
        if type(choice) is dict and _read_choice(choice, facts):
            says_something = True
    if facts.stop_reason is not None and (failure := _failure(choices)) is not None:
        facts.error = failure
        return Role.ODD_ERROR
    return _read_role(value, choices, facts, says_something=says_something)


def _read_role(value: dict[str, Json], choices: list[Json], facts: Facts, *, says_something: bool) -> Role:
    if len(facts.part_ids) < len(facts.open_parts):
        _note_ids(value, facts)
    if facts.plain is not None:
        facts.plain = value if len(choices) == 1 else None
    if value.get("usage"):
        _read_usage(value, facts)
    elif not says_something and is_hollow(value):
        return Role.KEEPALIVE
    return Role.CONTENT


def _read_choice(choice: dict[str, Json], facts: Facts) -> bool:
    """Read one choice of a chunk. True where it has text or a finish reason; False where that takes a closer look."""
    delta, has_text, plain = choice.get("delta"), False, False
    if delta and type(delta) is dict:
        content = delta.get("content")
        if content and type(content) is str:
            facts.text_chars += len(content)
            facts.first_token = has_text = True
            plain = len(delta) == 1
        elif len(delta) > 1 or not facts.first_token or "role" in delta:
            _read_rare_delta(delta, facts)
    index = choice.get("index")
    if type(index) is not int:
        index, plain = 0, False
    reason = choice.get("finish_reason")
    if reason or choice.get("error"):
        return _read_reason(choice, index, facts)
    if plain and not index and reason is None:
        facts.plain = choice
    state = facts.open_parts.get(index)
    if state is None and len(facts.open_parts) < _MAX_CHOICES:
        facts.open_parts[index] = ""
        facts.tells_reasons |= "finish_reason" in choice
        facts.stopped = False
    elif state and not is_hollow_delta(delta):
        facts.resumed = True
    return has_text


def _read_reason(choice: dict[str, Json], index: int, facts: Facts) -> bool:
    """Read why a choice stopped. Whether it is the last one only a client's request can tell, or what follows."""
    facts.tells_reasons = True
    facts.stop_reason = short(choice.get("finish_reason")) or "error"
    if index in facts.open_parts or len(facts.open_parts) < _MAX_CHOICES:
        facts.open_parts[index] = "stopped"
    facts.stopped = all(facts.open_parts.values()) and len(facts.open_parts) >= (facts.wanted or 1)
    facts.may_add = facts.wanted is None
    return True


def _failure(choices: list[Json]) -> str | None:
    """What a choice says that failed: SDKs take what came before for the answer."""
    for choice in choices:
        if type(choice) is dict and choice.get("error"):
            return error_message(choice)
        reason = choice.get("finish_reason") if type(choice) is dict else None
        if type(reason) is str and reason in _FAILURES:
            return f"the upstream stopped with {reason!r}"
    return None


def _note_ids(value: dict[str, Json], facts: Facts) -> None:
    """The id under which each choice came first."""
    chunk_id = value.get("id")
    for index in facts.open_parts:
        facts.part_ids.setdefault(index, chunk_id if type(chunk_id) is str else None)


def _read_usage(value: dict[str, Json], facts: Facts) -> None:
    first = facts.usage is None
    facts.usage = numbers(value["usage"]) or facts.usage
    if not is_hollow(value):
        return
    facts.closing = facts.started and first and bool(value.get("choices") or not facts.tells_reasons)
    facts.may_add &= bool(value.get("choices"))


def is_hollow(value: dict[str, Json]) -> bool:
    """Whether no choice of a chunk has content or a finish reason."""
    choices = value.get("choices")
    if type(choices) is not list:
        return not choices
    return all(
        type(c) is dict and not (c.get("finish_reason") or c.get("text")) and is_hollow_delta(c.get("delta")) for c in choices
    )


def is_hollow_delta(delta: Json) -> bool:
    """Whether a delta has nothing but the role."""
    return type(delta) is not dict or not any(content for key, content in delta.items() if key != "role")


def _read_rare_delta(delta: dict[str, Json], facts: Facts) -> None:
    if delta.get("role"):
        facts.role_sent = True
    calls = delta.get("tool_calls")
    if type(calls) is list:
        facts.tool_calls += sum(1 for call in calls if type(call) is dict and call.get("id"))
        facts.first_token = True
    if delta.get("reasoning_content") or delta.get("reasoning") or delta.get("refusal"):
        facts.first_token = True


def _read_unusual(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """A payload without choices: usage, metadata, an error, a keepalive, or something of a gateway's own."""
    facts.chunks += 1
    error = value.get("error")
    if error or event == "error":
        facts.error = error_message(value)
        return Role.ERROR if isinstance(error, dict) and event in _STANDARD_EVENTS | {"error"} else Role.ODD_ERROR
    if value.get("object") == "error" or (not _CHUNK_KEYS & value.keys() and _ERROR_KEYS & value.keys() and "type" not in value):
        facts.error = error_message(value)
        return Role.ODD_ERROR
    if (failure := failure_message(value)) is not None:
        facts.error = failure
        return Role.ODD_ERROR
    if event not in _STANDARD_EVENTS and not str(event).startswith("thread."):
        return Role.FOREIGN
    if not _CHUNK_KEYS & value.keys():
        return Role.HOLLOW
    if value.get("usage"):
        _read_usage(value, facts)
    return Role.CONTENT


def _is_whole_answer(value: dict[str, Json], choices: list[Json]) -> bool:
    return value.get("object") == "chat.completion" and all(
        type(choice) is dict and "message" in choice and "delta" not in choice for choice in choices
    )


def chunk(facts: Facts, delta: dict[str, Json], finish_reason: str | None, index: int = 0) -> dict[str, Json]:
    """A chunk of ours, as the stream's own are."""
    return {
        "id": facts.message_id or "",
        "object": "chat.completion.chunk",
        "created": facts.created or 0,
        "model": facts.model or "",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}],
    }


def keepalive(facts: Facts) -> Events:
    """A chunk with the stream's own id, without a role: openai-python's `.stream()` would append it to the one it has.

    There is none before the id is known, nor behind the stop reason.
    """
    if facts.message_id is None or facts.stopped:
        return ()
    return frame(chunk(facts, {"content": ""}, None))


def error(facts: Facts, message: str) -> Events:
    """An error chunk: openai-python, openai-node and the AI SDK raise it."""
    del facts
    return frame({"error": {"message": message, "type": "server_error", "param": None, "code": "upstream_stream_error"}})


def terminal(facts: Facts) -> Events:
    """`[DONE]`."""
    del facts
    return (Event(None, DONE_MARKER),)


def finish(facts: Facts) -> Events:
    """A finishing chunk for every choice that has none."""
    reason = "tool_calls" if facts.tool_calls else "stop"
    pending = [index for index, state in (facts.open_parts or {0: ""}).items() if not state]
    return tuple(event for index in pending for event in frame(chunk(facts, {}, reason, index)))


def choices_wanted(request: dict[str, Json]) -> int | None:
    """One, unless the request says `n`."""
    n = request.get("n")
    return 1 if n is None else n if type(n) is int and 0 < n <= _MAX_CHOICES else None


DIALECT: Final = Dialect(
    name="openai-chat",
    title="OpenAI Chat Completions",
    paths=(re.compile(r"/chat/completions/?$"),),
    request_keys=frozenset({"messages"}),
    named_events=False,
    done_marker=True,
    one_id=True,
    typed_prefixes=(),
    recognise=_recognise,
    proof=PROOFS["openai-chat"],
    read=read,
    holes={b"content": Hole.TEXT, b"obfuscation": Hole.NOISE},
    keepalive=keepalive,
    error=error,
    terminal=terminal,
    finish=finish,
    own_event=lambda name: name in _STANDARD_EVENTS,
    comments_after_id=False,
    fails_twice=False,
    error_names='`data: {"error":{…}}`',
    keepalive_names="an empty chunk with the stream's own id",
    not_beside_error=("choices",),
    unfold=unfold,
    choices=choices_wanted,
)
