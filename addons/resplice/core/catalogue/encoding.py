"""The bytes inside a payload."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import CHAT_OPEN, GITHUB, TEXT_OPEN, TOOL_OPEN, Fault, Touches
from resplice.core.kinds import Kind

_JSON: Final = "https://www.rfc-editor.org/rfc/rfc8259"

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.BOM,
        "encoding",
        "a byte order mark before the first frame: openai-python drops the first chunk silently",
        "dropped",
        "SSE says that one leading BOM is ignored",
        GITHUB + "openai/openai-python/pull/3819",
        example=(
            '⟨EF⟩⟨BB⟩⟨BF⟩data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.INVALID_UTF8,
        "encoding",
        "bytes that are no UTF-8 inside a payload: Python SDKs raise UnicodeDecodeError",
        "error event; in a member that is no part of the answer it passes; where `resplice_on` names it, U+FFFD in a text",
        "a character was lost, and with it whatever it said: opt-in",
        GITHUB + "ggml-org/llama.cpp/pull/28926",
        before=CHAT_OPEN,
        example='data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel⟨E6⟩⟨B8⟩lo"},"finish_reason":null}]}⏎⏎',
        touches=Touches.TOKEN,
        also_from="any character at all",
        opt_in=True,
    ),
    Fault(
        Kind.CONTROL_IN_STRING,
        "encoding",
        "a raw control character inside a JSON string: every SDK raises, agents retry forever",
        r"escaped as `\u00XX`",
        "lossless, in the model's text alone; in a key, an id, a name, in arguments it is a loss",
        GITHUB + "openclaw/openclaw/issues/14321",
        before=TEXT_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel␛lo"}}⏎⏎'
        ),
        touches=Touches.TOKEN,
        also_from="NUL: padding, or a torn buffer",
        proof="no fault is known to insert ESC, TAB and the like into text; NUL and line breaks are not of them",
    ),
    Fault(
        Kind.RAW_NEWLINE_IN_STRING,
        "encoding",
        "a raw line break inside a JSON string",
        r"error event; where `resplice_on` names it, escaped as `\n`, `\r` in the model's text",
        "whether the model or a hop broke the line nobody can tell: opt-in",
        GITHUB + "ai-dynamo/aiperf/pull/705",
        before=CHAT_OPEN,
        example=('data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel⏎lo"},"finish_reason":null}]}⏎⏎'),
        touches=Touches.TOKEN,
        also_from="a chunk closed with a blank line, a line cut at a buffer's size, a leaked chunk size",
        opt_in=True,
    ),
    Fault(
        Kind.BAD_ESCAPE,
        "encoding",
        r"`\d` or `\users` in a JSON string: no JSON escape",
        "error event; where `resplice_on` names it, the backslash is doubled in the model's text",
        "a byte behind the backslash may be lost: opt-in",
        GITHUB + "openclaw/openclaw/pull/88226",
        before=CHAT_OPEN,
        example=r'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"C:\users"},"finish_reason":null}]}⏎⏎',
        touches=Touches.TOKEN,
        also_from="a `u`, a quote or another byte lost behind the backslash",
        opt_in=True,
    ),
    Fault(
        Kind.NAN_INFINITY,
        "encoding",
        "`NaN`, `Infinity` as numbers: JavaScript and Go clients die",
        "`null`; `-9999.0` for minus infinity, as vLLM clamps log probabilities",
        "log probabilities only; the number had no JSON form, and readers expect that it may be missing",
        GITHUB + "infiniflow/ragflow/pull/15266",
        before=CHAT_OPEN,
        example=(
            'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null,'
            '"logprobs":{"content":[{"token":"Hi","logprob":-Infinity}]}}]}⏎⏎'
        ),
        touches=Touches.TOKEN,
        proof="the word stands where a value stands, and no other value is spelled with it",
    ),
    Fault(
        Kind.JUNK_BLANK,
        "encoding",
        "blanks that JSON does not know (no-break space, NUL, form feed, BOM) between tokens",
        "a blank",
        "outside of strings only, and only after the strict parser refused",
        _JSON + "#section-2",
        before=CHAT_OPEN,
        example='data: {"id":"c1","choices":␀[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎',
        touches=Touches.BETWEEN_TOKENS,
    ),
    Fault(
        Kind.JSON_IN_STRING,
        "encoding",
        "a chunk that was encoded twice: a JSON string with the JSON object in it",
        "decoded once",
        "a chunk is an object, never a string",
        GITHUB + "TheR1D/shell_gpt/issues/353",
        before=CHAT_OPEN,
        example=(
            r'data: "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}"'
            "⏎⏎"
        ),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.LONE_SURROGATE,
        "encoding",
        'an emoji cut between two deltas (`"\\ud83d"`, then `"\\ude00"`): no API takes the halves back',
        "the first half waits for the next delta of the same text; a half whose other half never comes becomes U+FFFD",
        "the two halves are one character, and no client can write either alone",
        GITHUB + "anthropics/claude-code/issues/1939",
        before=TEXT_OPEN,
        example=(
            "event: content_block_delta⏎"
            r'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud83d"}}⏎⏎'
            "event: content_block_delta⏎"
            r'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ude00"}}⏎⏎'
        ),
        touches=Touches.TOKEN,
        proof="the other half comes at the beginning of the same text's next delta",
    ),
    Fault(
        Kind.ARGUMENTS_CONTROL,
        "encoding",
        "a raw control character in a string of a tool call's arguments, which are JSON inside JSON: SDKs' helpers raise",
        "escaped, where `resplice_on` names it",
        "it is the model's own text, which is no proxy's to change: opt-in",
        GITHUB + "openclaw/openclaw/pull/141323",
        ("anthropic-messages",),
        before=TOOL_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta",'
            r'"partial_json":"{\"a\": \"x\ny\"}"}}⏎⏎'
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: message_delta⏎"
            'data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},'
            '"usage":{"output_tokens":9}}⏎⏎'
        ),
        opt_in=True,
        touches=Touches.TOKEN,
    ),
)
