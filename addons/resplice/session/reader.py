"""Reads healthy frames off a chunk, the short way: no items, no decisions, and for frames of a known shape no JSON scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from resplice.core.doorway import Doorway
from resplice.core.echo import learn
from resplice.core.sniff import Sniffer
from resplice.core.wire import Framer
from resplice.dialects import Dialect, Role
from resplice.session.contract import Fate, Listener
from resplice.session.stream import Stream

_LEARN_AFTER: Final = 16
"""So many frames in a row that no known shape fits make the next one's shape known."""
_GIVE_UP_AFTER: Final = 512


class Read(NamedTuple):
    """A healthy frame: where it ends and, unless it simply passes, what it means."""

    end: int
    role: Role | None = None
    """None: nothing to decide."""
    event: str | None = None
    value: Any = None
    fate: Fate = None
    """What the contract makes of it, if it has been shown already and does not fit."""


class Reader:
    """Reads the frames of one stream in good order. Takes them off the framer's input, and learns what they say."""

    def __init__(self, stream: Stream, framer: Framer) -> None:
        self._stream = stream
        self.framer = framer
        self._max = stream.policy.max_event_bytes
        self._hear: Callable[[bytes, int | None], bool] | None = None
        """Whom to tell of frames of the known shape."""
        self._counts_text = False
        self._misses = 0
        self._patience = _LEARN_AFTER
        self._unused = False
        """The known shape has not been met since it was learnt: the stream has others, each but once."""

    def echoes(self, data: bytes, pos: int) -> tuple[int, int]:
        """How far healthy frames of the known shape reach from `pos` on, and how many they are."""
        stream = self._stream
        facts, echo = stream.facts, stream.echo
        if echo is None or facts.closing or stream.ids.are_several:
            return pos, 0
        pattern, text, counter = echo
        begin, size, hear = pos, len(data), self._hear
        frames = chars = 0
        while pos < size:
            again = pattern.match(data, pos)
            if again is None or again.end() - pos > self._max:
                break
            said = again[text]
            number = int(again[counter]) if counter else None
            if hear is not None and not hear(said, number):
                break
            if number is not None:
                facts.sequence = number
            frames += 1
            chars += len(said)
            pos = again.end()
        if frames:
            self._unused = False
            if self._counts_text:
                facts.text_chars += chars
            self.framer.passed(pos - begin)
        return pos, frames

    def read(self, data: bytes, pos: int, dialect: Dialect) -> Read | None:
        """The healthy frame at `pos`; None if it needs a closer look. `data` fits the framer's short way."""
        stream = self._stream
        facts = stream.facts
        found = self.framer.take(data, pos)
        if found is None:
            return None
        end, event, value = found
        if type(value) is not dict:
            return Read(end, Role.NO_OBJECT, event, value)
        before = facts.text_chars
        role = dialect.read(value, event, facts)
        proper = self._is_proper(value, event, dialect)
        if role is not Role.CONTENT or not proper or (stream.wire.fault and stream.fault(data[pos:end])):
            return Read(end, role, event, value)
        fate = stream.show(value, event)
        if fate is not None:
            return Read(end, role, event, value, fate)
        self._misses += 1
        if self._misses >= self._patience and stream.contract.steady:
            self._learn(data[pos:end], facts.text_chars - before, dialect)
        return Read(end)

    def _is_proper(self, value: dict[str, Any], event: str | None, dialect: Dialect) -> bool:
        """Whether a frame's name, or its id, is the one that it should have."""
        if dialect.named_events:
            return event == value.get("type") or (event is None and dialect.name_is_type)
        return self._stream.ids.is_usual(value.get("id"))

    def _learn(self, raw: bytes, grown: int, dialect: Dialect) -> None:
        """Make a frame's shape known. One that teaches nothing makes the next lesson come later."""
        self._misses = 0
        lesson = learn(raw, dialect.holes)
        if lesson is None or not lesson[1] or grown not in {0, lesson[1]}:
            self._patience = min(self._patience * 2, _GIVE_UP_AFTER)
            return
        self._stream.echo, size = lesson
        contract = self._stream.contract
        self._hear = contract.hear if isinstance(contract, Listener) else None
        self._counts_text = grown == size
        self._patience = min(self._patience * 2, _GIVE_UP_AFTER) if self._unused else _LEARN_AFTER
        self._unused = True


def first_framer(stream: Stream, dialect: Dialect | None, *, doubtful: bool) -> Framer:
    """A framer of the form that was asked for, or one that finds out which other form it is, or whether it is any."""
    wire, cap = stream.wire, stream.policy.max_event_bytes
    framer = Sniffer(wire, dialect.forms, cap) if dialect is not None and dialect.forms else wire.framer(cap)
    return Doorway(wire, framer) if doubtful and dialect is not None else framer
