"""The single-fault streams that lie beside this repository: what each is about, and what its exact answer is."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from unittest.mock import ANY

from resplice.core.kinds import Kind
from sdk_clients import Answer, Tool

FOLDER: Final = Path(__file__).resolve().parents[3] / "shared" / "faults"
DIALECTS: Final = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic-messages",
    "gemini-sse": "gemini",
    "ollama-ndjson": "ollama",
}
"""Folder -> dialect of the clients that read its streams."""

GROUPS: Final[dict[str, dict[str, str]]] = {
    "framing": {
        "openai-chat": "comment_mid comment_mid_after_id comment_single_nl concat_json concat_spaces_event crlf "
        "data_null empty_data event_only id_lines_ok leading_blank no_space nul_bytes pretty_noprefix retry_only "
        "split_event_data truncated_json",
        "openai-responses": "comment_mid no_event_lines split_event_data",
        "anthropic-messages": "comment comment_in_data comment_in_frame comment_mid_id concat_json concat_spaces_event "
        "cr empty_event_before_start missing_blank mixed_lf_crlf no_event_lines ping_empty_data truncated_then_event",
        "gemini-sse": "array_body blank_extra comment_single concat_json leading_blank missing_blank no_space pretty",
        "ollama-ndjson": "comment concat empty_obj spaces_line",
    },
    "encoding": {
        "openai-chat": "raw_nl_in_string u2028",
        "anthropic-messages": "bom c0_in_string invalid_utf8",
        "gemini-sse": "c0 u2028",
        "ollama-ndjson": "u2028",
    },
    "ids, keepalives, foreign events": {
        "openai-chat": "id_changes named_event_custom",
        "openai-responses": "chat_chunk_mixed keepalive_event keepalive_untyped",
        "anthropic-messages": "dup_message_start dup_message_start_new ping_first unknown_event_json",
        "gemini-sse": "empty_obj no_candidates",
    },
    "chunks and tool calls": {
        "openai-chat": "choices_empty_first choices_null created_float delta_missing finish_twice t_argsnull t_argsobj "
        "t_idchanges t_index_one t_namerepeat t_noid t_noindex t_norole t_par_same_index",
    },
    "Anthropic Messages: the order and the fields of events": {
        "anthropic-messages": "delta_nousage delta_wrong_index index_reuse no_content_block_stop start_no_content start_nousage",
    },
    "OpenAI Responses: the order and the fields of events": {
        "openai-responses": "completed_output_empty completed_output_null completed_usage_chat no_done_events no_part_added "
        "seq_gap seq_missing type_missing",
    },
    "terminals": {
        "openai-chat": "done_dup done_no_blank done_nospace done_quoted no_finish no_finish_no_done",
        "openai-responses": "done_instead_completed done_tail no_completed",
        "anthropic-messages": "no_message_stop",
        "gemini-sse": "eof_no_finish",
        "ollama-ndjson": "no_done",
    },
    "errors inside a 200": {
        "openai-chat": "error_event error_obj error_str html obj_choices_empty_error",
        "openai-responses": "error_event failed",
        "anthropic-messages": "empty_body error_after_text_api html json_body",
    },
    "healthy": {
        "openai-chat": "ok t_ok usage_null_choices_empty",
        "openai-responses": "ok",
        "anthropic-messages": "ok",
        "gemini-sse": "ok",
        "ollama-ndjson": "ok noop_chunk",
    },
}
"""The faults of which not one may end silently wrong. All others break a contract between fields of payloads."""

CONTRACT: Final = "contract"

_CHAT: Final = Answer(text="Hello", stop="stop")
_CHAT_TOOL: Final = Answer(tools=[Tool("call_a", "f", '{"x":1}')], stop="tool_calls")
_RESPONSES: Final = Answer(text="Hello", stop="completed", usage=(1, 1))
_MESSAGES: Final = Answer(text="Hello", stop="end_turn", usage=(1, 2))
_GEMINI: Final = Answer(text="Hello", stop="STOP")
_OLLAMA: Final = Answer(text="Hello", stop="stop", usage=(None, None))
_GEMINI_USAGE: Final = Answer(text="Hello", stop="STOP", usage=(1, 1))

TRUTHS: Final[dict[str, Answer | None]] = {
    # An error is the truth: the upstream says so, or it destroyed a part of the answer.
    "openai-chat/error_event": None,
    "openai-chat/error_obj": None,
    "openai-chat/error_str": None,
    "openai-chat/obj_choices_empty_error": None,
    "openai-chat/html": None,
    "openai-chat/truncated_json": None,
    "openai-chat/no_finish": None,  # nothing says that the answer was whole
    "openai-chat/no_finish_no_done": None,
    "openai-responses/error_event": None,
    "openai-responses/failed": None,
    "anthropic-messages/error_after_text_api": None,
    "anthropic-messages/empty_body": None,
    "anthropic-messages/html": None,
    "anthropic-messages/truncated_then_event": None,
    "anthropic-messages/dup_message_start_new": None,  # two messages are no answer
    # Two originals are possible.
    "openai-chat/raw_nl_in_string": None,
    "openai-chat/data_null": None,  # an event may have lost its payload
    "openai-chat/empty_data": None,
    "openai-chat/t_index_one": None,  # a call may have been lost in front of it
    "anthropic-messages/comment_in_data": None,  # no heartbeat of that shape came as a whole
    "anthropic-messages/invalid_utf8": None,  # U+FFFD is a loss
    "anthropic-messages/delta_wrong_index": None,  # a block may have lost its start
    "anthropic-messages/index_reuse": None,  # one its stop, and what came before that
    "anthropic-messages/no_content_block_stop": None,
    "ollama-ndjson/no_done": None,
    "ollama-ndjson/empty_obj": Answer(text="HelHello", stop="stop", usage=(None, None)),
    "ollama-ndjson/u2028": Answer(text="He\u2028lHello", stop="stop", usage=(None, None)),
    "gemini-sse/eof_no_finish": None,  # nothing says that the answer was whole
    # The answer differs from the healthy stream's.
    **{f"gemini-sse/{name}": _GEMINI_USAGE for name in ("ok", "no_space", "leading_blank", "no_candidates")},
    "gemini-sse/c0": Answer(text="Hel\x1blo", stop="STOP"),
    "gemini-sse/u2028": Answer(text="He\u2028llo", stop="STOP"),
    "openai-chat/u2028": Answer(text="Hel\u2028lo", stop="stop"),
    "openai-chat/usage_null_choices_empty": Answer(text="Hello", stop="stop", usage=(1, 1)),
    "openai-chat/t_noid": Answer(tools=[Tool(ANY, "f", '{"x":1}')], stop="tool_calls"),  # it may be minted
    "openai-chat/t_par_same_index": Answer(tools=[Tool("a", "f", '{"x":1}'), Tool("b", "g", '{"y":2}')], stop="tool_calls"),
    "anthropic-messages/c0_in_string": Answer(text="Hel\x1blo", stop="end_turn", usage=(1, 2)),
    "anthropic-messages/json_body": Answer(text="Hello", stop="end_turn", usage=(1, 1)),
    # One number of tokens never came, and none is made up.
    "anthropic-messages/delta_nousage": Answer(text="Hello", stop="end_turn", usage=(1, ANY)),
    "anthropic-messages/start_nousage": Answer(text="Hello", stop="end_turn", usage=(ANY, 2)),
    "anthropic-messages/tool_args_raw_ctl": Answer(tools=[Tool("t", "f", '{"a":"x\\ny"}')], stop="tool_use", usage=(1, 2)),
}
HONEST_IS_ENOUGH: Final = {
    "openai-responses/no_completed": "only the last event says that a response is complete",
}
"""Faults whose answer could be told, but where an error is what the client gets."""

GUESSES: Final = {"anthropic-messages/tool_args_raw_ctl": Kind.ARGUMENTS_CONTROL}
"""Faults whose repair is switched on for them: the model's own JSON is not strict here."""
_HEALTHY: Final = {
    "openai-chat": _CHAT,
    "openai-responses": _RESPONSES,
    "anthropic-messages": _MESSAGES,
    "gemini-sse": _GEMINI,
    "ollama-ndjson": _OLLAMA,
}
_GROUP_OF: Final = {
    f"{dialect}/{name}": group
    for group, dialects in GROUPS.items()
    for dialect, names in dialects.items()
    for name in names.split()
}


def names() -> list[str]:
    """All fault files, as `folder/name`; none where the folder is absent."""
    return [f"{folder}/{path.stem}" for folder in DIALECTS for path in sorted((FOLDER / folder).glob("*.bytes"))]


def dialect(name: str) -> str:
    """The dialect of the clients that read it."""
    return DIALECTS[name.partition("/")[0]]


def streams() -> dict[str, bytes]:
    """Their bytes."""
    return {name: (FOLDER / f"{name}.bytes").read_bytes() for name in names()}


def grouped() -> set[str]:
    """The names that stand in GROUPS."""
    return set(_GROUP_OF)


def group(name: str) -> str:
    """What it is about."""
    return _GROUP_OF.get(name, CONTRACT)


def truth(name: str) -> Answer | None:
    """The exact answer; None where only an error is honest."""
    if name in TRUTHS:
        return TRUTHS[name]
    folder, _, fault = name.partition("/")
    return _CHAT_TOOL if fault.startswith("t_") else _HEALTHY[folder]
