"""One request before its answer begins: how long it may take, how often it may be sent, and what becomes of each attempt.

Decides and keeps the books; what is sent where is done by the gate in `internals`. What is sent again, and when, follows the
official SDKs: https://github.com/openai/openai-python#retries, https://github.com/anthropics/anthropic-sdk-python#retries
"""

from __future__ import annotations

import email.utils
import json
import math
import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects.errors import is_retryable, openai_error_body
from resplice.proxy.stream import SHORTEST_TICK, TICK
from resplice.session.failure import BAD_GATEWAY, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitmproxy import http

    from resplice.dialects import Dialect
    from resplice.proxy.stream import Clock, Stream

__all__ = ["LONGEST_WAIT", "Attempt", "Attempts", "Limits", "wait_asked_for"]

FIRST_WAIT: Final = 0.5
"""Seconds before the second attempt where the server does not ask for another time; doubled for each further one."""
_MAX_WAIT: Final = 8.0
LONGEST_WAIT: Final = 120.0
"""A server that asks for more patience (seconds) than this is not asked again: the client gets its answer."""
_JITTER: Final = 0.25
INTERIM_EVERY: Final = 15.0
"""Seconds between two interim responses where no heartbeat is set."""
_KNOWS_INTERIM: Final = frozenset({"HTTP/1.1", "HTTP/2.0"})
"""HTTP/1.0 has no interim responses; the HTTP/3 that mitmproxy speaks takes the second head for trailers."""
_MAX_MESSAGE: Final = 500
"""Characters; mitmproxy quotes what an upstream said that makes no sense."""
GATEWAY_TIMEOUT: Final = 504
UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class Limits:
    """What the options say about the time before an answer begins."""

    headers_timeout: float = 0.0
    """Seconds; 0: none."""
    retries: int = 0
    interim: float = 0.0
    """Seconds between two interim responses; 0: none."""

    @property
    def any(self) -> bool:
        """There is something to look after."""
        return bool(self.headers_timeout or self.retries or self.interim)

    def of(self, version: str, *, streamed: bool) -> Limits:
        """Those for one request: whether its body is streamed on, so that it can't be sent again, and its version of HTTP."""
        retries = 0 if streamed else self.retries
        return replace(self, retries=retries, interim=self.interim if version in _KNOWS_INTERIM else 0.0)


class Attempt(NamedTuple):
    """An attempt that brought no stream."""

    number: int
    response: http.Response | None
    since: float
    """When it began, on the clock."""


class Attempts:
    """The attempts to have one request answered. Times are seconds on the clock; nothing in here waits."""

    def __init__(
        self,
        limits: Limits,
        dialect: Dialect | None,
        open_stream: Callable[[Attempt], Stream | None] = lambda _: None,
        on_over: Callable[[], None] = lambda: None,
        clock: Clock = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``open_stream`` makes the records of an attempt that brought no stream."""
        self.number = 1
        self.leave = False
        """The proxy is going down."""
        self.clock = clock
        self.may_repeat = limits.retries > 0
        """The request is at hand as a whole, and may be sent again."""
        self._limits = limits
        self._dialect = dialect
        self._open_stream = open_stream
        self._on_over = on_over
        self._chance = chance
        self._begun = self._attempt_begun = self._last_interim = clock()
        shortest = min((time for time in (limits.headers_timeout, limits.interim) if time), default=4 * TICK)
        self.interval = min(TICK, max(SHORTEST_TICK, shortest / 4))
        """Seconds from one look to the next."""

    def begin(self) -> None:
        """The request is sent, or sent on to its end: time counts from now on."""
        self._begun = self._attempt_begun = self._last_interim = self.clock()

    def next(self) -> None:
        """Another attempt begins."""
        self.number += 1
        self._attempt_begun = self.clock()

    def over(self) -> None:
        """The answer has begun, or never will."""
        self._on_over()

    # -- time

    @property
    def is_late(self) -> bool:
        """The answer's headers have not come in time."""
        return bool(self._limits.headers_timeout) and self.clock() - self._begun >= self._limits.headers_timeout

    @property
    def timeout(self) -> str:
        """For a sentence."""
        return f"{self._limits.headers_timeout:g} s"

    def interim_is_due(self) -> bool:
        """Whether the client is to be told that its request is being processed. Asked once, it is taken as done."""
        now = self.clock()
        if not self._limits.interim or now - self._last_interim < self._limits.interim:
            return False
        self._last_interim = now
        return True

    # -- what is sent again, and when

    def wait_after_response(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Seconds until the request is sent again after a response with that status; None: the client gets the response."""
        asked = wait_asked_for(headers)
        if asked is not None and asked > LONGEST_WAIT:
            return None
        says = headers.get("x-should-retry", "").strip().lower()
        again = says == "true" if says in {"true", "false"} else is_retryable(status)
        return self._wait(asked) if again and status >= 400 else None  # noqa: PLR2004 - no error, no retry

    def wait_after_failure(self, failure: Failure | None = None) -> float | None:
        """The same after an answer that failed before its first event, or, without one, after no answer at all."""
        return self._wait(None) if failure is None or failure.is_retryable else None

    def _wait(self, asked: float | None) -> float | None:
        if not self.may_repeat or self.leave or self.number > self._limits.retries:
            return None
        wait = asked if asked is not None and asked > 0 else self._backoff()
        rest = self._begun + self._limits.headers_timeout - self.clock()
        return wait if not self._limits.headers_timeout or wait < rest else None

    def _backoff(self) -> float:
        longest: float = min(_MAX_WAIT, FIRST_WAIT * 2.0 ** (self.number - 1))
        return longest * (1 - _JITTER * self._chance())

    # -- what the client gets instead of an answer

    def body(self, status: int, failure: Failure) -> bytes:
        """The body of an error response, as the client's API writes it."""
        write = self._dialect.error_body if self._dialect else openai_error_body
        return json.dumps(write(status, failure.message, failure.error)).encode("ascii")

    # -- the log

    def record(self, reason: Reason, detail: str, response: http.Response | None = None, status: int | None = None) -> None:
        """Write down an attempt that brought no stream. ``status``: of the response that the client got."""
        if (stream := self._open_stream(Attempt(self.number, response, self._attempt_begun))) is not None:
            stream.withhold((), "", reason, detail, status)

    def refuse(self, failure: Failure, status: int, reason: Reason, detail: str) -> bytes:
        """Write down an attempt that brought nothing at all; returns the body of the error response that the client gets."""
        stream = self._open_stream(Attempt(self.number, None, self._attempt_begun))
        if stream is None:
            return self.body(status, failure)
        failure = replace(failure, message=f"{failure.message}; stream {stream.short_id}")
        body = self.body(status, failure)
        stream.refuse((), failure, status, body, reason, detail)
        return body


def no_answer(why: str, message: str) -> Failure:
    """Nothing came that could be given to the client."""
    return Failure(Kind.NO_ANSWER, why, f"Resplice: the upstream gave no answer: {message[:_MAX_MESSAGE]}")


def wait_asked_for(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds for which a response asks to wait (`retry-after-ms`, `retry-after`); None if it does not, or not sensibly."""
    for name, per_second in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = _number(headers.get(name, ""))
        if value is not None:
            return value / per_second
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return email.utils.mktime_tz(date) - now() if date is not None else None
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) or value < 0 else value


__all__ += ["BAD_GATEWAY", "FIRST_WAIT", "GATEWAY_TIMEOUT", "INTERIM_EVERY", "UNAVAILABLE", "no_answer"]
