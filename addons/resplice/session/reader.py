"""Reads healthy frames off a chunk, the short way: no items, no decisions, and for frames of a known shape no JSON scan."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from resplice.core.echo import Echo, learn
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
        self._counts_text = False
        self._misses = 0
        self._patience = _LEARN_AFTER
        self._unused = False
        """The known shape has not been met since it was learnt: the stream has others, each but once."""

    def read(self, data: bytes, pos: int, dialect: Dialect) -> Read | None:
        """The healthy frame at `pos`; None if it needs a closer look. `data` fits the framer's short way."""
        stream = self._stream
        facts, echo = stream.facts, stream.echo
        if echo is not None and not facts.closing:
            again = echo.pattern.match(data, pos)
            if again is not None and again.end() - pos <= self._max and self._heard(again, echo):
                end = again.end()
                self._unused = False
                if self._counts_text:
                    facts.text_chars += again.end(echo.text) - again.start(echo.text)
                if echo.counter:
                    facts.sequence = int(again[echo.counter])
                self.framer.passed(end - pos)
                return Read(end)
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
        return bool(value.get("id") == self._stream.ids.stream_id)

    def _heard(self, again: re.Match[bytes], echo: Echo) -> bool:
        """Whether a contract that listens has nothing to say to an event of the known shape."""
        contract = self._stream.contract
        if not isinstance(contract, Listener):
            return True
        return contract.hear(again[echo.text], int(again[echo.counter]) if echo.counter else None)

    def _learn(self, raw: bytes, grown: int, dialect: Dialect) -> None:
        """Make a frame's shape known. One that teaches nothing makes the next lesson come later."""
        self._misses = 0
        lesson = learn(raw, dialect.holes)
        if lesson is None or not lesson[1] or grown not in {0, lesson[1]}:
            self._patience = min(self._patience * 2, _GIVE_UP_AFTER)
            return
        self._stream.echo, size = lesson
        self._counts_text = grown == size
        self._patience = min(self._patience * 2, _GIVE_UP_AFTER) if self._unused else _LEARN_AFTER
        self._unused = True
