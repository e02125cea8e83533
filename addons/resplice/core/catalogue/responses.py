"""What OpenAI Responses promises about its events."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import GITHUB, ITEM_DONE, ITEM_OPEN, RESPONSE_OPEN, Fault, Touches
from resplice.core.kinds import Kind

_REFERENCE: Final = "https://platform.openai.com/docs/api-reference/responses-streaming"
_HERE: Final = ("openai-responses",)

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.TYPE_MISSING,
        "responses",
        "a payload without `type`, which only the `event:` line tells: SDKs route by the payload",
        "`type` from the event's name",
        "the API documents both as equal; only where the payload has the members of such an event",
        _REFERENCE,
        _HERE,
        example=(
            "event: response.created⏎"
            'data: {"sequence_number":0,"response":{"id":"resp_1","object":"response",'
            '"status":"in_progress","model":"m","output":[]}}⏎⏎'
        ),
        touches=Touches.FIELDS,
        also_from="a payload that lost its type, and who knows what else",
        proof="no event of this stream has come with its type, and the payload has the members of such an event",
    ),
    Fault(
        Kind.CREATED_MISSING,
        "responses",
        "the first event is not `response.created`, and the client did not ask for the rest of a stream: SDKs' helpers raise",
        "`response.created` of the response that the first event holds; where it holds none, the error event",
        "it says that there is a response, and nothing of what is in it",
        GITHUB + "Sophomoresty/gemini-web2api/pull/57",
        _HERE,
        example=(
            "event: response.in_progress⏎"
            'data: {"type":"response.in_progress","sequence_number":0,"response":{"id":"resp_1","object":"response",'
            '"status":"in_progress","model":"m","output":[]}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the stream's beginning was lost",
        proof="the first event holds the response, of which nothing has been said before",
    ),
    Fault(
        Kind.ITEM_NOT_ANNOUNCED,
        "responses",
        "an item grows or is finished without `response.output_item.added`: SDKs look it up and raise",
        "announced, as it must have begun; a tool call's arguments wait for its name, and then go out in one piece",
        "text and reasoning need nothing but their type to begin; of a call nothing is made up",
        GITHUB + "BerriAI/litellm/pull/24445",
        _HERE,
        before=RESPONSE_OPEN,
        example=(
            "event: response.output_text.delta⏎"
            'data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"delta":"Hel"}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the item's beginning was lost, and content with it",
        proof="the item is said a second time in full, and agrees; else the answer ends in an error",
    ),
    Fault(
        Kind.PART_NOT_ANNOUNCED,
        "responses",
        "a part of an item grows without `response.content_part.added`: `IndexError` in openai-python",
        "announced, empty",
        "what grows tells its type",
        GITHUB + "BerriAI/litellm/pull/24445",
        _HERE,
        before=ITEM_OPEN,
        example=(
            "event: response.output_text.delta⏎"
            'data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"delta":"Hel"}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the part's beginning was lost, and content with it",
        proof="the part is said a second time in full, and agrees; else the answer ends in an error",
    ),
    Fault(
        Kind.ANNOUNCED_TWICE,
        "responses",
        "the same item or part is announced twice: openai-python raises, others keep an empty one beside it",
        "the second is dropped",
        "same place, same type, same id; it says nothing that the first did not",
        _REFERENCE,
        _HERE,
        before=ITEM_OPEN,
        example=(
            "event: response.output_item.added⏎"
            'data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,'
            '"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="every event was doubled",
        proof="same place, same type, same id, and deltas are not doubled",
    ),
    Fault(
        Kind.SEQUENCE_NUMBER,
        "responses",
        "an event was added or dropped in front of this one: its number would be another one's",
        "the next number; gaps that the upstream made stay",
        "numbers tell the order of events, which stays",
        GITHUB + "Wei-Shaw/sub2api/pull/7129",
        _HERE,
        before=ITEM_OPEN,
        example=(
            "event: response.output_text.delta⏎"
            'data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"delta":"Hel"}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.COMPLETED_OUTPUT,
        "responses",
        "`response.completed` with `output` null or empty: helpers raise, or report an empty answer",
        "built from the items that `response.output_item.done` brought, up to 4 MiB; where one is missing, the error event",
        "the API sends the same objects in both places",
        GITHUB + "openai/openai-python/issues/3312",
        _HERE,
        before=ITEM_DONE,
        example=(
            "event: response.completed⏎"
            'data: {"type":"response.completed","sequence_number":3,"response":{"id":"resp_1","status":"completed","output":[]}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.COMPLETED_USAGE,
        "responses",
        "usage under the names of chat completions, or without details: `missing field input_tokens` in Codex",
        "this API's names beside them; details that are missing are 0",
        "the same numbers; nothing else is counted",
        GITHUB + "BigPizzaV3/CodexPlusPlus/pull/1908",
        _HERE,
        before=ITEM_DONE,
        example=(
            "event: response.completed⏎"
            'data: {"type":"response.completed","sequence_number":3,"response":{"id":"resp_1","status":"completed",'
            '"output":[{"id":"msg_1","type":"message"}],'
            '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TERMINAL_NAME,
        "responses",
        "`response.done` as the last event: no SDK knows it",
        "the name that belongs to the response's status",
        "the status says how the response ended",
        GITHUB + "decolua/9router/pull/3902",
        _HERE,
        before=ITEM_DONE,
        example=(
            "event: response.done⏎"
            'data: {"type":"response.done","sequence_number":3,"response":{"id":"resp_1","status":"completed",'
            '"output":[{"id":"msg_1","type":"message"}]}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.COMPLETED_MISSING,
        "responses",
        "the stream ends behind finished items without `response.completed`: Codex reconnects, and asks again",
        "`response.completed` with the finished items and no usage, where `resplice_on` names it; else the error event",
        "whether another item would have followed can't be known: opt-in",
        GITHUB + "router-for-me/CLIProxyAPI/issues/2358",
        _HERE,
        opt_in=True,
        before=ITEM_OPEN,
        example=(
            "event: response.output_item.done⏎"
            'data: {"type":"response.output_item.done","sequence_number":2,"output_index":0,'
            '"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}⏎⏎'
        ),
        touches=Touches.EVENTS,
    ),
    Fault(
        Kind.ITEM_ID,
        "responses",
        "the id of an item changes from event to event, or there is none: helpers raise, the AI SDK does not find its parts",
        "the first id in all events of the item, one of ours where it has none; behind an id that held, the error event",
        "the output index tells to which item an event belongs",
        GITHUB + "BerriAI/litellm/issues/30071",
        _HERE,
        before=ITEM_OPEN,
        example=(
            "event: response.output_text.delta⏎"
            'data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_2","output_index":0,'
            '"content_index":0,"delta":"Hel"}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.OUTPUT_INDEX,
        "responses",
        "a second item under the index of one that is finished: Codex drops it, openai-python's helper raises",
        "the next index, in all events of the new item",
        "the item that had the index is finished, and the new one has another id",
        GITHUB + "decolua/9router/issues/2611",
        _HERE,
        before=ITEM_DONE,
        example=(
            "event: response.output_item.added⏎"
            'data: {"type":"response.output_item.added","sequence_number":3,"output_index":0,'
            '"item":{"id":"msg_2","type":"message","role":"assistant","content":[]}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TAIL_MISSING,
        "responses",
        "deltas of a text are missing, or one is damaged: who adds them up has less than was said",
        "one more delta, with what is missing, before the whole text; behind a damaged one nothing until then",
        "the text is said a second time, and begins with what came, and ends with what came behind a damaged one",
        _REFERENCE,
        _HERE,
        before=ITEM_OPEN,
        example=(
            "event: response.output_text.delta⏎"
            'data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"delta":"Hel"}⏎⏎'
            "event: response.output_text.done⏎"
            'data: {"type":"response.output_text.done","sequence_number":4,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"text":"Hello"}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the second copy has more than the model said",
        proof="the second copy begins with all that the deltas said, or has one gap, where the one event was damaged",
    ),
    Fault(
        Kind.SNAPSHOT_EMPTY,
        "responses",
        "what was said in deltas is empty where it is said again: who takes the snapshot has nothing",
        "what the deltas said; an item's first id",
        "the snapshot says nothing else; where it does, the error event",
        GITHUB + "agentgateway/agentgateway/pull/2281",
        _HERE,
        before=ITEM_OPEN,
        example=(
            "event: response.output_text.delta⏎"
            'data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"delta":"Hello"}⏎⏎'
            "event: response.output_item.done⏎"
            'data: {"type":"response.output_item.done","sequence_number":3,"output_index":0,'
            '"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}⏎⏎'
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.SNAPSHOT_ONLY,
        "responses",
        "an item, or its end, comes in `response.completed` alone: readers of events, and the AI SDK, have an empty answer",
        "the events that tell it, before the last one",
        "the last event has the item in full, and nothing else was said of it",
        GITHUB + "NVIDIA-NeMo/Switchyard/pull/777",
        _HERE,
        before=RESPONSE_OPEN,
        example=(
            "event: response.completed⏎"
            'data: {"type":"response.completed","sequence_number":1,"response":{"id":"resp_1","status":"completed",'
            '"output":[{"id":"msg_1","type":"message","role":"assistant",'
            '"content":[{"type":"output_text","text":"Hello","annotations":[]}]}]}}⏎⏎'
        ),
        touches=Touches.EVENTS,
        also_from="the item's events were lost on the way",
        proof="the last event has the item in full",
    ),
    Fault(
        Kind.CONTRADICTION,
        "losses",
        "what is said twice differs: a text and its second copy, the id of an item or of the response, a number that comes again",
        "error event",
        "one of the two is damaged, and no one knows which",
        _REFERENCE,
        _HERE,
        before=ITEM_OPEN,
        example=(
            "event: response.output_text.delta⏎"
            'data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"delta":"Hel"}⏎⏎'
            "event: response.output_text.done⏎"
            'data: {"type":"response.output_text.done","sequence_number":3,"item_id":"msg_1","output_index":0,'
            '"content_index":0,"text":"Howdy"}⏎⏎'
        ),
    ),
)
