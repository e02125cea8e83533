"""The real OpenAI and Anthropic SDKs, used as people use them: one stream in, one comparable answer or error out.

The only thing that points them at a proxy or a local server is `base_url`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import anthropic
import openai

TIMEOUT: Final = 30.0
_ASK: Final = [{"role": "user", "content": "When is high tide?"}]
type Usage = tuple[int | None, int | None] | None


@dataclass(slots=True, eq=False)
class Tool:
    """One tool call. Arguments are the same when they are the same text, or the same JSON value."""

    id: str | None = None
    name: str | None = None
    arguments: str = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tool) or (self.id, self.name) != (other.id, other.name):
            return False
        return self.arguments == other.arguments or _same_json(self.arguments, other.arguments)

    __hash__ = None  # type: ignore[assignment] # it can change


@dataclass(slots=True)
class Answer:
    """What a client has of the model's answer at the end of the stream."""

    text: str = ""
    reasoning: str = ""
    tools: list[Tool] = field(default_factory=list)
    stop: str | None = None
    usage: Usage = None
    """Input and output tokens."""


@dataclass(slots=True)
class Failure:
    """The client was told that it failed."""

    error: str
    """Name of the exception's class, or of the error event."""
    message: str
    reported: bool
    """True for the SDK's own errors, which callers catch and retry; False when it broke on something inside."""


type Result = Answer | Failure
type Driver = Callable[[str, str], Answer]


@dataclass(frozen=True, slots=True)
class Client:
    """One way to read a stream."""

    name: str
    dialect: str
    drive: Driver
    """Base address without `/v1`, model's name -> answer. Raises what the SDK raises."""


class StreamError(Exception):
    """An error event that an SDK hands on like any other event; a consumer of events sees it."""


def ask(client: Client, base_url: str, model: str) -> Result:
    """Send one request, read its stream to the end. Never raises."""
    try:
        return client.drive(base_url, model)
    except Exception as error:  # noqa: BLE001 - whatever an SDK raises is what its user gets
        ours = isinstance(error, openai.APIError | anthropic.APIError | StreamError)
        return Failure(type(error).__name__, " ".join(str(error).split()), reported=ours)


def _same_json(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, TypeError):  # an SDK hands out whatever type the upstream sent
        return False


@lru_cache
def _openai(base_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{base_url}/v1", api_key="none", max_retries=0, timeout=TIMEOUT)


@lru_cache
def _anthropic(base_url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=base_url, api_key="none", max_retries=0, timeout=TIMEOUT)


def _chat_usage(usage: Any) -> Usage:
    return (usage.prompt_tokens, usage.completion_tokens) if usage else None


def _io_usage(usage: Any) -> Usage:
    return (usage.input_tokens, usage.output_tokens) if usage else None


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
    return client.chat.completions.create(model=model, messages=_ASK, stream=True, stream_options={"include_usage": True})


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
    with client.chat.completions.stream(model=model, messages=_ASK) as stream:
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
                self.answer.stop, self.answer.usage = event.response.status, _io_usage(event.response.usage)
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
    return Answer(final.output_text, "", tools, final.status, _io_usage(final.usage))


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
    with client.messages.create(model=model, max_tokens=64, messages=_ASK, stream=True) as stream:
        for event in stream:
            messages.add(event)
    return messages.answer


def messages_helper(base_url: str, model: str) -> Answer:
    """`messages.stream()`, which adds the events up itself."""
    client: Any = _anthropic(base_url)
    with client.messages.stream(model=model, max_tokens=64, messages=_ASK) as stream:
        final = stream.get_final_message()
    texts = "".join(block.text for block in final.content if block.type == "text")
    thoughts = "".join(block.thinking for block in final.content if block.type == "thinking")
    calls = [block for block in final.content if block.type == "tool_use"]
    tools = [Tool(call.id, call.name, json.dumps(call.input)) for call in calls]
    return Answer(texts, thoughts, tools, final.stop_reason, _io_usage(final.usage))


CLIENTS: Final = (
    Client("openai chat", "openai-chat", chat_raw),
    Client("openai chat, first id counts", "openai-chat", chat_strict),
    Client("openai chat .stream()", "openai-chat", chat_helper),
    Client("openai responses", "openai-responses", responses_raw),
    Client("openai responses .stream()", "openai-responses", responses_helper),
    Client("anthropic", "anthropic-messages", messages_raw),
    Client("anthropic .stream()", "anthropic-messages", messages_helper),
)
