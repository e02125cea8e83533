"""What the payloads of a healthy stream of each API keep to. Each check raises where something tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from honesty.clients.decoding import parsed

type Payloads = list[tuple[str | None, Any]]


def need(holds: object) -> None:
    """Raise where it does not hold."""
    if not holds:
        raise ValueError


def _object(text: str) -> None:
    need(isinstance(parsed(text), dict))


# -- chat ------------------------------------------------------------------------------------------


class _Choice:
    def __init__(self) -> None:
        self.calls: dict[int, list[Any]] = {}
        self.function: str | None = None
        self.finish: str | None = None
        self.told = 0

    def add(self, choice: Any) -> None:
        delta = choice["delta"]
        need(self.finish is None)
        need("role" not in delta or self.told == 0)
        self.told += 1
        for call in delta.get("tool_calls", ()):
            self._call(call)
        if function := delta.get("function_call"):
            need(("name" in function) == (self.function is None))
            self.function = (self.function or "") + function["arguments"]
        self.finish = choice["finish_reason"]
        if self.finish:
            self._finished()

    def _call(self, call: Any) -> None:
        index = call["index"]
        if index not in self.calls:
            need(index == len(self.calls) and call["id"])
            self.calls[index] = [call["type"], ""]
            need((call.get("function") or call.get("custom"))["name"])
        else:
            need("id" not in call)
        inner = call.get("function") or call["custom"]
        self.calls[index][1] += inner["arguments"] if "function" in call else inner["input"]

    def _finished(self) -> None:
        need((self.finish == "tool_calls") == bool(self.calls))
        need((self.finish == "function_call") == (self.function is not None))
        for kind, text in self.calls.values():
            if kind == "function":
                _object(text)
        if self.function is not None:
            _object(self.function)


def chat(payloads: Payloads) -> None:
    _done(payloads)
    choices: dict[int, _Choice] = {}
    usages = 0
    for _, value in payloads[:-1]:
        need(not usages)
        if value["choices"]:
            for choice in value["choices"]:
                choices.setdefault(choice["index"], _Choice()).add(choice)
        else:
            usages += 1
            need(value["usage"])
    _finished(choices)


def _done(payloads: Payloads) -> None:
    need(payloads[-1] == (None, None))
    values = [value for _, value in payloads[:-1]]
    need(None not in values and len({value["id"] for value in values}) == 1)
    need(all(name is None for name, _ in payloads))


def _finished(choices: dict[int, _Choice]) -> None:
    need(choices and sorted(choices) == list(range(len(choices))))
    need(all(choice.finish for choice in choices.values()))


def completions(payloads: Payloads) -> None:
    _done(payloads)
    finishes: dict[int, Any] = {}
    for _, value in payloads[:-1]:
        for choice in value["choices"]:
            index = choice["index"]
            need(not finishes.get(index))
            need(isinstance(choice["text"], str))
            finishes[index] = choice["finish_reason"]
    need(finishes and sorted(finishes) == list(range(len(finishes))) and all(finishes.values()))


# -- blocks ----------------------------------------------------------------------------------------

_DELTAS: Final = {
    "text": {"text_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
}


def anthropic(payloads: Payloads) -> None:
    need(all(name == value["type"] for name, value in payloads))
    values = [value for _, value in payloads]
    need(values[0]["type"] == "message_start" and values[-1]["type"] == "message_stop" and values[-2]["type"] == "message_delta")
    kinds: list[str] = []
    open_kind: str | None = None
    signed = False
    text = ""
    for value in values[1:-2]:
        match value["type"]:
            case "content_block_start":
                need(open_kind is None and value["index"] == len(kinds))
                open_kind, text, signed = value["content_block"]["type"], "", False
                kinds.append(open_kind)
            case "content_block_delta":
                need(open_kind is not None and value["index"] == len(kinds) - 1)
                kind = value["delta"]["type"]
                need(kind in _DELTAS[open_kind or ""] and not signed)
                signed = kind == "signature_delta"
                text += value["delta"].get("partial_json", "")
            case "content_block_stop":
                need(open_kind is not None and value["index"] == len(kinds) - 1)
                need(open_kind != "thinking" or signed)
                if open_kind == "tool_use" and text:
                    _object(text)
                open_kind = None
            case _:
                raise ValueError
    need(open_kind is None and kinds)
    need((values[-2]["delta"]["stop_reason"] == "tool_use") == ("tool_use" in kinds))


class _Items:
    """What was told of the items of a response, against what is told again."""

    def __init__(self) -> None:
        self.added: dict[int, Any] = {}
        self.done: dict[int, Any] = {}
        self.texts: dict[tuple[Any, ...], str] = {}
        self.ends: dict[tuple[Any, ...], str] = {}

    def add(self, event: Any) -> None:
        kind, index = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            need(index == len(self.added) and index == len(self.done))
            self.added[index] = event["item"]
            return
        need(index in self.added and index not in self.done)
        if kind == "response.output_item.done":
            self._ended(index, event["item"])
            self.done[index] = event["item"]
            return
        need(event["item_id"] == self.added[index]["id"])
        key = (index, event.get("content_index"), event.get("summary_index"), kind.rpartition(".")[0])
        if kind.endswith(".delta"):
            need(key not in self.ends)
            self.texts[key] = self.texts.get(key, "") + event["delta"]
        elif "_part." in kind:
            self._part(key, kind, event["part"])
        else:
            text = next(event[name] for name in ("text", "arguments", "input") if name in event)
            need(self.texts.get(key, "") == text and key not in self.ends)
            self.ends[key] = text

    def _part(self, key: tuple[Any, ...], kind: str, part: Any) -> None:
        again = (*key[:3], "part")
        if kind.endswith("added"):
            need(again not in self.texts)
            self.texts[again] = ""
        else:
            need(again in self.texts and again not in self.ends)
            self.ends[again] = part["text"]
            need([text for found, text in self.ends.items() if found[:3] == key[:3]] == [part["text"]] * 2)

    def _ended(self, index: int, item: Any) -> None:
        before = self.added[index]
        need(all(before[name] == item[name] for name in ("id", "type")) and before.get("name") == item.get("name"))
        own = [text for key, text in self.ends.items() if key[0] == index]
        for kind, name in (("function_call", "arguments"), ("custom_tool_call", "input")):
            if item["type"] == kind:
                need(own == [item[name]])
        if item["type"] == "function_call":
            _object(item["arguments"])
        parts = item.get("content") or item.get("summary")
        if parts is not None:
            need([part["text"] for part in parts for _ in range(2)] == own)
        need(item.get("status", "completed") == "completed")


def responses(payloads: Payloads) -> None:
    need(all(name == value["type"] for name, value in payloads))
    values = [value for _, value in payloads]
    need([value["sequence_number"] for value in values] == list(range(len(values))))
    first, last = values[0], values[-1]
    need(first["type"] == "response.created" and last["type"] == "response.completed")
    need(first["response"]["id"] == last["response"]["id"])
    items = _Items()
    for event in values[1:-1]:
        items.add(event)
    need(len(items.added) == len(items.done) and list(items.done.values()) == last["response"]["output"])


# -- the others ------------------------------------------------------------------------------------


def gemini(payloads: Payloads) -> None:
    values = [value for _, value in payloads]
    need(values and len({value["responseId"] for value in values}) == 1)
    finishes = [candidate.get("finishReason") for value in values for candidate in value["candidates"]]
    need(finishes[-1] and not any(finishes[:-1]) and "usageMetadata" in values[-1])
    need(all(name is None for name, _ in payloads))


def ollama(payloads: Payloads) -> None:
    values = [value for _, value in payloads]
    need([value["done"] for value in values] == [False] * (len(values) - 1) + [True])
    need(len({"message" in value for value in values}) == 1 and "done_reason" in values[-1])


def bedrock(payloads: Payloads) -> None:
    names = [name for name, _ in payloads]
    need(names[0] == "messageStart" and names[-2:] == ["messageStop", "metadata"])
    index, kinds, opened, text = 0, [], False, ""
    for name, value in payloads[1:-2]:
        need(value["contentBlockIndex"] == index)
        if name == "contentBlockStart":
            need(not opened)
            kinds, opened, text = [*kinds, "tool"], True, ""
        elif name == "contentBlockDelta":
            opened = True
            text += value["delta"].get("toolUse", {}).get("input", "")
        else:
            need(name == "contentBlockStop" and opened)
            if text:
                _object(text)
            index, opened, text = index + 1, False, ""
    need(not opened and ((payloads[-2][1]["stopReason"] == "tool_use") == bool(kinds)))


CHECKS: Final[dict[str, Callable[[Payloads], None]]] = {
    "openai-chat": chat,
    "openai-completions": completions,
    "openai-responses": responses,
    "anthropic-messages": anthropic,
    "gemini": gemini,
    "gemini-array": gemini,
    "ollama": ollama,
    "bedrock-converse": bedrock,
}
