"""Errors, losses, and what is only noted."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import CHAT, CHAT_OPEN, GITHUB, MESSAGES, TEXT_OPEN, TOOL_OPEN, Fault, Touches
from resplice.core.kinds import Kind

_JSON: Final = "https://www.rfc-editor.org/rfc/rfc8259"

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.ERROR_SHAPE,
        "errors",
        'an error inside a 200 in a shape that SDKs ignore (`{"object":"error"}`, `error: {…}`, `event: error` on chat)',
        "the dialect's own error event",
        "it was an error; now the SDK raises it",
        GITHUB + "aaif-goose/goose/pull/8031",
        before=CHAT_OPEN,
        example='data: {"object":"error","message":"KV cache is full","code":500}⏎⏎',
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TRUNCATED_JSON,
        "losses",
        "JSON cut in the middle, often with the next header glued on",
        "error event; the next good event is found again",
        "what was cut can't be known",
        GITHUB + "openclaw/openclaw/issues/32179",
        before=TOOL_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta",'
            '"partial_json":"boundevent: content_block_delta⏎'
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"ary"}}⏎⏎'
        ),
    ),
    Fault(
        Kind.UNPARSABLE_DATA,
        "losses",
        "a payload that no repair makes strict JSON",
        "error event",
        "what was meant can't be known",
        _JSON,
        before=CHAT_OPEN,
        example='data: {"id":"c1","choices":[{"index":0,"delta":{"content":"say "Hi" now"},"finish_reason":null}]}⏎⏎',
    ),
    Fault(
        Kind.AMBIGUOUS_FRAME,
        "losses",
        "bytes that can be read as a heartbeat or as text",
        "error event",
        "both readings parse; a guess could be silently wrong",
        GITHUB + "routatic/proxy/pull/79",
        before=CHAT_OPEN,
        example=('data: {"id":"c1","choices":[{"index":0,"delta":{"content":"say :keepalive⏎⏎data: Hi"},"finish_reason":null}]}⏎⏎'),
    ),
    Fault(
        Kind.CHECKSUM_MISMATCH,
        "losses",
        "a message of AWS's event stream whose checksum, lengths or headers are wrong",
        "dropped, with all that follows; an exception message",
        "a new checksum would vouch for bytes that nobody knows; a length that may be wrong leads nowhere",
        GITHUB + "aws/aws-sdk-php/issues/3110",
        dialects=("bedrock-invoke", "bedrock-converse"),
        example="␀␀␀␐␀␀␀␀␀␀␀␀␀␀␀␀",
    ),
    Fault(
        Kind.TRUNCATED_MESSAGE,
        "losses",
        "a stream that ends in the middle of a message: botocore reports what came before it as the whole answer",
        "dropped; an exception message",
        "what was cut can't be known",
        GITHUB + "BerriAI/litellm/pull/32159",
        dialects=("bedrock-invoke", "bedrock-converse"),
        example="␀␀␀⟨AD⟩␀␀␀K",
    ),
    Fault(
        Kind.HTML_BODY,
        "losses",
        "an HTML page where events were expected",
        "error event",
        "a page is no answer",
        GITHUB + "OpenRouterArchived/openrouter-runner/issues/106",
        example="<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>⏎",
    ),
    Fault(
        Kind.JSON_BODY,
        "losses",
        "a JSON answer where a stream was asked for that can't be told as one: SDKs see no events and report an empty answer",
        "error event",
        "the client asked for events and gets a reason instead of silence",
        GITHUB + "tinyhumansai/tinyagents/pull/56",
        example='{"object":"chat.completion","choices":[{"message":{"content":"Hi"}}]}⏎',
    ),
    Fault(
        Kind.EMPTY_STREAM,
        "losses",
        "200 and no event at all",
        "error event",
        "an empty stream is no answer",
        GITHUB + "cortexkit/antigravity-auth/issues/11",
        example=": keepalive⏎⏎",
    ),
    Fault(
        Kind.NO_ANSWER,
        "losses",
        "no answer came: no headers within `resplice_headers_timeout`, or, where requests are retried, no connection",
        "a 504, or a 502, with the API's own error body",
        "not one byte of an answer was there; SDKs raise the status, and may try again",
        GITHUB + "router-for-me/CLIProxyAPI/issues/3536",
    ),
    Fault(
        Kind.ATTEMPT_DROPPED,
        "losses",
        "the answer was broken before its first event, and the request may be sent again (`resplice_retry`)",
        "dropped; what the next attempt brings takes its place",
        "not one byte of it had gone to the client",
        GITHUB + "aaif-goose/goose/pull/10779",
    ),
    Fault(
        Kind.ANSWER_INCOMPLETE,
        "losses",
        "the stream ended before its stop reason; SDKs report half an answer as success",
        "error event; nothing is closed before it",
        "whether the answer was whole can't be known",
        GITHUB + "earendil-works/pi/issues/8460",
        before=CHAT_OPEN,
        example='data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎',
    ),
    Fault(
        Kind.STOP_REASON_MISSING,
        "losses",
        "a terminal event without any stop reason before it; half an answer looks like a whole one",
        "the dialect's error event; with `resplice_on_loss=continue` a stop reason is added",
        "never a fake stop",
        GITHUB + "earendil-works/pi/issues/5793",
        dialects=(CHAT, MESSAGES),
        before=CHAT_OPEN,
        example=('data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎data: [DONE]⏎⏎'),
    ),
    Fault(
        Kind.ARGUMENTS_TRUNCATED,
        "losses",
        "the arguments of a tool call are cut, and yet the answer ends as if it were whole: SDKs report other arguments, even none",
        "error event; where the stop reason says that the answer was cut (`max_tokens`), it passes",
        "a call with other arguments than the model's is worse than none",
        GITHUB + "vercel/ai/issues/18331",
        before=TOOL_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta",'
            r'"partial_json":"{\"q\": "}}⏎⏎'
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: message_delta⏎"
            'data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},'
            '"usage":{"output_tokens":9}}⏎⏎'
            "event: message_stop⏎"
            'data: {"type":"message_stop"}⏎⏎'
        ),
    ),
    Fault(
        Kind.SPLICED_GENERATION,
        "losses",
        "a second message starts while the first is open; SDKs merge the two",
        "error event",
        "two halves are no answer",
        GITHUB + "vercel/ai/issues/18331",
        before=TEXT_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
            "event: message_start⏎"
            'data: {"type":"message_start","message":{"id":"msg_2","type":"message","role":"assistant","model":"m",'
            '"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}⏎⏎'
        ),
    ),
    Fault(
        Kind.TOOL_CALL_BROKEN,
        "losses",
        "tool arguments of two calls run into one, or a call that never gets a name: helpers report one call, or none",
        "error event; the answer never finishes with `tool_calls`",
        "a tool must not be run with arguments that nobody meant",
        GITHUB + "openai/openai-python/issues/2806",
        ("openai-chat",),
        before=CHAT_OPEN,
        example=(
            'data: {"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"m","choices":[{"index":0,"delta":'
            '{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":null}]}⏎⏎'
            'data: {"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"m","choices":[{"index":0,"delta":'
            r'{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]},"finish_reason":null}]}⏎⏎'
        ),
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
        before=CHAT_OPEN,
        example=('data: {⏎⏎data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎'),
    ),
    Fault(
        Kind.UNDELIVERED,
        "losses",
        "the client left, or the proxy stopped, while an event was incomplete",
        "nothing: nobody is there to read it",
        "it is on record",
        GITHUB + "openclaw/openclaw/issues/68412",
    ),
    Fault(
        Kind.UPSTREAM_ERROR,
        "notes",
        "the upstream's own, well-formed error event",
        "passes untouched; no stop is faked behind it",
        "nothing is changed",
        "https://openrouter.ai/docs/api-reference/streaming",
        before=CHAT_OPEN,
        example='data: {"error":{"message":"Overloaded","type":"server_error"}}⏎⏎',
    ),
    Fault(
        Kind.OVERSIZED_EVENT,
        "notes",
        "an event larger than `resplice_max_event_mib`",
        "passes raw, not inspected",
        "no byte is changed",
        GITHUB + "openai/openai-go/issues/368",
    ),
    Fault(
        Kind.SEALED_DAMAGE,
        "notes",
        "a message with the right checksums whose payload is not what its type promises",
        "passes untouched",
        "the checksum is the upstream's word for these bytes; a change would put ours in its place",
        "https://smithy.io/2.0/aws/amazon-eventstream.html",
        dialects=("bedrock-invoke", "bedrock-converse"),
        example="␀␀␀A␀␀␀0&h⟨9E⟩<␋:event-type␇␀␋messageStop␍:message-type␇␀␅event{⟨E0⟩'⟨D2⟩⟨FF⟩",
    ),
    Fault(
        Kind.CODING_UNDECLARED,
        "notes",
        "gzip or zstd data, and no `Content-Encoding` says so: SDKs have an empty answer, or fail to decode",
        "decoded, where the request asked for an LLM's stream",
        "no event stream begins with the magic number of either",
        GITHUB + "router-for-me/CLIProxyAPI/pull/1834",
    ),
    Fault(
        Kind.CODING_STALE,
        "notes",
        "a `Content-Encoding` that was left on a body which somebody has decoded: every SDK breaks off",
        "the header is dropped, where the request asked for an LLM's stream",
        "no compressed data begins as an event does",
        GITHUB + "qualixar/superlocalmemory/pull/79",
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
