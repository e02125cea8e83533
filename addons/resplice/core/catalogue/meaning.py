"""Ids, names, keepalives."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import CHAT, CHAT_OPEN, GITHUB, MESSAGES, RESPONSES, TEXT_OPEN, Fault, Touches
from resplice.core.kinds import Kind

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.EVENT_NAME_MISSING,
        "meaning",
        "`data:` with a typed payload but no `event:` line: Anthropic SDKs ignore the frame silently",
        "`event:` from the payload's `type`",
        "the API documents both as equal",
        GITHUB + "earendil-works/pi/issues/1983",
        dialects=(MESSAGES,),
        before=TEXT_OPEN,
        example='data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎',
        touches=Touches.FRAMING,
    ),
    Fault(
        Kind.EVENT_NAME_WRONG,
        "meaning",
        "`event:` contradicts the payload's `type`; SDKs route by one or by the other",
        "the payload's known `type` wins",
        "the payload was written by the API, the line by whoever framed it",
        "https://docs.anthropic.com/en/docs/build-with-claude/streaming",
        dialects=(MESSAGES,),
        before=TEXT_OPEN,
        example=('event: message⏎data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}⏎⏎'),
        touches=Touches.FRAMING,
        also_from="the name of another event whose data was lost",
        proof="the payload says its own type, and the name is none of the API's",
    ),
    Fault(
        Kind.KEEPALIVE_ID,
        "meaning",
        "a keepalive chunk with an id of its own (`chatcmpl-keepalive`): openai-go latches it and drops every other chunk",
        "the stream's id and model; the role too, where it stands before all other chunks",
        "the API's contract: all chunks of a completion bear one id, and the first one the role",
        GITHUB + "jundot/omlx/issues/1478",
        dialects=(CHAT,),
        example=(
            'data: {"id":"chatcmpl-keepalive","choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]}⏎⏎'
            'data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},'
            '"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.FIELDS,
        proof="a chunk without content or with a keepalive's id tells nothing of the answer",
    ),
    Fault(
        Kind.CHUNK_ID,
        "meaning",
        "chunks of one completion with different ids: openai-go drops all after the first",
        "the first real id for all",
        "the API's contract: all chunks of a completion bear one id",
        GITHUB + "openai/openai-go/issues/322",
        dialects=(CHAT,),
        before=CHAT_OPEN,
        example=(
            'data: {"id":"c2","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}⏎⏎'
            'data: {"id":"c3","choices":[{"index":0,"delta":{"content":" you"},"finish_reason":null}]}⏎⏎'
        ),
        touches=Touches.FIELDS,
        also_from="chunks of another request",
        proof="no id of this choice has held for two chunks, and none that was there comes back",
    ),
    Fault(
        Kind.TYPE_DAMAGED,
        "meaning",
        "a blank, a byte order mark or another mark that no name has stands in a payload's `type`: clients pass over the event",
        "`type` as the event's name says it",
        "the type is said twice, and once whole; letters too many or too few are a loss, for a seam between two events looks so",
        "https://docs.anthropic.com/en/docs/build-with-claude/streaming",
        (MESSAGES, RESPONSES),
        before=TEXT_OPEN,
        example=(
            "event: content_block_delta⏎"
            'data: {"type":"content_ block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}⏎⏎'
        ),
        touches=Touches.TOKEN,
        also_from="none: a mark that no name has can only have come in",
        proof="the event's name says the same type, whole",
    ),
    Fault(
        Kind.KEEPALIVE_FORM,
        "meaning",
        '`{}`, `{"type":"heartbeat"}` on a stream of chunks: SDKs read `choices` and die',
        "the dialect's keepalive",
        "no field that a client could use is in it",
        GITHUB + "pollinations/pollinations/pull/6129",
        before=CHAT_OPEN,
        example='data: {"type":"heartbeat"}⏎⏎',
        touches=Touches.EVENTS,
        also_from="a payload of which everything was lost",
        proof="no member of it is one of the API's, and no event of the API's own is named",
    ),
    Fault(
        Kind.HEARTBEAT,
        "meaning",
        "the upstream is silent for longer than `resplice_heartbeat`: clients and hops behind us give up",
        "the dialect's keepalive is added, between two events",
        "by the only writer of the stream, at a frame's boundary; it holds nothing that a client could use",
        GITHUB + "BerriAI/litellm/issues/14953",
        touches=Touches.EVENTS,
        proof="it is this proxy that writes it, between two events",
    ),
    Fault(
        Kind.FOREIGN_EVENT,
        "meaning",
        "an event of a gateway's own (`event: hermes.tool.progress`) on a stream of chunks, or one whose data is no JSON, for a "
        "client that dies of it (AI SDK, openai-node's helper; openai-python of arrays)",
        "dropped; for all other clients it passes",
        "it has no meaning in the dialect; it is in the log",
        GITHUB + "NousResearch/hermes-agent/pull/7989",
        before=CHAT_OPEN,
        example=('event: hermes.tool.progress⏎data: {"tool":"search"}⏎⏎'),
        needs="client=ai-sdk",
        touches=Touches.EVENTS,
        proof="neither its name nor its payload is one of the API's",
    ),
)
