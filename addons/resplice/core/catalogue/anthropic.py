"""What Anthropic Messages promises about its events."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import (
    CHAT,
    GITHUB,
    MESSAGE_OPEN,
    MESSAGES,
    RESPONSES,
    TEXT_OPEN,
    THINKING_OPEN,
    TOOL_OPEN,
    Fault,
    Touches,
)
from resplice.core.kinds import Kind

_DOCS: Final = "https://docs.anthropic.com/en/docs/build-with-claude/streaming"
_HERE: Final = ("anthropic-messages",)

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.MESSAGE_START_MISSING,
        "messages",
        "the first event is not `message_start`: the SDKs' helpers raise",
        "`message_start` with an id of ours, no content and no tokens, where `resplice_on` names it; else the error event",
        "a guess: what else was lost with the beginning can't be known. Opt-in",
        GITHUB + "NousResearch/hermes-agent/issues/72833",
        _HERE,
        example=(
            'event: content_block_start⏎data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
        ),
        opt_in=True,
        touches=Touches.EVENTS,
        also_from="the stream's beginning was lost, and content with it",
    ),
    Fault(
        Kind.MESSAGE_START_INCOMPLETE,
        "messages",
        "`message_start` without `content`, `id`, `role`, `model`: accumulators append to what is not there",
        "filled: nothing yet, an id of ours; where a key is damaged, the error event",
        "accumulators begin with the same values",
        GITHUB + "sgl-project/sglang/pull/20830",
        _HERE,
        example=(
            "event: message_start⏎"
            'data: {"type":"message_start","message":{"id":"msg_1","role":"assistant",'
            '"usage":{"input_tokens":3,"output_tokens":1}}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.MESSAGE_DELTA_INCOMPLETE,
        "messages",
        "`message_delta` without `delta`: every SDK raises",
        "a delta that says nothing",
        "no stop reason is invented: without one the message ends in an error",
        GITHUB + "earendil-works/pi/issues/6567",
        _HERE,
        before=TEXT_OPEN,
        example=('event: message_delta⏎data: {"type":"message_delta","usage":{"output_tokens":9}}⏎⏎'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.USAGE_MISSING,
        "messages",
        "`message_start` or `message_delta` without the numbers of tokens: the SDKs' helpers and the AI SDK raise, others go on",
        "passes as it is; 0, or the last number that the upstream said, where `resplice_on` names it",
        "a number that nobody counted would be taken for the bill. Opt-in",
        GITHUB + "earendil-works/pi/issues/6567",
        _HERE,
        before=TEXT_OPEN,
        example=(
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: message_delta⏎"
            'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null}}⏎⏎'
        ),
        opt_in=True,
        touches=Touches.FIELDS,
        also_from="the upstream counted, and the numbers were lost",
    ),
    Fault(
        Kind.BLOCK_START_MISSING,
        "messages",
        "a delta of text or thinking for a block that is not open: SDKs raise or lose it",
        "`content_block_start` of the delta's type, where `resplice_on` names it; else the error event",
        "a guess: what else was lost with the start can't be known. Opt-in",
        GITHUB + "NousResearch/hermes-agent/issues/72833",
        _HERE,
        before=MESSAGE_OPEN,
        example=(
            'event: content_block_delta⏎data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
        ),
        opt_in=True,
        touches=Touches.EVENTS,
        also_from="the block's beginning was lost, or the end of one block and the start of the next",
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
        "added before the `message_delta` that ends the message, not earlier: blocks may overlap; for a text whose end may be lost "
        "the error event",
        "the block is known to be complete",
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
        proof="the call's arguments are complete JSON; or the upstream has closed none of several blocks",
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
        "an index that is used again, or missing: SDKs look blocks up by their place, Claude Code says "
        "`Content block is not a text block`",
        "each block's index becomes its place in the message, in all of its events; an index that was left out is a loss",
        "the block that had the index is finished, and the new one is another; the order stays",
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
        "an event of a block that is not open: its start was lost, or it is closed already; a block whose index leaves others out, "
        "or is taken by a block that is still open",
        "error event",
        "what was lost may be anything",
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
    Fault(
        Kind.BLOCK_STOP_EARLY,
        "messages",
        "a tool call's block is closed while its arguments are open, and they go on behind: the AI SDK has cut arguments",
        "the stop waits for the next event; where the arguments go on it goes, and comes before `message_delta`",
        "the arguments are complete JSON in the end, or the message ends in an error",
        GITHUB + "agentgateway/agentgateway/issues/2147",
        _HERE,
        before=TOOL_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}⏎⏎'
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"}"}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the stop and a delta were swapped",
        proof="a delta of the same block follows, and its arguments are JSON that was not complete",
    ),
    Fault(
        Kind.TOOL_ID_SHARED,
        "messages",
        "two tool calls under one id: their results can't be told apart, and the API refuses the next request",
        "the second gets an id of its own",
        "the blocks' indexes tell the calls apart",
        GITHUB + "HKUDS/nanobot/issues/4473",
        _HERE,
        before=TOOL_OPEN,
        example=(
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: content_block_start⏎"
            'data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1",'
            '"name":"look","input":{}}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.END_TURN_WITH_TOOL,
        "messages",
        "`end_turn` although a tool of the client's is called: agents end their turn and never run it",
        "`tool_use`; other stop reasons stay",
        "the call is complete, and the API has no other word for a message that ends with one",
        GITHUB + "maximhq/bifrost/issues/6123",
        _HERE,
        before=TOOL_OPEN,
        example=(
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
            "event: message_delta⏎"
            'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
            '"usage":{"output_tokens":9}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.EVENT_TWICE,
        "messages",
        "every event comes twice, byte for byte; or, in a response, one does under its number: clients say it twice",
        "the second is dropped; where one comes once after that, the error event",
        "a start came twice, and so did what followed; no two events of a response have one number",
        _DOCS,
        (*_HERE, RESPONSES),
        before=MESSAGE_OPEN,
        example=(
            'event: content_block_start⏎data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
            'event: content_block_start⏎data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
            'event: content_block_delta⏎data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
            'event: content_block_delta⏎data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="a start was doubled, and the model said the same thing twice",
        proof="all events come in pairs from the first start on",
    ),
    Fault(
        Kind.NAME_DAMAGED,
        "losses",
        "a key, a type or a stop reason that lacks a part of one of the API's own, or has a byte more; a delta without its text: "
        "clients pass over it, and over what belongs to it",
        "error event",
        "what was meant is never mended, and what clients leave out is lost",
        _DOCS,
        (MESSAGES, CHAT),
        before=TEXT_OPEN,
        example=(
            'event: content_block_delta⏎data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","txt":"Hi"}}⏎⏎'
        ),
    ),
    Fault(
        Kind.ARGUMENTS_INVALID,
        "losses",
        "the arguments of a tool call are no JSON when the call ends: helpers raise, others run the tool with something else",
        "error event",
        "a call with other arguments than the model's is worse than none",
        GITHUB + "openclaw/openclaw/pull/141323",
        (MESSAGES, CHAT),
        before=TOOL_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{7}"}}⏎⏎'
            "event: content_block_stop⏎"
            'data: {"type":"content_block_stop","index":0}⏎⏎'
        ),
    ),
)
