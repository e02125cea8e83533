"""Loops over chunks of chat completions and of legacy completions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from honesty.clients.decoding import ClientError, joined, member, parsed, parsed_js


def openai_node(events: Iterable[tuple[str | None, str]]) -> Iterator[Any]:
    """The payloads until `[DONE]`; the body is read to its end."""
    done = False
    for event, data in events:
        if done:
            continue
        if data.startswith("[DONE]"):
            done = True
            continue
        value = parsed_js(data)
        if isinstance(value, dict) and value.get("error"):
            raise ClientError("error")
        if event and event.startswith("thread."):
            value = {"event": event, "data": value}
        yield value


def arguments(text: str) -> Any:
    """Arguments as the value that they are; as text, where they are none."""
    try:
        return ["json", parsed(joined(text))]
    except ValueError:
        return ["text", text]


def plain(value: Any) -> Any:
    """Usage and log probabilities: whatever an SDK makes of them, as JSON values."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value


class _Choice:
    def __init__(self) -> None:
        self.texts = {"content": "", "refusal": "", "reasoning_content": "", "reasoning": ""}
        self.calls: dict[Any, dict[str, Any]] = {}
        self.function: dict[str, Any] | None = None
        self.finish: Any = None
        self.logprobs: list[Any] = []

    def add(self, choice: Any) -> None:
        self.finish = member(choice, "finish_reason") or self.finish
        if probabilities := member(choice, "logprobs"):
            self.logprobs += [plain(entry) for entry in member(probabilities, "content") or ()]
        delta = member(choice, "delta")
        if delta is None:
            return
        for name in self.texts:
            self.texts[name] += member(delta, name) or ""
        for call in member(delta, "tool_calls") or ():
            self._call(call)
        if function := member(delta, "function_call"):
            self.function = self.function or {"name": None, "arguments": ""}
            self._function(self.function, function)

    def _call(self, call: Any) -> None:
        slot = self.calls.setdefault(member(call, "index"), {"name": None, "arguments": "", "input": ""})
        function, custom = member(call, "function"), member(call, "custom")
        if custom is not None:
            slot["name"] = slot["name"] or member(custom, "name")
            slot["input"] += member(custom, "input") or ""
        else:
            self._function(slot, function)

    @staticmethod
    def _function(slot: dict[str, Any], function: Any) -> None:
        slot["name"] = slot["name"] or member(function, "name")
        slot["arguments"] += member(function, "arguments") or ""

    def answer(self) -> Any:
        calls = [(index, call["name"], arguments(call["arguments"]), joined(call["input"])) for index, call in self.calls.items()]
        function = (self.function["name"], arguments(self.function["arguments"])) if self.function else None
        return {name: joined(text) for name, text in self.texts.items()}, calls, function, self.finish, self.logprobs


def completion(chunks: Iterable[Any]) -> dict[Any, Any]:
    """The loop that everybody writes, for every choice."""
    choices: dict[Any, _Choice] = {}
    usage: Any = None
    for chunk in chunks:
        usage = plain(member(chunk, "usage")) or usage
        for choice in member(chunk, "choices") or ():
            choices.setdefault(member(choice, "index"), _Choice()).add(choice)
    return {"usage": usage} | {index: choice.answer() for index, choice in choices.items()}


def legacy(chunks: Iterable[Any]) -> dict[Any, Any]:
    """As above, for legacy completions."""
    texts: dict[Any, list[Any]] = {}
    usage: Any = None
    for chunk in chunks:
        usage = plain(member(chunk, "usage")) or usage
        for choice in member(chunk, "choices") or ():
            text = texts.setdefault(member(choice, "index"), ["", None, []])
            text[0] += member(choice, "text") or ""
            text[1] = member(choice, "finish_reason") or text[1]
            if probabilities := member(choice, "logprobs"):
                text[2].append(plain(probabilities))
    return {"usage": usage} | dict(texts)
