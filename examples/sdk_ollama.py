"""The ollama SDK: chat and generate, streamed as JSON lines."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import ollama

from sdk_answers import ASK, TIMEOUT, Answer, Tool


@lru_cache
def _ollama(base_url: str) -> Any:
    return ollama.Client(host=base_url, timeout=TIMEOUT)


def _add_end(answer: Answer, part: Any) -> None:
    if part.done:
        answer.stop = part.done_reason or "done"
        answer.usage = (part.prompt_eval_count, part.eval_count)


def chat(base_url: str, model: str) -> Answer:
    """`chat(stream=True)`."""
    answer = Answer()
    for part in _ollama(base_url).chat(model=model, messages=ASK, stream=True):
        answer.text += part.message.content or ""
        answer.reasoning += part.message.thinking or ""
        for call in part.message.tool_calls or ():
            answer.tools.append(Tool(None, call.function.name, json.dumps(dict(call.function.arguments))))
        _add_end(answer, part)
    return answer


def generate(base_url: str, model: str) -> Answer:
    """`generate(stream=True)`."""
    answer = Answer()
    for part in _ollama(base_url).generate(model=model, prompt="When is high tide?", stream=True):
        answer.text += part.response or ""
        answer.reasoning += part.thinking or ""
        _add_end(answer, part)
    return answer
