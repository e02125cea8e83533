"""What a row of the catalogue holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from resplice.core.kinds import Kind

GITHUB: Final = "https://github.com/"
CHAT: Final = "openai-chat"
RESPONSES: Final = "openai-responses"
MESSAGES: Final = "anthropic-messages"

CHAT_OPEN: Final = (
    'data: {"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"m",'
    '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}⏎⏎'
)
MESSAGE_OPEN: Final = (
    "event: message_start⏎"
    'data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
    '"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}⏎⏎'
)
TEXT_OPEN: Final = MESSAGE_OPEN + (
    'event: content_block_start⏎data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}⏎⏎'
)
TOOL_OPEN: Final = MESSAGE_OPEN + (
    "event: content_block_start⏎"
    'data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1",'
    '"name":"look","input":{}}}⏎⏎'
)
THINKING_OPEN: Final = MESSAGE_OPEN + (
    "event: content_block_start⏎"
    'data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"",'
    '"signature":""}}⏎⏎'
)
RESPONSE_OPEN: Final = (
    "event: response.created⏎"
    'data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response",'
    '"status":"in_progress","model":"m","output":[]}}⏎⏎'
)
ITEM_OPEN: Final = RESPONSE_OPEN + (
    "event: response.output_item.added⏎"
    'data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,'
    '"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}⏎⏎'
)
ITEM_DONE: Final = ITEM_OPEN + (
    "event: response.output_item.done⏎"
    'data: {"type":"response.output_item.done","sequence_number":2,"output_index":0,'
    '"item":{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello","annotations":[]}]}}⏎⏎'
)
"""How healthy streams begin, for examples that stand in their middle."""

_SIGNS: Final = {chr(0x2400 + code): chr(code) for code in range(0x20)} | {"⏎": "\n"}
_BYTE: Final = re.compile(r"⟨([0-9A-F]{2})⟩")


class Touches(StrEnum):
    """What a repair changes of the upstream's bytes, from the least to the most."""

    NOTHING = "nothing"
    FRAMING = "framing"
    """Line ends, blank lines, field names, comments, what stands around a payload."""
    BETWEEN_TOKENS = "between tokens"
    """Blanks between the JSON tokens of a payload."""
    TOKEN = "a token"  # noqa: S105 - of JSON
    """A string, a number or a word of JSON itself."""
    FIELDS = "fields of an event"
    """Members that the API's contract asks for, or forbids."""
    EVENTS = "whole events"
    """An event is made up, moved or dropped."""


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
    dialects: tuple[str, ...] = ()
    """Names of the dialects in which it is repaired; none: in all of them."""
    example: str = ""
    """A short stream with the fault, as a person reads it: ⏎ for LF, ␍ ␛ ␀ for other controls, ⟨E6⟩ for a byte of no character."""
    opt_in: bool = False
    """The repair would be a guess: it is done only where `resplice_on` names it."""
    before: str = ""
    """The healthy beginning of the stream that the example is cut from, in the same notation."""
    needs: str = ""
    """The option under which it is done, e.g. `comments=convert`, where that is not the default."""
    touches: Touches = Touches.NOTHING
    """What the repair changes."""
    also_from: str = ""
    """Which other faults give the same bytes, in one sentence; empty where there is none."""
    proof: str = ""
    """What in the stream itself proves that this reading is the right one, in one sentence. Without it the repair is a guess."""

    @property
    def is_repair(self) -> bool:
        """Something is mended, and a user may decide that it is not. Losses and notes are facts: they can't be decided away."""
        return self.group not in {"losses", "notes", "sockets"}

    @property
    def needs_proof(self) -> bool:
        """What it does may change what the model said: tokens, or whole events."""
        return self.is_repair and self.touches in {Touches.TOKEN, Touches.EVENTS}

    @property
    def opening(self) -> bytes:
        """The bytes before the example."""
        return _spelled_out(self.before)

    @property
    def wire(self) -> bytes:
        """The example's bytes; none where the fault is no matter of bytes."""
        return _spelled_out(self.example)


def _spelled_out(text: str) -> bytes:
    parts = _BYTE.split("".join(_SIGNS.get(one, one) for one in text))
    return b"".join(bytes.fromhex(part) if number % 2 else part.encode() for number, part in enumerate(parts))
