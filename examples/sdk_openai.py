"""The openai SDK: chat completions and responses, read as events and with its own helpers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import openai

from sdk_answers import ASK, TIMEOUT, Answer, StreamError, Tool, Usage, io_usage


@lru_cache
def _openai(base_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{base_url}/v1", api_key="none", max_retries=0, timeout=TIMEOUT)


def _chat_usage(usage: Any) -> Usage:
    return (usage.prompt_tokens, usage.completion_tokens) if usage else None


class _Chat:
    """Adds up chunks like the loop that everybody writes."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._tools: dict[int, Tool] = {}

    def add(self, chunk: Any) -> None:
        self.answer.usage = _chat_usage(chunk.usage) or self.answer.usage
        for choice in chunk.choices or ():
            self.answer.stop = choice.finish_reason or self.answer.stop
            if choice.delta:
                self._add_delta(choice.delta)

    def _add_delta(self, delta: Any) -> None:
        self.answer.text += delta.content or ""
        self.answer.reasoning += getattr(delta, "reasoning_content", None) or ""
        for call in delta.tool_calls or ():
            if call.index not in self._tools:
                self._tools[call.index] = Tool()
                self.answer.tools.append(self._tools[call.index])
            tool = self._tools[call.index]
            tool.id = tool.id or call.id
            tool.name = tool.name or call.function.name
            tool.arguments += call.function.arguments or ""


def _chat_stream(base_url: str, model: str) -> Any:
    client: Any = _openai(base_url)
    return client.chat.completions.create(model=model, messages=ASK, stream=True, stream_options={"include_usage": True})


def chat_raw(base_url: str, model: str) -> Answer:
    """`chat.completions.create(stream=True)`."""
    chat = _Chat()
    with _chat_stream(base_url, model) as stream:
        for chunk in stream:
            chat.add(chunk)
    return chat.answer


def chat_strict(base_url: str, model: str) -> Answer:
    """As `chat_raw`, with the rule of openai-go's accumulator: the first id counts, chunks with another are dropped."""
    chat, first = _Chat(), ""
    with _chat_stream(base_url, model) as stream:
        for chunk in stream:
            first = first or chunk.id
            if chunk.id == first:
                chat.add(chunk)
    return chat.answer


def chat_helper(base_url: str, model: str) -> Answer:
    """`chat.completions.stream()`, which adds the chunks up itself."""
    client: Any = _openai(base_url)
    with client.chat.completions.stream(model=model, messages=ASK) as stream:
        final = stream.get_final_completion()
    choice = final.choices[0]
    calls = choice.message.tool_calls or ()
    tools = [Tool(call.id, call.function.name, call.function.arguments) for call in calls]
    return Answer(choice.message.content or "", "", tools, choice.finish_reason, _chat_usage(final.usage))


class _Responses:
    """Adds up the events of the Responses API."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._tools: dict[int, Tool] = {}

    def add(self, event: Any) -> None:
        match event.type:
            case "response.output_item.added" if event.item.type == "function_call":
                self._tools[event.output_index] = Tool(event.item.call_id, event.item.name)
                self.answer.tools.append(self._tools[event.output_index])
            case "response.output_text.delta":
                self.answer.text += event.delta
            case "response.reasoning_text.delta" | "response.reasoning_summary_text.delta":
                self.answer.reasoning += event.delta
            case "response.function_call_arguments.delta":
                self._tools[event.output_index].arguments += event.delta
            case "response.completed" | "response.incomplete":
                self.answer.stop, self.answer.usage = event.response.status, io_usage(event.response.usage)
            case "error":
                raise StreamError(event.message)
            case "response.failed":
                raise StreamError(event.response.error.message)


def responses_raw(base_url: str, model: str) -> Answer:
    """`responses.create(stream=True)`."""
    client: Any = _openai(base_url)
    responses = _Responses()
    with client.responses.create(model=model, input="When is high tide?", stream=True) as stream:
        for event in stream:
            responses.add(event)
    return responses.answer


def responses_helper(base_url: str, model: str) -> Answer:
    """`responses.stream()`, which takes the answer from the last event."""
    client: Any = _openai(base_url)
    with client.responses.stream(model=model, input="When is high tide?") as stream:
        final = stream.get_final_response()
    if final.status == "failed":
        raise StreamError(final.error.message)
    calls = [item for item in final.output if item.type == "function_call"]
    tools = [Tool(call.call_id, call.name, call.arguments) for call in calls]
    return Answer(final.output_text, "", tools, final.status, io_usage(final.usage))
