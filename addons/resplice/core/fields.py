"""Members of the APIs' events, by what their values are: text that the model writes, words of the API, log probabilities.

Only text may hold what a mender escapes: in a key, a name, an id, a type or a number every odd byte is damage.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = frozenset(
    {
        b"content", b"delta", b"output", b"output_text", b"reasoning", b"reasoning_content", b"refusal", b"response", b"text",
        b"thinking", b"transcript",
    }
)  # fmt: skip
"""Free text. Arguments are none: they are JSON inside of JSON, where a control character is damage again."""

WORDS: Final = frozenset(
    {
        b"call_id", b"finishReason", b"finish_reason", b"id", b"item_id", b"model", b"modelVersion", b"name", b"object",
        b"previous_response_id", b"responseId", b"role", b"service_tier", b"status", b"stop_reason", b"system_fingerprint", b"type",
    }
)  # fmt: skip
"""Ids, names and words of an API's own vocabulary: each stands on one line, and holds no blank behind a colon."""

KEYS: Final = (
    TEXT
    | WORDS
    | frozenset(
        {
            b"arguments", b"annotations", b"cache_creation_input_tokens", b"cache_read_input_tokens", b"candidates",
            b"candidatesTokenCount", b"choices", b"completion_tokens", b"completion_tokens_details", b"content_block",
            b"content_index", b"created", b"created_at", b"done", b"done_reason", b"error", b"eval_count", b"function",
            b"function_call", b"index", b"input", b"input_tokens", b"item", b"logprobs", b"message", b"output_index",
            b"output_tokens", b"part", b"partial_json", b"parts", b"promptTokenCount", b"prompt_eval_count", b"prompt_tokens",
            b"prompt_tokens_details", b"sequence_number", b"signature", b"stop_sequence", b"summary", b"tool_calls",
            b"totalTokenCount", b"total_tokens", b"usage", b"usageMetadata",
        }
    )
)  # fmt: skip
"""Names of members that the APIs document."""

LOG_PROBABILITIES: Final = frozenset(
    {b"logprob", b"logprobs", b"token_logprobs", b"top_logprobs", b"avgLogprobs", b"logProbability"}
)
"""Numbers that servers write as NaN or infinity; whoever wants one knows it can be missing."""
