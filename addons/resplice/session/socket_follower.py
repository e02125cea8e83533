"""What is said over a WebSocket: which responses are open, how they ended, and what is wrong with the messages.

A follower, not a repairer: every message passes as it came. It keeps no message, only what a receipt needs. A client is told by
its WebSocket that the connection ended, so a response without its end is no silent loss; which one it was, and why, is.
"""

from __future__ import annotations

from typing import Final

from resplice.core.events import Effect, Finding, Reason, Receipt, SocketReceipt, Stall
from resplice.core.kinds import Kind
from resplice.core.payload import strict
from resplice.dialects import Json
from resplice.dialects.dialect import error_message, numbers, short
from resplice.dialects.socket_apis import SocketApi
from resplice.session.ledger import Ledger
from resplice.session.pace import Pace

MAX_MESSAGE: Final = 64 * 1024 * 1024
"""Larger messages are not looked at."""
_MAX_OPEN: Final = 64
"""So many open responses are followed."""
_MAX_ERROR: Final = 4096
_MAX_USAGE: Final = 64
_NORMAL_CODES: Final = frozenset({1000, 1001, 1005})
"""Done, going away, closed without a code: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""
_BROKEN_OFF: Final = 1006
_CREATE: Final = "response.create"
_TEXTS: Final = ("text.delta", "transcript.delta")


class SocketFollower:
    """Follows one WebSocket. Raises nothing, whatever the messages. Times are seconds on any clock that only goes forward."""

    def __init__(self, api: SocketApi, now: float = 0.0, max_message: int = MAX_MESSAGE) -> None:
        self._api = api
        self._max = max_message
        self._pace = Pace(now)
        self._ledger = Ledger()
        self._stalls: list[Stall] = []
        self._asked = False
        """The client asked for a response, and none has begun."""
        self._open: dict[str, None] = {}
        """Ids of responses that have begun and not ended."""
        self._responses = self._unfinished = self._failed = 0
        self._close_code: int | None = None
        self._closed_by_client = False
        self._messages = self._client_messages = 0
        self._outcome, self._detail = Reason.COMPLETE, ""
        self._model: str | None = None
        self._message_id: str | None = None
        self._stop_reason: str | None = None
        self._error: str | None = None
        self._text_chars = self._tool_calls = 0
        self._usage: dict[str, int | float] = {}

    # -- messages ---------------------------------------------------------------------------------

    def receive(self, data: bytes, *, from_client: bool, is_text: bool, now: float) -> None:
        """Take note of one message. Binary ones are counted, no more."""
        value = self._parse(data, from_client) if is_text and len(data) <= self._max else None
        kind = value.get("type") if value is not None else None
        if from_client:
            self._client_messages += 1
            if value is not None and kind == _CREATE:
                self._ask(value, now)
            return
        self._messages += 1
        self._came(now)
        if value is not None and isinstance(kind, str):
            self._read(kind, value, now)
        self._ledger.passed += len(data)
        self._pace.last_out_at = now

    def _parse(self, data: bytes, from_client: bool) -> dict[str, Json] | None:  # noqa: FBT001 - as above
        try:
            value = strict(data)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        if from_client:
            self._ledger.note(Kind.MESSAGE_MALFORMED, f"a message of the client, {len(data)} bytes long, is no JSON object")
        else:
            self._lose(Kind.MESSAGE_MALFORMED, "a message of the server is no JSON object", data)
        return None

    def _ask(self, value: dict[str, Json], now: float) -> None:
        self._model = short(value.get("model")) or self._model
        if not self._waits:
            self._pace.last_in_at = now  # a silence before the question is nobody's fault
        self._asked = True

    def _came(self, now: float) -> None:
        """Only silence while an answer is due is a stall."""
        if not self._waits:
            self._pace.last_in_at = now
        if stall := self._pace.came(now):
            self._stalls.append(Stall(stall, self._ledger.passed, self._ledger.passed, resumed=True))

    @property
    def _waits(self) -> bool:
        return self._asked or bool(self._open)

    def _read(self, kind: str, value: dict[str, Json], now: float) -> None:
        """An event of the server."""
        if kind in self._api.terminals:
            self._read_terminal(kind, value)
        elif kind == "response.created":
            self._read_created(value)
        elif kind == "error":
            self._read_error(value)
        elif kind.endswith(_TEXTS):
            delta = value.get("delta")
            self._text_chars += len(delta) if isinstance(delta, str) else 0
        elif kind == "response.output_item.added":
            item = value.get("item")
            self._tool_calls += isinstance(item, dict) and str(item.get("type")).endswith("_call")
        if kind.endswith(".delta") and self._pace.first_token_at is None:
            self._pace.first_token_at = now

    def _read_created(self, value: dict[str, Json]) -> None:
        response = _response(value)
        if self._api.one_at_a_time and self._open:
            self._leave_open("another one began before its terminal event")
        self._asked = False
        self._responses += 1
        self._message_id = short(response.get("id"))
        self._model = short(response.get("model")) or self._model
        if len(self._open) < _MAX_OPEN:
            self._open[self._message_id or ""] = None

    def _read_terminal(self, kind: str, value: dict[str, Json]) -> None:
        response = _response(value)
        self._open.pop(short(response.get("id")) or "", None)
        if self._api.one_at_a_time:
            self._open.clear()
        self._stop_reason = short(response.get("status")) or kind.removeprefix("response.")
        for name, number in (numbers(response.get("usage")) or {}).items():
            if name in self._usage or len(self._usage) < _MAX_USAGE:
                self._usage[name] = self._usage.get(name, 0) + number
        if self._stop_reason == "failed" or kind == "response.failed":
            self._fail(response if response.get("error") else response.get("status_details") or response)

    def _read_error(self, value: dict[str, Json]) -> None:
        self._ledger.note(Kind.UPSTREAM_ERROR, "the upstream reported an error")
        self._error = error_message(value)[:_MAX_ERROR]
        self._asked = False
        if self._api.error_ends and self._open:
            self._open.clear()
            self._failed += 1

    def _fail(self, response: Json) -> None:
        self._failed += 1
        self._error = error_message(response if isinstance(response, dict) else {})[:_MAX_ERROR]
        self._ledger.note(Kind.UPSTREAM_ERROR, "the upstream ended a response as failed")

    # -- findings ---------------------------------------------------------------------------------

    @property
    def has_findings(self) -> bool:
        """Something was found since `take_findings` and `take_stalls` were called last."""
        return bool(self._ledger.findings or self._stalls)

    def take_findings(self) -> list[Finding]:
        """What was found since the last call, in order. Offsets are those in all of the server's messages, one behind the other."""
        findings, self._ledger.findings = self._ledger.findings, []
        return findings

    def take_stalls(self) -> list[Stall]:
        """The long silences within an answer that ended since the last call."""
        stalls, self._stalls = self._stalls, []
        return stalls

    def _lose(self, kind: Kind, why: str, raw: bytes = b"") -> None:
        """Something of an answer is lost; what there is of it passed."""
        at = self._ledger.passed
        self._ledger.findings.append(Finding(Effect.LOSS, kind, at, raw, at, raw, why))
        self._ledger.kinds[kind] += 1
        self._ledger.losses += 1

    def _leave_open(self, why: str) -> None:
        for response in self._open:
            self._lose(Kind.RESPONSE_UNFINISHED, f"response {response!r} did not end: {why}")
        self._unfinished += len(self._open)
        self._open.clear()

    # -- the end ----------------------------------------------------------------------------------

    def close(
        self, code: int | None, reason: str = "", *, by_client: bool, now: float = 0.0, because: Reason | None = None
    ) -> None:
        """The connection was closed with that code (1006 or None: broken off). `because` outranks what code and side tell."""
        self._close_code, self._closed_by_client = code, by_client
        side = "client" if by_client else "server"
        how = f"the {side} broke the connection off" if _is_abort(code) else f"the {side} closed the connection with code {code}"
        self._outcome = because or self._reason(code, by_client=by_client)
        self._detail = f"{how}: {reason}" if reason else how
        if because is None and code not in _NORMAL_CODES:
            self._ledger.note(Kind.ABNORMAL_CLOSE, how)
        if self._waits and (stall := self._pace.closed(now)):
            self._stalls.append(Stall(stall, self._ledger.passed, self._ledger.passed, resumed=False))
        self._pace.closed_at = now
        self._leave_open(how)
        if self._asked:
            self._unfinished += 1
            self._lose(Kind.RESPONSE_UNFINISHED, f"a response was asked for, and never began: {how}")

    def _reason(self, code: int | None, *, by_client: bool) -> Reason:
        if not _is_abort(code) and not self._waits:
            return Reason.COMPLETE
        if by_client:
            return Reason.CLIENT_DISCONNECT
        return Reason.UPSTREAM_ABORT if _is_abort(code) else Reason.UPSTREAM_END

    def receipt(self) -> Receipt:
        """What went through. To be called after `close`."""
        ledger, pace = self._ledger, self._pace
        return Receipt(
            dialect=self._api.name,
            outcome=self._outcome,
            detail=self._detail,
            healthy=True,
            terminal=self._terminal(),
            stop_reason=self._stop_reason,
            error=self._error,
            message_id=self._message_id,
            model=self._model,
            bytes_in=ledger.passed,
            bytes_out=ledger.passed,
            events_in=self._messages,
            events_out=self._messages,
            bytes_passed=ledger.passed,
            bytes_replaced=0,
            bytes_dropped=0,
            bytes_replacement=0,
            bytes_inserted=0,
            text_chars=self._text_chars,
            tool_calls=self._tool_calls,
            usage=self._usage or None,
            kinds={str(kind): count for kind, count in ledger.kinds.items()},
            repairs=0,
            losses=ledger.losses,
            opened_at=pace.opened_at,
            first_byte_at=pace.first_in_at,
            first_token_at=pace.first_token_at,
            last_byte_in_at=pace.last_in_at if pace.first_in_at is not None else None,
            last_byte_out_at=pace.last_out_at,
            longest_gap=pace.longest_gap,
            closed_at=pace.closed_at,
            stalls=pace.stalls,
            stalled=pace.stalled,
            socket=SocketReceipt(
                close_code=self._close_code,
                closed_by_client=self._closed_by_client,
                client_messages=self._client_messages,
                responses=self._responses,
                unfinished=self._unfinished,
                failed=self._failed,
            ),
        )

    def _terminal(self) -> str:
        if self._unfinished:
            return "missing"
        return "error" if self._failed else "seen"


def _response(value: dict[str, Json]) -> dict[str, Json]:
    response = value.get("response")
    return response if isinstance(response, dict) else {}


def _is_abort(code: int | None) -> bool:
    return code is None or code == _BROKEN_OFF
