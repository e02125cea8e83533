"""An answer while it grows: its parts in the order in which they began."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum

from resplice.dialects import Json
from resplice.dialects.dialect import numbers, short


class PartKind(StrEnum):
    """What a part of an answer is."""

    TEXT = "text"
    REASONING = "reasoning"
    TOOL_CALL = "tool_call"
    REFUSAL = "refusal"
    OTHER = "other"
    """Something of an API's own: a search, an image, a citation. Its `name` says what, its text is JSON."""


@dataclass(slots=True)
class Part:
    """A run of text, a tool call."""

    kind: PartKind
    choice: int
    name: str = ""
    """A tool's name, or what an OTHER part is."""
    call_id: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that came of it; of a tool call, its arguments."""
        return "".join(self.pieces)

    def as_json(self) -> dict[str, Json]:
        """In plain types. Arguments are an object where they are whole, else the text that came."""
        if self.kind is not PartKind.TOOL_CALL:
            named = {"name": self.name} if self.name else {}
            return {"type": self.kind.value, **named, "text": self.text}
        return {"type": self.kind.value, "id": self.call_id, "name": self.name, "arguments": parsed(self.text)}


@dataclass(slots=True)
class Answer:
    """What a stream's events add up to."""

    message_id: str | None = None
    model: str | None = None
    error: str | None = None
    usage: dict[str, int | float] | None = None
    stop_reasons: dict[int, str] = field(default_factory=dict)
    """Choice -> why it ended."""
    parts: list[Part] = field(default_factory=list)
    _by_key: dict[tuple[int, str], Part] = field(default_factory=dict)
    _newest: dict[int, Part] = field(default_factory=dict)

    def about(self, message_id: Json, model: Json) -> None:
        """Take note of the message's id and model; the first ones count."""
        self.message_id = self.message_id or short(message_id)
        self.model = self.model or short(model)

    def used(self, usage: Json) -> None:
        """Take note of token counts; later ones add to earlier ones, or correct them."""
        if found := numbers(usage):
            self.usage = (self.usage or {}) | found

    def stopped(self, choice: int, reason: Json) -> None:
        """Take note of why a choice ended."""
        if reason := short(reason):
            self.stop_reasons[choice] = reason

    def part(self, kind: PartKind, key: object, choice: int = 0, *, name: Json = "", call_id: Json = "") -> Part:
        """The part with that key, which is begun if there is none. A name or id that comes later is added."""
        found = self._by_key.get((choice, f"{kind}:{key}"))
        if found is None:
            found = self._by_key[choice, f"{kind}:{key}"] = Part(kind, choice)
            self.parts.append(found)
            self._newest[choice] = found
        found.name = found.name or short(name) or ""
        found.call_id = found.call_id or short(call_id) or ""
        return found

    def grow(self, kind: PartKind, text: Json, key: object = None, choice: int = 0) -> None:
        """Text comes to a part; where an API gives parts no key, to the newest one, if it is of that kind, else a new one.

        Anything but a text that is not empty is none.
        """
        if type(text) is not str or not text:
            return
        newest = self._newest.get(choice)
        goes_on = key is None and newest is not None and newest.kind is kind
        part = newest if goes_on and newest else self.part(kind, len(self.parts) if key is None else key, choice)
        part.pieces.append(text)

    def as_json(self) -> dict[str, Json]:
        """In plain types, for export."""
        choices = sorted({part.choice for part in self.parts} | self.stop_reasons.keys())
        return {
            "id": self.message_id,
            "model": self.model,
            "choices": [
                {
                    "index": index,
                    "parts": [part.as_json() for part in self.parts if part.choice == index],
                    "stop_reason": self.stop_reasons.get(index),
                }
                for index in choices
            ],
            "usage": self.usage,
            "error": self.error,
        }


def parsed(text: str) -> Json:
    """The JSON value that a text is, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def compact(value: Json) -> str:
    """A JSON value on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
