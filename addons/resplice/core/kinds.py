"""Every fault that Resplice knows, one row each: what is broken, why the fix is safe, where it was seen.

The README's table is made from this.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Names of faults, as they stand in the log."""

    # framing
    SPLIT_EVENT_DATA = "split_event_data"
    EVENT_WITHOUT_DATA = "event_without_data"
    MISSING_BLANK_LINE = "missing_blank_line"
    JOINED_FRAMES = "joined_frames"
    REPEATED_DATA_PREFIX = "repeated_data_prefix"
    MISSING_DATA_PREFIX = "missing_data_prefix"
    SPLIT_JSON = "split_json"
    PRETTY_JSON = "pretty_json"
    HEARTBEAT_IN_FRAME = "heartbeat_in_frame"
    COMMENT_AS_DATA = "comment_as_data"
    COMMENT_AFTER_ID = "comment_after_id"
    EMPTY_DATA = "empty_data"
    META_ONLY = "meta_only"
    UNTERMINATED_FRAME = "unterminated_frame"
    CR_LINE_END = "cr_line_end"
    JUNK_LINE = "junk_line"
    OVERSIZED_EVENT = "oversized_event"
    # encoding
    BOM = "bom"
    INVALID_UTF8 = "invalid_utf8"
    CONTROL_IN_STRING = "control_in_string"
    RAW_NEWLINE_IN_STRING = "raw_newline_in_string"
    BAD_ESCAPE = "bad_escape"
    NAN_INFINITY = "nan_infinity"
    JUNK_BLANK = "junk_blank"
    JSON_IN_STRING = "json_in_string"
    # meaning
    EVENT_NAME_MISSING = "event_name_missing"
    EVENT_NAME_WRONG = "event_name_wrong"
    KEEPALIVE_ID = "keepalive_id"
    CHUNK_ID = "chunk_id"
    KEEPALIVE_FORM = "keepalive_form"
    HEARTBEAT = "heartbeat"
    FOREIGN_EVENT = "foreign_event"
    # terminals
    TERMINAL_MISSING = "terminal_missing"
    TERMINAL_DUPLICATE = "terminal_duplicate"
    TERMINAL_FOREIGN = "terminal_foreign"
    TERMINAL_EARLY = "terminal_early"
    TERMINAL_FORM = "terminal_form"
    AFTER_TERMINAL = "after_terminal"
    DUPLICATE_START = "duplicate_start"
    STOP_REASON_MISSING = "stop_reason_missing"
    # errors inside a 200
    ERROR_SHAPE = "error_shape"
    # losses
    TRUNCATED_JSON = "truncated_json"
    UNPARSABLE_DATA = "unparsable_data"
    AMBIGUOUS_FRAME = "ambiguous_frame"
    HTML_BODY = "html_body"
    JSON_BODY = "json_body"
    EMPTY_STREAM = "empty_stream"
    ANSWER_INCOMPLETE = "answer_incomplete"
    SPLICED_GENERATION = "spliced_generation"
    ENCODING_BROKEN = "encoding_broken"
    AFTER_ERROR = "after_error"
    UNDELIVERED = "undelivered"
    # notes
    UPSTREAM_ERROR = "upstream_error"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the catalogue."""

    kind: Kind
    group: str
    broken: str
    """What is wrong with the bytes, and who breaks on it."""
    repair: str
    """What is done."""
    safe: str
    """Why that can't make a right answer wrong."""
    source: str
    """One link: a specification, or the report of a real occurrence."""


_SSE: Final = "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation"
_JSON: Final = "https://www.rfc-editor.org/rfc/rfc8259"
_GH: Final = "https://github.com/"

