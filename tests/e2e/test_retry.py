"""Requests that are sent again, through a real mitmdump over real sockets: what both sides see, and what the log says."""

from __future__ import annotations

import itertools
import json
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from e2e.clients import Client1, dial
from e2e.routes import API, JSON, REQUEST, ROUTES, Exchange, Route, World, world
from e2e.wire import HOST, Answer, eventually, upstream
from healthy_streams import CHAT_TEXT
from processes import Mitmdump, mitmdump, reverse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

STREAM = "content-type: text/event-stream"
SOON = "retry-after-ms: 20"
HEALTHY = b"".join(CHAT_TEXT)
HALF = b"".join(CHAT_TEXT[:4])
TIMEOUT = 3.0
BUSY = b'{"error":{"message":"busy","type":"server_error","param":null,"code":null}}'
PAGE = b"<!DOCTYPE html>\n<html><body>Bad Gateway</body></html>\n"

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world({"resplice_retry": "2", "resplice_headers_timeout": str(TIMEOUT)}) as running:
        yield running


def busy(answer: Answer) -> None:
    answer.head("content-type: application/json", SOON, f"content-length: {len(BUSY)}", status="503 Service Unavailable")
    answer.send(BUSY)
    answer.end()


def empty(answer: Answer) -> None:
    answer.head(STREAM)
    answer.end()


def page(answer: Answer) -> None:
    answer.stream(PAGE, head=("content-type: text/html",))


def breaks_before_headers(answer: Answer) -> None:
    answer.abort()


def breaks_behind_headers(answer: Answer) -> None:
    answer.head(STREAM)
    answer.abort()


def damaged(answer: Answer) -> None:
    answer.stream(b'data: {"cut\n\n', *CHAT_TEXT)


def overloaded(answer: Answer) -> None:
    answer.stream(b'data: {"error":{"message":"busy","type":"overloaded_error"}}\n\n')


def healthy(answer: Answer) -> None:
    answer.stream(*CHAT_TEXT)


def hangs(answer: Answer) -> None:
    eventually(answer.is_closed, "the upstream's side to be closed")


def one_after_the_other(*scripts: Callable[[Answer], None]) -> Callable[[Answer], None]:
    """Each request gets the next one, and all that follow the last."""
    turns = itertools.chain(scripts, itertools.repeat(scripts[-1]))
    lock = threading.Lock()

    def play(answer: Answer) -> None:
        with lock:
            script = next(turns)
        script(answer)

    return play


def requests(site: World, exchange: Exchange) -> int:
    return sum(answer.path == exchange.path for one in site._upstreams.values() for answer in one.requests)


def attempts(exchange: Exchange, count: int) -> list[tuple[int, str, int | None]]:
    """Number, outcome and status of each attempt, once there are so many."""

    def closed() -> list[tuple[int, str, int | None]]:
        records = exchange.records()
        numbers = {one["stream"]: one["attempt"] for one in records if one["type"] == "stream.open"}
        closes = [one for one in records if one["type"] == "stream.close"]
        return [(numbers[one["stream"]], one["outcome"], one["status"]) for one in closes]

    eventually(lambda: len(closed()) >= count, f"{count} attempts on record for {exchange.path}: {closed()}")
    return closed()


FAILURES = (busy, empty, page, breaks_before_headers, breaks_behind_headers, damaged, overloaded)


@every_route
@pytest.mark.parametrize("fails", FAILURES, ids=lambda fails: fails.__name__)
def test_two_failures_and_a_success_are_one_clean_answer(site: World, route: Route, fails: Callable[[Answer], None]) -> None:
    exchange = site.ask(route, one_after_the_other(fails, busy, healthy))
    assert exchange.client.read_all() == HEALTHY
    assert (exchange.client.status, exchange.client.outcome) == (200, "clean")
    assert exchange.client.headers["content-type"] == "text/event-stream"
    assert attempts(exchange, 3) == [(1, "retried", None), (2, "retried", None), (3, "complete", 200)]
    assert requests(site, exchange) == 3
    bodies = {answer.body for one in site._upstreams.values() for answer in one.requests if answer.path == exchange.path}
    assert bodies == {REQUEST}


@every_route
def test_a_failure_behind_the_first_event_is_an_honest_error_and_no_second_request(site: World, route: Route) -> None:
    def half(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(HALF)
        answer.wait_arrived()
        answer.abort()

    exchange = site.ask(route, one_after_the_other(half, healthy))
    exchange.client.read_body(len(HALF))
    exchange.arrived.set()
    body = exchange.client.read_all()
    assert body.startswith(HALF + b'data: {"error":')
    assert exchange.client.outcome == "clean"
    assert attempts(exchange, 1) == [(1, "upstream_abort", 200)]
    assert requests(site, exchange) == 1


@every_route
def test_the_last_real_answer_is_what_the_client_gets(site: World, route: Route) -> None:
    def too_many(answer: Answer) -> None:
        body = b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}'
        answer.head("content-type: application/json", "x-request-id: r-3", f"content-length: {len(body)}", status="429 Slow")
        answer.send(body)
        answer.end()

    exchange = site.ask(route, one_after_the_other(busy, busy, too_many))
    body = exchange.client.read_all()
    assert (exchange.client.status, json.loads(body)["error"]["code"]) == (429, "rate_limit_exceeded")
    assert exchange.client.headers["x-request-id"] == "r-3"
    assert attempts(exchange, 3)[-1] == (3, "refused", 429)
    assert exchange.client.reuses_connection


