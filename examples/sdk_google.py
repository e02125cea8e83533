"""The google-genai SDK: Gemini's streamGenerateContent."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from google import genai

from sdk_answers import TIMEOUT, Answer, Tool

_MS: Final = 1000


@lru_cache
def _google(base_url: str) -> Any:
    return genai.Client(api_key="none", http_options={"base_url": base_url, "timeout": int(TIMEOUT * _MS)})


class _Contents:
    """Adds up the parts of the first candidate."""

    def __init__(self) -> None:
        self.answer = Answer()

    def add(self, chunk: Any) -> None:
        usage = chunk.usage_metadata
        if usage:
            self.answer.usage = (usage.prompt_token_count, usage.candidates_token_count)
        for candidate in (chunk.candidates or ())[:1]:
            if candidate.finish_reason:
                self.answer.stop = str(getattr(candidate.finish_reason, "value", candidate.finish_reason))
            for part in (candidate.content.parts if candidate.content else None) or ():
                self._add_part(part)

    def _add_part(self, part: Any) -> None:
        if call := part.function_call:
            self.answer.tools.append(Tool(call.id, call.name, json.dumps(call.args)))
        elif part.thought:
            self.answer.reasoning += part.text or ""
        else:
            self.answer.text += part.text or ""


def contents(base_url: str, model: str) -> Answer:
    """`models.generate_content_stream()`."""
    added = _Contents()
    google = _google(base_url)  # held here: what the cache lets go of is closed
    for chunk in google.models.generate_content_stream(model=model, contents="When is high tide?"):
        added.add(chunk)
    return added.answer
