"""The anthropic SDK: messages, read as events and with its own helper."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import anthropic

from sdk_answers import ASK, TIMEOUT, Answer, Tool, io_usage


@lru_cache
def _anthropic(base_url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=base_url, api_key="none", max_retries=0, timeout=TIMEOUT)


class _Messages:
    """Adds up the events of Anthropic's Messages API."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._tools: dict[int, Tool] = {}
        self._input_tokens: int | None = None

    def add(self, event: Any) -> None:
        match event.type:
            case "message_start":
                self._input_tokens = event.message.usage.input_tokens
            case "content_block_start" if event.content_block.type == "tool_use":
                self._tools[event.index] = Tool(event.content_block.id, event.content_block.name)
                self.answer.tools.append(self._tools[event.index])
            case "content_block_delta":
                self._add_delta(event.index, event.delta)
            case "message_delta":
                self.answer.stop = event.delta.stop_reason
                self.answer.usage = (self._input_tokens, event.usage.output_tokens)

    def _add_delta(self, index: int, delta: Any) -> None:
        match delta.type:
            case "text_delta":
                self.answer.text += delta.text
            case "thinking_delta":
                self.answer.reasoning += delta.thinking
            case "input_json_delta":
                self._tools[index].arguments += delta.partial_json


def messages_raw(base_url: str, model: str) -> Answer:
    """`messages.create(stream=True)`."""
    client: Any = _anthropic(base_url)
    messages = _Messages()
    with client.messages.create(model=model, max_tokens=64, messages=ASK, stream=True) as stream:
        for event in stream:
            messages.add(event)
    return messages.answer


def messages_helper(base_url: str, model: str) -> Answer:
    """`messages.stream()`, which adds the events up itself."""
    client: Any = _anthropic(base_url)
    with client.messages.stream(model=model, max_tokens=64, messages=ASK) as stream:
        final = stream.get_final_message()
    texts = "".join(block.text for block in final.content if block.type == "text")
    thoughts = "".join(block.thinking for block in final.content if block.type == "thinking")
    calls = [block for block in final.content if block.type == "tool_use"]
    tools = [Tool(call.id, call.name, json.dumps(call.input)) for call in calls]
    return Answer(texts, thoughts, tools, final.stop_reason, io_usage(final.usage))
