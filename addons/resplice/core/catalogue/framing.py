"""How frames are cut."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import CHAT, CHAT_OPEN, GITHUB, RESPONSES, TEXT_OPEN, Fault, Touches
from resplice.core.kinds import Kind

_SSE: Final = "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation"
_JSON: Final = "https://www.rfc-editor.org/rfc/rfc8259"

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.SPLIT_EVENT_DATA,
        "framing",
        "`event: x⏎⏎data: {…}⏎⏎`: the name's block ends before its data; OpenAI SDKs raise, Anthropic SDKs lose it silently",
        "one frame again",
        "only where the data block has no name of its own; the payload's `type` decides",
        GITHUB + "router-for-me/CLIProxyAPI/pull/2492",
        before=TEXT_OPEN,
        example=(
            'event: content_block_delta⏎⏎data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
        ),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.EVENT_WITHOUT_DATA,
        "framing",
        "`event: x⏎⏎` alone, no data follows: OpenAI SDKs parse the empty string and die",
        "dropped; a keepalive's name becomes the dialect's keepalive",
        "an event without data carries no information",
        _SSE,
        example=(
            "event: message_start⏎⏎"
            "event: message_start⏎"
            'data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
            '"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="a frame whose data was lost, or one that was cut inside its name",
        proof="the name is a keepalive's, or the same event follows with its data; any other name without data is a loss",
    ),
    Fault(
        Kind.MISSING_BLANK_LINE,
        "framing",
        "`data: {A}⏎data: {B}⏎⏎`: joined by the SSE rules, rejected by every SDK",
        "one frame each",
        "only where each line alone is a complete JSON value",
        GITHUB + "anomalyco/opencode/issues/27365",
        before=CHAT_OPEN,
        example=(
            'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎'
            'data: {"id":"c1","choices":[{"index":0,"delta":{"content":" you"},"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.JOINED_FRAMES,
        "framing",
        "`data: {A}    event: x⏎data: {B}`, `data: {A}{B}`, `data: {A}data: {B}`: two or many events on one line",
        "one frame each, in order",
        "cut where a JSON scanner says that the value ended, never at a word inside a string",
        GITHUB + "openclaw/openclaw/issues/32179",
        before=TEXT_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
            '"text":"Hi"}}    event: content_block_delta⏎'
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
        ),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.REPEATED_DATA_PREFIX,
        "framing",
        "`data: data: {…}`: a gateway framed a frame",
        "prefix once",
        "no JSON value begins with `data:`, and no prefix of this stream is a single one",
        GITHUB + "openclaw/openclaw/issues/96497",
        example=(
            'data: data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}⏎⏎'
            'data: data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.FRAMING,
        also_from="a lost payload with the next frame glued on",
        proof="every prefix of this stream so far is doubled",
    ),
    Fault(
        Kind.MISSING_DATA_PREFIX,
        "framing",
        "a bare JSON object between frames, no `data:` before it; SSE parsers ignore the line",
        "framed",
        "a line that is a complete JSON object is no SSE field",
        GITHUB + "lemonade-sdk/lemonade/pull/2975",
        before=CHAT_OPEN,
        example='{"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.FIELD_NAME,
        "framing",
        "a field's name with a blank, a NUL or a byte order mark in it, or torn by a line break: parsers ignore the line, and "
        "with it the event",
        "the field, as it must have been",
        "no other field has a name like it, and its payload is strict JSON",
        _SSE,
        before=CHAT_OPEN,
        example='da ta: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.SPLIT_JSON,
        "framing",
        "one JSON value spread over several `data:` frames",
        "one frame again",
        "only where no part parses alone and the whole does",
        GITHUB + "1jehuang/jcode/issues/609",
        before=CHAT_OPEN,
        example=(
            'data: {"id":"c1","choices":[{"index":0,⏎⏎data: "delta":{"content":"Hello ⏎⏎data: world"},"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.FRAMING,
        also_from="inside a text: text that reads `data:`, torn by a blank line; a blank of the text's own behind `data:`",
        proof="this writer has split a value where no text can stand, and shows whether it puts a blank behind `data:`",
    ),
    Fault(
        Kind.PRETTY_JSON,
        "framing",
        "JSON over many lines, with or without `data:` before each; per-line parsers and both Google SDKs die",
        "one line",
        "line breaks between JSON tokens mean nothing",
        GITHUB + "SamSaffron/term-llm/pull/454",
        before=CHAT_OPEN,
        example=(
            "data: {⏎"
            'data:   "id": "c1",⏎'
            'data:   "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": null}]⏎'
            "data: }⏎⏎"
        ),
        touches=Touches.BETWEEN_TOKENS,
    ),
    Fault(
        Kind.HEARTBEAT_IN_FRAME,
        "framing",
        "a second writer's `: keepalive⏎⏎` in the middle of a frame: Anthropic SDKs lose the delta silently",
        "exactly those bytes are cut out",
        "the rest is one strictly valid frame; where text could be meant, it is a loss instead",
        GITHUB + "routatic/proxy/pull/79",
        before=TEXT_OPEN,
        example=(
            "event: content_block_delta⏎"
            ":keepalive⏎⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
        ),
        touches=Touches.FRAMING,
        also_from="inside a string: text that ends like a comment, and a line break",
        proof="between tokens there is no text; inside a token this very stream has sent the same comment whole",
    ),
    Fault(
        Kind.COMMENT_AS_DATA,
        "framing",
        "`data: : keepalive`: every OpenAI SDK dies of it",
        "the dialect's keepalive",
        "no JSON value begins with a colon",
        GITHUB + "anomalyco/opencode/issues/50871",
        before=CHAT_OPEN,
        example="data: : keepalive⏎⏎",
        touches=Touches.EVENTS,
        proof="no JSON value begins with a colon",
    ),
    Fault(
        Kind.COMMENT_AFTER_ID,
        "framing",
        "a comment block after an `id:` line was seen: openai-python dispatches an empty event and dies",
        "the comment stays, the blank line behind it goes",
        "a blank line behind a comment has no meaning",
        GITHUB + "openai/openai-python/issues/2722",
        dialects=(CHAT, RESPONSES),
        before=CHAT_OPEN,
        example=('id: 1⏎data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎: ping⏎⏎'),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.COMMENT,
        "framing",
        "`: ping⏎⏎` between events: legal, but openai-go before 3.43, Google's SDKs and ollama die of it",
        "nothing, but on Gemini; with `resplice_comments=convert` the dialect's keepalive, or dropped where that has no place: "
        "before a chat's id is known, behind the stop reason",
        "a comment says nothing, and the keepalive holds nothing that a client could use",
        GITHUB + "openai/openai-go/pull/621",
        before=CHAT_OPEN,
        example=": ping⏎⏎",
        needs="comments=convert",
        touches=Touches.EVENTS,
        proof="a comment holds no event",
    ),
    Fault(
        Kind.EMPTY_DATA,
        "framing",
        "`data:⏎⏎` or `data: null`: SDKs parse the empty string, or read a field of null",
        "error event; where `resplice_on` names it, the dialect's keepalive, so that watchdogs behind us still see life",
        "it may be a keepalive, or what is left of a payload that was lost: opt-in",
        GITHUB + "modelcontextprotocol/python-sdk/pull/1670",
        before=CHAT_OPEN,
        example="data:⏎⏎",
        touches=Touches.EVENTS,
        also_from="a payload that was lost",
        opt_in=True,
    ),
    Fault(
        Kind.META_ONLY,
        "framing",
        "`retry: 3000⏎⏎` or `id: 1⏎⏎` alone: openai-python dies before the first token",
        "dropped",
        "no LLM API resumes an event stream",
        GITHUB + "openai/openai-python/pull/2721",
        example=(
            "retry: 3000⏎⏎"
            'data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},'
            '"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.EVENTS,
        proof="a field other than `data` and `event` carries no payload",
    ),
    Fault(
        Kind.UNTERMINATED_FRAME,
        "framing",
        "the last frame without its blank line: openai SDKs lose the finish silently",
        "blank line added",
        "only where the frame's JSON is complete",
        GITHUB + "farion1231/cc-switch/pull/6541",
        before=CHAT_OPEN,
        example=('data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}⏎⏎data: [DONE]⏎'),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.CR_LINE_END,
        "framing",
        "lines ended by a lone CR: legal, but the last frame is lost by several clients and Codex reads none",
        "LF",
        "CR and LF are the same line end",
        GITHUB + "Soju06/codex-lb/pull/1854",
        before=CHAT_OPEN,
        example='data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}␍␍',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.JUNK_LINE,
        "framing",
        "NUL padding, a leaked chunk-size line, the remains of an event beside the whole one, between frames",
        "dropped",
        "only outside of frames, where SSE ignores it too; remains only where the next event has the very next sequence number",
        GITHUB + "maximhq/bifrost/issues/1613",
        before=CHAT_OPEN,
        example=('1a7⏎data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎'),
        touches=Touches.EVENTS,
        also_from="a frame that was cut behind its first letter",
        proof="the line is padding, or a chunk size that can be no beginning of a field's name; or the events' numbers are whole",
    ),
    Fault(
        Kind.DATA_WITHOUT_SPACE,
        "framing",
        "`data:{…}`: legal, but google-genai for Python and @google/generative-ai fail on it",
        "`data: {…}`, where the API's SDKs can't read it",
        "the same event by the standard",
        GITHUB + "googleapis/python-genai/pull/2584",
        dialects=("gemini",),
        example='data:{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}␍⏎␍⏎',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.UNREADABLE_LINE,
        "framing",
        "an `event:`, `id:`, `retry:` or comment line in an event: legal, but google-genai for Python parses it as JSON and fails, "
        "@google/genai silently skips the event",
        "the line goes, where the API's SDKs can't read it",
        "Gemini's events have no names and no ids",
        GITHUB + "googleapis/js-genai/blob/main/src/_api_client.ts",
        dialects=("gemini",),
        example='event: message⏎data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}␍⏎␍⏎',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.EXTRA_BLANK_LINE,
        "framing",
        "a blank line more than an event needs: legal, but @google/generative-ai reads nothing behind it",
        "dropped, where the API's SDKs can't read it",
        "a blank line that ends no event says nothing",
        GITHUB + "google-gemini/deprecated-generative-ai-js/blob/main/packages/main/src/requests/stream-reader.ts",
        dialects=("gemini",),
        example='␍⏎data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}␍⏎␍⏎',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.LINE_SEPARATOR,
        "framing",
        "a raw U+2028, U+2029 or U+0085 in a string: legal, but clients that split lines as Python or JavaScript do tear the event",
        "written as an escape, where the API's SDKs can't read it",
        "JSON's own escape of the same character",
        GITHUB + "modelcontextprotocol/typescript-sdk/pull/1926",
        dialects=("gemini", "ollama"),
        example='data: {"candidates":[{"content":{"parts":[{"text":"Hel⟨E2⟩⟨80⟩⟨A8⟩lo"}]},"finishReason":"STOP"}]}⏎⏎',
        touches=Touches.TOKEN,
        proof="the escape is the same character in JSON",
    ),
    Fault(
        Kind.BODY_FORM,
        "framing",
        "the body comes in another form than the one that was asked for, e.g. a JSON array where an event stream was: "
        "nothing of it can be parsed",
        "every event is written in the form that was asked for",
        "the events' JSON stays as it came, only what stands around it changes",
        GITHUB + "jeremychone/rust-genai/pull/63",
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.SSE_FRAMING,
        "framing",
        "`data: `, `event:` and `id:` lines, empty lines behind each value: framing of an event stream where lines of JSON were "
        "asked for; ollama-python fails on it",
        "the prefix goes, and the line",
        "only where the rest of the line is JSON by itself; lines of JSON have no names and no ids",
        GITHUB + "code-yeongyu/oh-my-openagent/issues/1120",
        dialects=("ollama",),
        example='data: {"model":"m","message":{"content":"Hel"},"done":false}⏎⏎',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.COMMENT_LINE,
        "framing",
        "a comment between lines of JSON, sent as a keepalive: ollama-python parses it and fails",
        "the dialect's keepalive",
        "a comment says nothing but that the server lives",
        GITHUB + "ollama/ollama-python/pull/393",
        dialects=("ollama",),
        example=": ping⏎",
        touches=Touches.EVENTS,
        proof="a comment holds no event",
    ),
    Fault(
        Kind.BLANK_LINE,
        "framing",
        "an empty line between lines of JSON: ollama-python parses it and fails",
        "the dialect's keepalive, for that is what it was",
        "an empty line says nothing but that the server lives",
        GITHUB + "ollama/ollama-python/pull/393",
        dialects=("ollama",),
        example='{"model":"m","message":{"content":"Hel"},"done":false}⏎⏎⏎',
        touches=Touches.EVENTS,
        proof="an empty line holds no event",
    ),
)
