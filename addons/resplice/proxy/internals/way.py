"""The way of an event past us to mitmproxy. Whatever fails on our side, mitmproxy hears of each event once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from resplice.proxy.internals.names import Commands, ResponseData, SendHttp

__all__ = ["Way"]

logger = logging.getLogger("resplice")


class Way:
    """Hands events on to the handler that was there before us, and bytes on to the client."""

    def __init__(self, target: Any, original: Callable[[Any], Commands]) -> None:
        self._target = target
        self._original = original
        self._owed = b""
        """What the client was to get, and has not got yet."""
        self.passed = False
        """The event at hand was handed on."""
        self.theirs = False
        """What runs is mitmproxy's own code: what it raises goes its way, as it would without us."""
        self._told = False

    def begin(self) -> None:
        """Another event is at hand."""
        self.passed = self.theirs = False

    def on(self, event: Any) -> Commands:
        """Hand an event on."""
        self.passed = True
        yield from self.run(self._original(event))

    def run(self, commands: Commands) -> Commands:
        """Run code of mitmproxy's."""
        before, self.theirs = self.theirs, True
        yield from commands
        self.theirs = before

    def owe(self, data: bytes) -> None:
        """The client shall get this next."""
        self._owed += data

    def pay(self) -> Commands:
        """Give it to the client."""
        if not self._owed:
            return
        target = self._target
        command = SendHttp(ResponseData(target.stream_id, self._owed), target.context.client)
        if target.context.options.store_streamed_bodies:
            target.response_body_buf += self._owed
        self._owed = b""
        yield command

    def tell(self, error: Exception) -> None:
        """A defect of ours, with its traceback, once."""
        if not self._told:
            self._told = True
            logger.error("Resplice failed between a stream and mitmproxy; it is repaired, and not looked after.", exc_info=error)
