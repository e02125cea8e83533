"""The dialects that Resplice knows by itself, as one table."""

from __future__ import annotations

from typing import Final

from resplice.dialects import (
    anthropic_messages,
    bedrock,
    gemini,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
)
from resplice.dialects.dialect import Dialect, Facts, Json, Role
from resplice.dialects.table import Dialects

__all__ = [
    "BUILT_IN",
    "DIALECTS",
    "Dialect",
    "Dialects",
    "Facts",
    "Json",
    "Role",
    "by_name",
    "for_frame",
    "for_request",
]

DIALECTS: Final[tuple[Dialect, ...]] = (
    openai_chat.DIALECT,
    openai_completions.DIALECT,
    openai_responses.DIALECT,
    anthropic_messages.DIALECT,
    gemini.DIALECT,
    gemini.ARRAY,
    ollama.DIALECT,
    bedrock.INVOKE,
    bedrock.CONVERSE,
)
BUILT_IN: Final = Dialects(DIALECTS)

by_name = BUILT_IN.by_name
for_request = BUILT_IN.for_request
for_frame = BUILT_IN.for_frame
