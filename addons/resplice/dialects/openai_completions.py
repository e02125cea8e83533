"""OpenAI's legacy Completions. https://platform.openai.com/docs/api-reference/completions

Its chunks and its whole answers have one shape: an answer that came unstreamed is a stream of one chunk.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from resplice.core.echo import Hole
from resplice.core.wire import Events
from resplice.dialects import openai_chat
from resplice.dialects.dialect import Facts, Json, Role, frame
from resplice.dialects.recognition import PROOFS


def _recognise(value: dict[str, Json], _event: str | None) -> bool:
    if value.get("object") == "text_completion":
        return True
    choices = value.get("choices")
    return isinstance(choices, list) and any(isinstance(c, dict) and "text" in c and "message" not in c for c in choices)


def read(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """Tell the role of a chunk; see `Dialect.read`."""
    choices = value.get("choices")
    if type(choices) is list:
        for choice in choices:
            text = choice.get("text") if type(choice) is dict else None
            if text and type(text) is str:
                facts.text_chars += len(text)
                facts.first_token = True
    return openai_chat.read(value, event, facts)


def chunk(facts: Facts, text: str, finish_reason: str | None, index: int = 0) -> dict[str, Json]:
    """A chunk of ours, as the stream's own are."""
    return {
        "id": facts.message_id or "",
        "object": "text_completion",
        "created": facts.created or 0,
        "model": facts.model or "",
        "choices": [{"text": text, "index": index, "logprobs": None, "finish_reason": finish_reason}],
    }


def keepalive(facts: Facts) -> Events:
    """A chunk without text under the stream's own id; before that is known, and behind the stop reason, nothing."""
    return () if facts.message_id is None or facts.stopped else frame(chunk(facts, "", None))


def finish(facts: Facts) -> Events:
    """A finishing chunk for every choice that has none."""
    pending = [index for index, state in (facts.open_parts or {0: ""}).items() if not state]
    return tuple(event for index in pending for event in frame(chunk(facts, "", "stop", index)))


def choices_wanted(request: dict[str, Json]) -> int | None:
    """As many for each of the prompts as `n` says."""
    each, prompt = openai_chat.choices_wanted(request), request.get("prompt")
    is_several = type(prompt) is list and bool(prompt) and type(prompt[0]) in {str, list}
    return each * len(prompt) if each and type(prompt) is list and is_several else each


DIALECT: Final = replace(
    openai_chat.DIALECT,
    api="",  # its own contract
    name="openai-completions",
    title="OpenAI Completions (legacy)",
    paths=(re.compile(r"/completions/?$"),),  # behind the chat's in the table of dialects
    request_keys=frozenset({"prompt"}),
    recognise=_recognise,
    proof=PROOFS["openai-completions"],
    read=read,
    holes={b"text": Hole.TEXT},
    keepalive=keepalive,
    finish=finish,
    unfold=None,
    choices=choices_wanted,
)