@every_route
def test_where_every_attempt_breaks_the_client_gets_a_502_and_keeps_its_connection(site: World, route: Route) -> None:
    exchange = site.ask(route, breaks_before_headers)
    error = json.loads(exchange.client.read_all())["error"]
    assert exchange.client.status == 502
    assert error["message"].startswith("Resplice: the upstream gave no answer: ")
    assert attempts(exchange, 3)[-1] == (3, "upstream_abort", 502)
    assert exchange.client.reuses_connection


@every_route
def test_an_upstream_that_never_answers_is_a_504_in_time(site: World, route: Route) -> None:
    begin = time.monotonic()
    exchange = site.ask(route, hangs)
    body = exchange.client.read_all()
    assert TIMEOUT - 0.3 < time.monotonic() - begin < TIMEOUT + 1
    assert (exchange.client.status, exchange.client.headers["content-type"]) == (504, "application/json")
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
    assert attempts(exchange, 1) == [(1, "headers_timeout", 504)]
    assert requests(site, exchange) == 1
    assert exchange.client.reuses_connection


@every_route
def test_a_client_that_leaves_ends_the_attempt_that_is_under_way(site: World, route: Route) -> None:
    gone = threading.Event()

    def waits(answer: Answer) -> None:
        hangs(answer)
        gone.set()

    exchange = site.ask(route, one_after_the_other(busy, waits))
    eventually(lambda: requests(site, exchange) == 2, "a second attempt")
    exchange.client.close()
    assert gone.wait(30)
    assert attempts(exchange, 2)[-1] == (2, "client_disconnect", None)
    assert requests(site, exchange) == 2


@every_route
def test_a_client_that_leaves_in_a_pause_is_the_end_of_it(site: World, route: Route) -> None:
    def patience(answer: Answer) -> None:
        answer.head(STREAM, "retry-after: 2", "content-length: 0", status="503 Busy")
        answer.end()

    exchange = site.ask(route, patience)
    attempts(exchange, 1)
    exchange.client.close()
    assert attempts(exchange, 2)[-1] == (1, "client_disconnect", None)
    assert requests(site, exchange) == 1


def test_a_large_request_is_sent_again_as_a_whole(site: World) -> None:
    body = REQUEST[:-1] + b',"padding":"' + b"x" * 3_000_000 + b'"}'
    for route in ROUTES:
        exchange = site.ask(route, one_after_the_other(busy, breaks_before_headers, healthy), body=body)
        assert exchange.client.read_all() == HEALTHY
        sent = [answer.body for one in site._upstreams.values() for answer in one.requests if answer.path == exchange.path]
        assert [len(one) for one in sent] == [len(body)] * 3
        assert sent == [body] * 3


# -- without an upstream, and without a proxy


def receipts(proxy: Mitmdump, count: int) -> list[tuple[str, int | None]]:
    def closed() -> list[tuple[str, int | None]]:
        return [(one["outcome"], one["status"]) for one in proxy.records() if one["type"] == "stream.close"]

    eventually(lambda: len(closed()) >= count, f"{count} receipts")
    return closed()


def post(proxy: Mitmdump, path: str = "/tide" + API) -> Client1:
    client = Client1(dial(proxy.port))
    client.request("POST", HOST, path, JSON, REQUEST)
    return client


def test_an_upstream_that_comes_up_later_is_found() -> None:
    with socket.create_server((HOST, 0)) as once:
        port = once.getsockname()[1]
    with mitmdump(reverse(port), options={"resplice_retry": "9", "connection_strategy": "lazy"}) as proxy:
        client = post(proxy)
        assert receipts(proxy, 1)[0] == ("retried", None)
        with upstream(port=port) as server:
            server.script("tide", healthy)
            assert client.read_all() == HEALTHY
        client.close()
        assert receipts(proxy, 2)[-1] == ("complete", 200)


def test_a_handshake_that_hangs_is_a_504_and_one_that_fails_a_502() -> None:
    options = {"ssl_insecure": "true", "connection_strategy": "lazy", "resplice_retry": "1", "resplice_headers_timeout": "1.5"}
    with socket.create_server((HOST, 0)) as deaf, mitmdump(reverse(deaf.getsockname()[1], "https"), options=options) as proxy:
        client = post(proxy)
        client.read_all()
        assert client.status == 504
        client.close()
        deaf.accept()[0].close()

        def babble() -> None:
            for _ in range(2):
                sock, _ = deaf.accept()
                sock.sendall(b"no TLS here\r\n\r\n")
                sock.recv(65536)
                sock.close()

        speaker = threading.Thread(target=babble, daemon=True)
        speaker.start()
        client = post(proxy)
        assert "TLS" in json.loads(client.read_all())["error"]["message"]
        assert client.status == 502
        client.close()
        speaker.join(30)
        assert receipts(proxy, 3) == [("headers_timeout", 504), ("retried", None), ("upstream_abort", 502)]
        assert "crashed" not in proxy.output()


@pytest.mark.parametrize("pauses", [False, True])
def test_a_client_that_waits_is_told_that_the_proxy_goes_down(pauses: bool) -> None:
    def patience(answer: Answer) -> None:
        answer.head("retry-after: 60", "content-length: 0", status="503 Busy")

    with upstream() as server, mitmdump(reverse(server.port), options={"resplice_retry": "3"}) as proxy:
        client = post(proxy, server.script("tide", patience if pauses else hangs) + API)
        eventually(lambda: receipts(proxy, 1) if pauses else server.requests, "the first attempt")
        proxy.stop(signal.SIGTERM)
        assert "shut down" in json.loads(client.read_all())["error"]["message"]
        assert client.status == 503
        client.close()
        assert receipts(proxy, 1 + pauses)[-1] == ("shutdown", 503)
