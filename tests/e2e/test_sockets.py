"""WebSockets of the Responses and Realtime APIs through a real mitmdump: every message as it came, and what the log says."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from wsproto import ConnectionType

from e2e.routes import HTTP1, HTTPS1, Exchange, Route, World, world
from e2e.websocket_peers import WebSocket, accept
from e2e.wire import DEADLINE, Answer1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

RESPONSES, REALTIME = "/v1/responses", "/v1/realtime"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
    "user-agent": "Harbour/1.0",
}
CREATE = {"type": "response.create", "model": "tiny-r", "input": "tide?"}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "tiny-r"}}
DELTA = {"type": "response.output_text.delta", "delta": "High tide — Lisbon"}
COMPLETED = {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "usage": {"total_tokens": 5}}}
DONE = {"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}
BROKEN = '{"type": "response.output_text.del'

every_route = pytest.mark.parametrize("route", [HTTP1, HTTPS1], ids=lambda route: route.name)


type Script = Callable[[WebSocket, Answer1], None]


@dataclass
class Call:
    """A WebSocket that a client has opened."""

    exchange: Exchange
    socket: WebSocket

    def messages(self, count: int) -> list[Any]:
        return [self.socket.next() for _ in range(count)]

    def receipt(self) -> dict[str, Any]:
        return self.exchange.close_record()

    def findings(self) -> list[str]:
        return self.exchange.findings()


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world() as running:
        yield running


def call(site: World, route: Route, script: Script, api: str = RESPONSES) -> Call:
    def play(answer: Any) -> None:
        script(accept(answer), answer)
        answer.sock.close()

    exchange = site.ask(route, play, method="GET", api=api, body=b"", headers=UPGRADE)
    sock, head = exchange.client.sock, b""
    sock.settimeout(DEADLINE)
    while b"\r\n\r\n" not in head:
        head += sock.recv(65536)
    assert head.startswith(b"HTTP/1.1 101 ")
    return Call(exchange, WebSocket(sock, ConnectionType.CLIENT, head.partition(b"\r\n\r\n")[2]))


def answers(*messages: object, then: Callable[[WebSocket, Answer1], object]) -> Script:
    """Waits for the question, answers, and ends as it is told."""

    def script(ws: WebSocket, answer: Answer1) -> None:
        assert json.loads(ws.next()) == CREATE
        ws.send(*messages)
        then(ws, answer)

    return script


def _read_on(ws: WebSocket, _: Answer1) -> None:
    assert isinstance(ws.next(), int | None)


def _abort(ws: WebSocket, answer: Answer1) -> None:
    answer.wait_arrived()
    ws.abort()


def _fin(ws: WebSocket, answer: Answer1) -> None:
    answer.wait_arrived()
    ws.sock.shutdown(socket.SHUT_RDWR)


@every_route
@pytest.mark.parametrize(("api", "last"), [(RESPONSES, COMPLETED), (REALTIME, DONE)])
def test_a_whole_answer_passes_word_for_word_and_is_told_as_that(site: World, route: Route, api: str, last: object) -> None:
    said = (CREATED, DELTA, last)
    one = call(site, route, answers(*said, then=_read_on), api)
    one.socket.send(CREATE)
    assert [json.loads(text) for text in one.messages(3)] == list(said)
    one.socket.close(1000)
    assert one.socket.next() == 1000
    receipt = one.receipt()
    assert (receipt["outcome"], receipt["terminal"], receipt["whole"]) == ("complete", "seen", True)
    assert (receipt["socket"]["close_code"], receipt["socket"]["closed_by_client"], receipt["events_in"]) == (1000, True, 3)
    assert one.findings() == []


@every_route
@pytest.mark.parametrize(
    ("end", "code", "outcome", "kinds"),
    [
        (lambda ws, _: ws.close(1011, "overloaded"), 1011, "upstream_end", ["abnormal_close", "response_unfinished"]),
        (lambda ws, _: ws.close(1000), 1000, "upstream_end", ["response_unfinished"]),
        (_abort, 1006, "upstream_abort", ["abnormal_close", "response_unfinished"]),
        (_fin, 1006, "upstream_abort", ["abnormal_close", "response_unfinished"]),
    ],
    ids=["1011", "1000", "reset", "closed without a word"],
)
def test_an_upstream_that_goes_within_an_answer_is_told_with_its_code(
    site: World, route: Route, end: Script, code: int, outcome: str, kinds: list[str]
) -> None:
    one = call(site, route, answers(CREATED, DELTA, then=end))
    one.socket.send(CREATE)
    assert [json.loads(text) for text in one.messages(2)] == [CREATED, DELTA]
    one.exchange.arrived.set()
    receipt = one.receipt()
    assert (receipt["outcome"], receipt["terminal"], receipt["whole"]) == (outcome, "missing", False)
    assert (receipt["socket"]["close_code"], receipt["socket"]["closed_by_client"]) == (code, False)
    assert one.findings() == kinds


@every_route
@pytest.mark.parametrize("leaves", [lambda ws: ws.close(1001), lambda ws: ws.abort()], ids=["1001", "reset"])
def test_a_client_that_leaves_within_an_answer_is_told_as_that(
    site: World, route: Route, leaves: Callable[[WebSocket], None]
) -> None:
    one = call(site, route, answers(CREATED, DELTA, then=_read_on))
    one.socket.send(CREATE)
    one.messages(2)
    leaves(one.socket)
    receipt = one.receipt()
    assert (receipt["outcome"], receipt["socket"]["closed_by_client"], receipt["socket"]["unfinished"]) == (
        "client_disconnect",
        True,
        1,
    )
    assert receipt["client_connected"] is False


@every_route
def test_damaged_and_binary_messages_pass_as_they_came(site: World, route: Route) -> None:
    def script(ws: WebSocket, _: Answer1) -> None:
        ws.next()
        ws.send(CREATED, BROKEN)
        ws.send_bytes(b"\0\1\xff")
        ws.send(COMPLETED)
        _read_on(ws, _)

    one = call(site, route, script)
    one.socket.send(CREATE)
    first, broken, binary, last = one.messages(4)
    assert (json.loads(first), broken, binary, json.loads(last)) == (CREATED, BROKEN, b"\0\1\xff", COMPLETED)
    one.socket.close(1000)
    receipt = one.receipt()
    assert (receipt["outcome"], receipt["losses"], receipt["whole"], receipt["healthy"]) == ("complete", 1, False, True)
    [loss] = [record for record in one.exchange.records() if record["type"] == "loss"]
    assert (loss["kind"], loss["raw"]["text"], loss["applied"]) == ("message_malformed", BROKEN, False)


def test_a_websocket_of_something_else_leaves_no_record(site: World) -> None:
    def script(ws: WebSocket, answer: Answer1) -> None:
        ws.send("hello")
        _read_on(ws, answer)

    other = call(site, HTTP1, script, "/chat")
    assert other.messages(1) == ["hello"]
    other.socket.close(1000)
    assert other.socket.next() == 1000
    one = call(site, HTTP1, answers(CREATED, COMPLETED, then=_read_on))
    one.socket.send(CREATE)
    one.messages(2)
    one.socket.close(1000)
    one.receipt()
    assert other.exchange.records() == []
