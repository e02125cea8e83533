"""Ends of streams."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import CHAT, CHAT_OPEN, GITHUB, MESSAGES, RESPONSES, Fault, Touches
from resplice.core.kinds import Kind

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.TERMINAL_MISSING,
        "terminals",
        "the stop reason came, the terminal event did not",
        "terminal event added",
        "the stop reason says that the answer is complete",
        GITHUB + "NousResearch/hermes-agent/issues/90848",
        before=CHAT_OPEN,
        example='data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}⏎⏎',
        touches=Touches.EVENTS,
        also_from="the connection broke behind the stop reason",
        proof="the stop reason says that the answer is complete",
    ),
    Fault(
        Kind.TERMINAL_DUPLICATE,
        "terminals",
        "a second terminal event",
        "dropped",
        "the first one ended the stream",
        "https://platform.openai.com/docs/api-reference/chat-streaming",
        before=CHAT_OPEN,
        example=('data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}⏎⏎data: [DONE]⏎⏎data: [DONE]⏎⏎'),
        touches=Touches.EVENTS,
        proof="the first one ended the stream",
    ),
    Fault(
        Kind.TERMINAL_FOREIGN,
        "terminals",
        "`[DONE]` on a dialect that has none, for a client that dies of it: Google's SDKs; all others skip it",
        "dropped",
        "it is no event of that dialect",
        GITHUB + "anthropics/anthropic-sdk-csharp/pull/202",
        dialects=("gemini",),
        example='data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]}}],"modelVersion":"m"}⏎⏎data: [DONE]⏎⏎',
        touches=Touches.EVENTS,
        proof="the marker is no event of that API, and holds nothing",
    ),
    Fault(
        Kind.TERMINAL_EARLY,
        "terminals",
        "a terminal event with the answer still going on behind it: SDKs stop there",
        "moved to the end",
        "the stop reason had not been seen, and more content came",
        "https://platform.openai.com/docs/api-reference/chat-streaming",
        dialects=(CHAT, MESSAGES),
        before=CHAT_OPEN,
        example=(
            'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎'
            "data: [DONE]⏎⏎"
            'data: {"id":"c1","choices":[{"index":0,"delta":{"content":" you"},"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="chunks of another answer behind this one",
        proof="the stop reason had not been seen, and the same answer goes on",
    ),
    Fault(
        Kind.TERMINAL_FORM,
        "terminals",
        '`data: "[DONE]"` and the like: SDKs parse it as a chunk',
        "`data: [DONE]`",
        "a chunk is an object, never a string",
        GITHUB + "huggingface/huggingface_hub/issues/4536",
        dialects=(CHAT,),
        before=CHAT_OPEN,
        example=('data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}⏎⏎data: "[DONE]"⏎⏎'),
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.AFTER_TERMINAL,
        "terminals",
        "events after the terminal event",
        "dropped",
        "the answer was complete; SDKs have stopped reading",
        GITHUB + "earendil-works/pi/issues/5592",
        before=CHAT_OPEN,
        example=(
            'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}⏎⏎'
            "data: [DONE]⏎⏎"
            'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.EVENTS,
        proof="the answer was complete, and clients have stopped reading",
    ),
    Fault(
        Kind.DUPLICATE_START,
        "terminals",
        "`message_start` or `response.created` of the same answer again: @anthropic-ai/sdk throws",
        "dropped",
        "same id: the same message",
        GITHUB + "BerriAI/litellm/pull/33859",
        dialects=(MESSAGES, RESPONSES),
        example=(
            "event: message_start⏎"
            'data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
            '"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}⏎⏎'
            "event: message_start⏎"
            'data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
            '"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="every event was doubled",
        proof="the same id, and deltas are not doubled",
    ),
)