CATALOGUE: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.SPLIT_EVENT_DATA,
        "framing",
        "`event: x⏎⏎data: {…}⏎⏎`: the name's block ends before its data; OpenAI SDKs raise, Anthropic SDKs lose it silently",
        "one frame again",
        "only where the data block has no name of its own; the payload's `type` decides",
        _GH + "router-for-me/CLIProxyAPI/pull/2492",
    ),
    Fault(
        Kind.EVENT_WITHOUT_DATA,
        "framing",
        "`event: x⏎⏎` alone, no data follows: OpenAI SDKs parse the empty string and die",
        "dropped; a keepalive's name becomes the dialect's keepalive",
        "an event without data carries no information",
        _SSE,
    ),
    Fault(
        Kind.MISSING_BLANK_LINE,
        "framing",
        "`data: {A}⏎data: {B}⏎⏎`: joined by the SSE rules, rejected by every SDK",
        "one frame each",
        "only where each line alone is a complete JSON value",
        _GH + "anomalyco/opencode/issues/27365",
    ),
    Fault(
        Kind.JOINED_FRAMES,
        "framing",
        "`data: {A}    event: x⏎data: {B}`, `data: {A}{B}`, `data: {A}data: {B}`: two or many events on one line",
        "one frame each, in order",
        "cut where a JSON scanner says that the value ended, never at a word inside a string",
        _GH + "openclaw/openclaw/issues/32179",
    ),
    Fault(
        Kind.REPEATED_DATA_PREFIX,
        "framing",
        "`data: data: {…}`: a gateway framed a frame",
        "prefix once",
        "no JSON value begins with `data:`",
        _GH + "openclaw/openclaw/issues/96497",
    ),
    Fault(
        Kind.MISSING_DATA_PREFIX,
        "framing",
        "a bare JSON object between frames, no `data:` before it; SSE parsers ignore the line",
        "framed",
        "a line that is a complete JSON object is no SSE field",
        _GH + "lemonade-sdk/lemonade/pull/2975",
    ),
    Fault(
        Kind.SPLIT_JSON,
        "framing",
        "one JSON value spread over several `data:` frames",
        "one frame again",
        "only where no part parses alone and the whole does",
        _GH + "1jehuang/jcode/issues/609",
    ),
    Fault(
        Kind.PRETTY_JSON,
        "framing",
        "JSON over many lines, with or without `data:` before each; per-line parsers and both Google SDKs die",
        "one line",
        "line breaks between JSON tokens mean nothing",
        _GH + "SamSaffron/term-llm/pull/454",
    ),
    Fault(
        Kind.HEARTBEAT_IN_FRAME,
        "framing",
        "a second writer's `: keepalive⏎⏎` in the middle of a frame: Anthropic SDKs lose the delta silently",
        "exactly those bytes are cut out",
        "the rest is one strictly valid frame; where text could be meant, it is a loss instead",
        _GH + "routatic/proxy/pull/79",
    ),
    Fault(
        Kind.COMMENT_AS_DATA,
        "framing",
        "`data: : keepalive`: every OpenAI SDK dies of it",
        "the dialect's keepalive",
        "no JSON value begins with a colon",
        _GH + "anomalyco/opencode/issues/50871",
    ),
    Fault(
        Kind.COMMENT_AFTER_ID,
        "framing",
        "a comment block after an `id:` line was seen: openai-python dispatches an empty event and dies",
        "the comment stays, the blank line behind it goes",
        "a blank line behind a comment has no meaning",
        _GH + "openai/openai-python/issues/2722",
    ),
    Fault(
        Kind.EMPTY_DATA,
        "framing",
        "`data:⏎⏎` or `data: null`: SDKs parse the empty string, or read a field of null",
        "the dialect's keepalive, so that watchdogs behind us still see life",
        "it carries nothing",
        _GH + "modelcontextprotocol/python-sdk/pull/1670",
    ),
    Fault(
        Kind.META_ONLY,
        "framing",
        "`retry: 3000⏎⏎` or `id: 1⏎⏎` alone: openai-python dies before the first token",
        "dropped",
        "no LLM API resumes an event stream",
        _GH + "openai/openai-python/pull/2721",
    ),
    Fault(
        Kind.UNTERMINATED_FRAME,
        "framing",
        "the last frame without its blank line: openai SDKs lose the finish silently",
        "blank line added",
        "only where the frame's JSON is complete",
        _GH + "farion1231/cc-switch/pull/6541",
    ),
    Fault(
        Kind.CR_LINE_END,
        "framing",
        "lines ended by a lone CR: legal, but the last frame is lost by several clients and Codex reads none",
        "LF",
        "CR and LF are the same line end",
        _GH + "Soju06/codex-lb/pull/1854",
    ),
    Fault(
        Kind.JUNK_LINE,
        "framing",
        "NUL padding, or a leaked chunk-size line, between frames",
        "dropped",
        "only outside of frames, where SSE ignores it too",
        _GH + "maximhq/bifrost/issues/1613",
    ),
    Fault(
        Kind.OVERSIZED_EVENT,
        "framing",
        "an event larger than `resplice_max_event_mib`",
        "passes raw, not inspected",
        "no byte is changed",
        _GH + "openai/openai-go/issues/368",
    ),
    Fault(
        Kind.BOM,
        "encoding",
        "a byte order mark before the first frame: openai-python drops the first chunk silently",
        "dropped",
        "SSE says that one leading BOM is ignored",
        _GH + "openai/openai-python/pull/3819",
    ),
    Fault(
        Kind.INVALID_UTF8,
        "encoding",
        "bytes that are no UTF-8 inside a payload: Python SDKs raise UnicodeDecodeError",
        "U+FFFD for the bad bytes alone; the bytes are on record",
        "the character was lost upstream; a browser shows the same",
        _GH + "ggml-org/llama.cpp/pull/28926",
    ),
    Fault(
        Kind.CONTROL_IN_STRING,
        "encoding",
        "a raw control character inside a JSON string: every SDK raises, agents retry forever",
        r"escaped as `\u00XX`",
        "lossless; only after the strict parser refused",
        _GH + "openclaw/openclaw/issues/14321",
    ),
    Fault(
        Kind.RAW_NEWLINE_IN_STRING,
        "encoding",
        "a raw line break inside a JSON string",
        r"escaped as `\n`, `\r`",
        "lossless; only where the joined value parses strictly",
        _GH + "ai-dynamo/aiperf/pull/705",
    ),
    Fault(
        Kind.BAD_ESCAPE,
        "encoding",
        r"`\d` or `\users` in a JSON string: no JSON escape",
        "backslash doubled",
        "only in the outer JSON and only after the strict parser refused; no other reading exists",
        _GH + "openclaw/openclaw/pull/88226",
    ),
    Fault(
        Kind.NAN_INFINITY,
        "encoding",
        "`NaN`, `Infinity` as numbers: JavaScript and Go clients die",
        "`null`; `-9999.0` for minus infinity, as vLLM clamps log probabilities",
        "outside of strings only; the number had no JSON form",
        _GH + "infiniflow/ragflow/pull/15266",
    ),
    Fault(
        Kind.JUNK_BLANK,
        "encoding",
        "blanks that JSON does not know (no-break space, NUL, form feed, BOM) between tokens",
        "removed",
        "outside of strings only, and only after the strict parser refused",
        _JSON + "#section-2",
    ),
    Fault(
        Kind.JSON_IN_STRING,
        "encoding",
        "a chunk that was encoded twice: a JSON string with the JSON object in it",
        "decoded once",
        "a chunk is an object, never a string",
        _GH + "TheR1D/shell_gpt/issues/353",
    ),
    Fault(
        Kind.EVENT_NAME_MISSING,
        "meaning",
        "`data:` with a typed payload but no `event:` line: Anthropic SDKs ignore the frame silently",
        "`event:` from the payload's `type`",
        "the API documents both as equal",
        _GH + "earendil-works/pi/issues/1983",
    ),
    Fault(
        Kind.EVENT_NAME_WRONG,
        "meaning",
        "`event:` contradicts the payload's `type`; SDKs route by one or by the other",
        "the payload's known `type` wins",
        "the payload was written by the API, the line by whoever framed it",
        "https://docs.anthropic.com/en/docs/build-with-claude/streaming",
    ),
    Fault(
        Kind.KEEPALIVE_ID,
        "meaning",
        "a keepalive chunk with an id of its own (`chatcmpl-keepalive`): openai-go latches it and drops every other chunk",
        "the stream's id and model; the role too, where it stands before all other chunks",
        "the API's contract: all chunks of a completion bear one id, and the first one the role",
        _GH + "jundot/omlx/issues/1478",
    ),
    Fault(
        Kind.CHUNK_ID,
        "meaning",
        "chunks of one completion with different ids: openai-go drops all after the first",
        "the first real id for all",
        "the API's contract: all chunks of a completion bear one id",
        _GH + "openai/openai-go/issues/322",
    ),
    Fault(
        Kind.KEEPALIVE_FORM,
        "meaning",
        '`{}`, `{"type":"heartbeat"}` on a stream of chunks: SDKs read `choices` and die',
        "the dialect's keepalive",
        "no field that a client could use is in it",
        _GH + "pollinations/pollinations/pull/6129",
    ),
    Fault(
        Kind.HEARTBEAT,
        "meaning",
        "the upstream is silent for longer than `resplice_heartbeat`: clients and hops behind us give up",
        "the dialect's keepalive is added, between two events",
        "by the only writer of the stream, at a frame's boundary; it holds nothing that a client could use",
        _GH + "BerriAI/litellm/issues/14953",
    ),
    Fault(
        Kind.FOREIGN_EVENT,
        "meaning",
        "an event of a gateway's own (`event: hermes.tool.progress`) on a stream of chunks, or one whose data is no JSON",
        "dropped",
        "it has no meaning in the dialect; it is in the log",
        _GH + "NousResearch/hermes-agent/pull/7989",
    ),
    Fault(
        Kind.TERMINAL_MISSING,
        "terminals",
        "the stop reason came, the terminal event did not",
        "terminal event added",
        "the stop reason says that the answer is complete",
        _GH + "NousResearch/hermes-agent/issues/90848",
    ),
    Fault(
        Kind.TERMINAL_DUPLICATE,
        "terminals",
        "a second terminal event",
        "dropped",
        "the first one ended the stream",
        "https://platform.openai.com/docs/api-reference/chat-streaming",
    ),
    Fault(
        Kind.TERMINAL_FOREIGN,
        "terminals",
        "`[DONE]` on a dialect that has none",
        "dropped",
        "it is no event of that dialect",
        _GH + "anthropics/anthropic-sdk-csharp/pull/202",
    ),
    Fault(
        Kind.TERMINAL_EARLY,
        "terminals",
        "a terminal event with the answer still going on behind it: SDKs stop there",
        "moved to the end",
        "the stop reason had not been seen, and more content came",
        "https://platform.openai.com/docs/api-reference/chat-streaming",
    ),
    Fault(
        Kind.TERMINAL_FORM,
        "terminals",
        '`data: "[DONE]"` and the like: SDKs parse it as a chunk',
        "`data: [DONE]`",
        "a chunk is an object, never a string",
        _GH + "huggingface/huggingface_hub/issues/4536",
    ),
    Fault(
        Kind.AFTER_TERMINAL,
        "terminals",
        "events after the terminal event",
        "dropped",
        "the answer was complete; SDKs have stopped reading",
        _GH + "earendil-works/pi/issues/5592",
    ),
    Fault(
        Kind.DUPLICATE_START,
        "terminals",
        "`message_start` of the same message again: @anthropic-ai/sdk throws",
        "dropped",
        "same id: the same message",
        _GH + "BerriAI/litellm/pull/33859",
    ),
    Fault(
        Kind.STOP_REASON_MISSING,
        "terminals",
        "a terminal event without any stop reason before it; half an answer looks like a whole one",
        "the dialect's error event; with `resplice_on_loss=continue` a stop reason is added",
        "never a fake stop",
        _GH + "earendil-works/pi/issues/5793",
    ),
    Fault(
        Kind.ERROR_SHAPE,
        "errors",
        'an error inside a 200 in a shape that SDKs ignore (`{"object":"error"}`, `error: {…}`, `event: error` on chat)',
        "the dialect's own error event",
        "it was an error; now the SDK raises it",
        _GH + "aaif-goose/goose/pull/8031",
    ),
    Fault(
        Kind.TRUNCATED_JSON,
        "losses",
        "JSON cut in the middle, often with the next header glued on",
        "error event; the next good event is found again",
        "what was cut can't be known",
        _GH + "openclaw/openclaw/issues/32179",
    ),
    Fault(
        Kind.UNPARSABLE_DATA,
        "losses",
        "a payload that no repair makes strict JSON",
        "error event",
        "what was meant can't be known",
        _JSON,
    ),
    Fault(
        Kind.AMBIGUOUS_FRAME,
        "losses",
        "bytes that can be read as a heartbeat or as text",
        "error event",
        "both readings parse; a guess could be silently wrong",
        _GH + "routatic/proxy/pull/79",
    ),
    Fault(
        Kind.HTML_BODY,
        "losses",
        "an HTML page where events were expected",
        "error event",
        "a page is no answer",
        _GH + "OpenRouterArchived/openrouter-runner/issues/106",
    ),
    Fault(
        Kind.JSON_BODY,
        "losses",
        "a complete JSON answer where a stream was asked for: SDKs see no events and report an empty answer",
        "error event",
        "the client asked for events and gets a reason instead of silence",
        _GH + "tinyhumansai/tinyagents/pull/56",
    ),
    Fault(
        Kind.EMPTY_STREAM,
        "losses",
        "200 and no event at all",
        "error event",
        "an empty stream is no answer",
        _GH + "cortexkit/antigravity-auth/issues/11",
    ),
    Fault(
        Kind.ANSWER_INCOMPLETE,
        "losses",
        "the stream ended before its stop reason; SDKs report half an answer as success",
        "error event, open blocks closed first",
        "whether the answer was whole can't be known",
        _GH + "earendil-works/pi/issues/8460",
    ),
    Fault(
        Kind.SPLICED_GENERATION,
        "losses",
        "a second message starts while the first is open; SDKs merge the two",
        "error event",
        "two halves are no answer",
        _GH + "vercel/ai/issues/18331",
    ),
    Fault(
        Kind.ENCODING_BROKEN,
        "losses",
        "gzip, deflate, br or zstd data that does not decode",
        "error event",
        "what was compressed is lost",
        "https://www.rfc-editor.org/rfc/rfc9110#section-8.4",
    ),
    Fault(
        Kind.AFTER_ERROR,
        "losses",
        "what the upstream still sent after the stream had been ended with an error",
        "dropped",
        "the client was told that the answer failed",
        "https://docs.anthropic.com/en/docs/build-with-claude/streaming",
    ),
    Fault(
        Kind.UNDELIVERED,
        "losses",
        "the client left, or the proxy stopped, while an event was incomplete",
        "nothing: nobody is there to read it",
        "it is on record",
        _GH + "openclaw/openclaw/issues/68412",
    ),
    Fault(
        Kind.UPSTREAM_ERROR,
        "notes",
        "the upstream's own, well-formed error event",
        "passes untouched; no stop is faked behind it",
        "nothing is changed",
        "https://openrouter.ai/docs/api-reference/streaming",
    ),
    Fault(
        Kind.INTERNAL_ERROR,
        "notes",
        "a defect of Resplice itself",
        "the stream passes raw from there on",
        "fail open: the client gets what the upstream sent",
        "https://docs.mitmproxy.org/stable/addons-overview/",
    ),
)

BY_KIND: Final[dict[Kind, Fault]] = {fault.kind: fault for fault in CATALOGUE}
