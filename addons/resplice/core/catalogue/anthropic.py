"""What Anthropic Messages promises about its events."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import GITHUB, MESSAGE_OPEN, TEXT_OPEN, THINKING_OPEN, TOOL_OPEN, Fault, Touches
from resplice.core.kinds import Kind

_DOCS: Final = "https://docs.anthropic.com/en/docs/build-with-claude/streaming"
_HERE: Final = ("anthropic-messages",)

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.MESSAGE_START_MISSING,
        "messages",
        "the first event is not `message_start`: the SDKs' helpers raise",
        "`message_start` with an id of ours, no content and no usage",
        "it announces a message and says nothing of what is in it",
        GITHUB + "NousResearch/hermes-agent/issues/72833",
        _HERE,
        example=(
            'event: content_block_start⏎data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the stream's beginning was lost, and content with it",
        proof="none of this stream's beginnings came",
    ),
    Fault(
        Kind.MESSAGE_START_INCOMPLETE,
        "messages",
        "`message_start` without `content`, `usage`, `id`, `role`, `model`: accumulators append to what is not there",
        "filled: nothing yet, no tokens, an id of ours",
        "accumulators begin with the same values",
        GITHUB + "sgl-project/sglang/pull/20830",
        _HERE,
        example=('event: message_start⏎data: {"type":"message_start","message":{"id":"msg_1","role":"assistant"}}⏎⏎'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.MESSAGE_DELTA_INCOMPLETE,
        "messages",
        "`message_delta` without `usage`, `output_tokens` or `delta`: every SDK raises",
        "the last number of tokens that the upstream said, else 0; a delta that says nothing",
        "no number is invented, and no stop reason",
        GITHUB + "earendil-works/pi/issues/6567",
        _HERE,
        before=TEXT_OPEN,
        example=(
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: message_delta⏎"
            'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.BLOCK_START_MISSING,
        "messages",
        "a delta of text or thinking for a block that is not open: SDKs raise or lose it",
        "`content_block_start` of the delta's type; with an index that no block bears it grows the only open one of its type",
        "text and thinking need nothing but their type to be begun, and stay in the order in which they came",
        GITHUB + "NousResearch/hermes-agent/issues/72833",
        _HERE,
        before=MESSAGE_OPEN,
        example=(
            'event: content_block_delta⏎data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the block's beginning was lost, and content with it",
        proof="none of this stream's beginnings came",
    ),
    Fault(
        Kind.BLOCK_START_DUPLICATE,
        "messages",
        "the same `content_block_start` twice: SDKs append an empty block, which the API refuses when it is sent back",
        "the second is dropped",
        "same index, same block, and nothing came between them",
        GITHUB + "ollama/ollama/issues/17101",
        _HERE,
        before=MESSAGE_OPEN,
        example=(
            "event: content_block_start⏎"
            'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
            "event: content_block_start⏎"
            'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="every event was doubled",
        proof="the same bytes, nothing between them, and deltas are not doubled",
    ),
    Fault(
        Kind.BLOCK_STOP_MISSING,
        "messages",
        "`content_block_stop` never comes: clients that act on it never run the tool",
        "added where the index is taken by another block, or before the `message_delta` that ends the message; not earlier: "
        "blocks may overlap",
        "behind either nothing can belong to the block any more",
        GITHUB + "looplj/axonhub/pull/2000",
        _HERE,
        before=TOOL_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}⏎⏎'
            "event: message_delta⏎"
            'data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},'
            '"usage":{"output_tokens":9}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the block's end was lost, and content with it",
        proof="the next block begins, or the message ends: nothing can belong to the block any more",
    ),
    Fault(
        Kind.BLOCK_STOP_DUPLICATE,
        "messages",
        "`content_block_stop` twice: a client that acts on it runs the tool twice",
        "the second is dropped",
        "the block is closed already",
        _DOCS,
        _HERE,
        before=TEXT_OPEN,
        example=(
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="every event was doubled",
        proof="the block is closed, and deltas are not doubled",
    ),
    Fault(
        Kind.BLOCK_INDEX,
        "messages",
        "an index that is used twice, left out or missing: SDKs look blocks up by their place, Claude Code says "
        "`Content block is not a text block`",
        "each block's index becomes its place in the message, in all of its events",
        "a start says that a block is another one, whatever its number; the order stays",
        GITHUB + "ollama/ollama/issues/17101",
        _HERE,
        before=THINKING_OPEN,
        example=(
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: content_block_start⏎"
            'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.BLOCK_UNKNOWN,
        "losses",
        "an event of a block that never started and can't be begun for it: a tool call has a name and an id; a call that is made "
        "again under its own id, or whose place is taken while its arguments are incomplete",
        "error event",
        "a name can't be invented, and what was lost may be anything",
        GITHUB + "NousResearch/hermes-agent/issues/72833",
        _HERE,
        before=MESSAGE_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}⏎⏎'
        ),
    ),
    Fault(
        Kind.SIGNATURE_MISSING,
        "notes",
        "a block of thinking without its `signature_delta`: the API refuses it when it is sent back",
        "nothing: it can't be invented",
        "signatures are never touched",
        GITHUB + "openclaw/openclaw/issues/84430",
        _HERE,
        before=THINKING_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}⏎⏎'
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
        ),
    ),
)
