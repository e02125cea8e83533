"""Statuses in place of answers that never begin or are none, interim responses, and what the real SDKs make of all that."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

import healthy_streams as healthy
from e2e.routes import HTTP1, HTTP2, HTTP2_TO_1, HTTPS1, ROUTES, Route, World, world
from e2e.wire import Answer, eventually, upstream
from healthy_streams import CHAT_TEXT
from processes import mitmdump, reverse
from sdk_clients import CLIENTS, Client, Failure, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

TIMEOUT = 2.0
OPTIONS = {
    "resplice_headers_timeout": str(TIMEOUT),
    "resplice_retry": "2",
    "resplice_interim": "102",
    "resplice_heartbeat": "0.4",
}
HEALTHY = b"".join(CHAT_TEXT)
PAGE = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
LIMITED = b'{"error":{"message":"slow down","type":"tokens","param":null,"code":"rate_limit_exceeded"}}'
ANSWERS = {
    "openai-chat": healthy.CHAT_TEXT,
    "openai-responses": healthy.RESPONSES_TEXT,
    "anthropic-messages": healthy.MESSAGES_TEXT,
}
SDKS = [client for client in CLIENTS if client.dialect in ANSWERS]

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
every_sdk = pytest.mark.parametrize("client", SDKS, ids=lambda client: client.name)


@pytest.fixture(scope="module")
def plain() -> Iterator[World]:
    """With no option at all."""
    with world() as running:
        yield running


@pytest.fixture(scope="module")
def patient() -> Iterator[World]:
    with world({"resplice_interim": "102", "resplice_heartbeat": "0.3"}) as running:
        yield running


@every_route
def test_a_page_is_a_502_with_the_apis_own_error(plain: World, route: Route) -> None:
    exchange = plain.ask(route, lambda answer: answer.stream(PAGE, head=("content-type: text/html", "x-request-id: r-1")))
    error = json.loads(exchange.client.read_all())["error"]
    assert (exchange.client.status, exchange.client.outcome) == (502, "clean")
    assert set(error) == {"message", "type", "param", "code"}
    assert exchange.client.headers["x-request-id"] == "r-1"
    receipt = exchange.close_record()
    assert (receipt["status"], receipt["terminal"]) == (502, "error")
    assert "status 502" in receipt["verdict"]
    assert exchange.findings() == ["html_body"]
    assert exchange.client.reuses_connection


@every_route
def test_an_error_in_json_has_the_status_that_it_means(plain: World, route: Route) -> None:
    exchange = plain.ask(route, lambda answer: answer.stream(LIMITED, head=("content-type: application/json",)))
    error = json.loads(exchange.client.read_all())["error"]
    assert (exchange.client.status, error["code"], error["message"]) == (429, "rate_limit_exceeded", "slow down")
    assert exchange.close_record()["status"] == 429


@every_route
def test_a_stream_under_a_wrong_type_passes(plain: World, route: Route) -> None:
    exchange = plain.ask(route, lambda answer: answer.stream(*CHAT_TEXT, head=("content-type: application/json",)))
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.headers["content-type"] == "text/event-stream"
    assert exchange.close_record()["outcome"] == "complete"


@every_route
def test_headers_of_a_healthy_stream_wait_for_nothing(plain: World, route: Route) -> None:
    def slow(answer: Answer) -> None:
        answer.head("content-type: text/event-stream")
        answer.wait_arrived()
        answer.send(HEALTHY)
        answer.end()

    exchange = plain.ask(route, slow)
    exchange.client.read_head()
    exchange.arrived.set()
    assert exchange.client.read_all() == HEALTHY


@pytest.mark.parametrize("route", [HTTP1, HTTPS1, HTTP2, HTTP2_TO_1], ids=lambda route: route.name)
def test_a_client_that_waits_hears_that_its_request_is_being_processed(patient: World, route: Route) -> None:
    def slow(answer: Answer) -> None:
        answer.wait_arrived()
        answer.stream(*CHAT_TEXT)

    exchange = patient.ask(route, slow)
    exchange.client.read_until(lambda client: len(client.interims) >= 3, "three interim responses")
    exchange.arrived.set()
    assert exchange.client.read_all() == HEALTHY
    assert (exchange.client.status, set(exchange.client.interims)) == (200, {102})
    assert exchange.close_record()["outcome"] == "complete"


# -- the real SDKs


def page(answer: Answer) -> None:
    answer.stream(PAGE, head=("content-type: text/html",))


def hangs(answer: Answer) -> None:
    eventually(answer.is_closed, "the upstream's side to be closed")


def flaky(answer: Answer) -> None:
    """Fails twice and then answers, for each client anew."""
    count = FLAKY[answer.path] = FLAKY.get(answer.path, 0) + 1
    frames = next(frames for dialect, frames in ANSWERS.items() if dialect in answer.path)
    if count % 3 == 1:
        answer.head("retry-after-ms: 50", "content-length: 0", status="503 Busy")
    elif count % 3 == 2:
        answer.stream()
    else:
        answer.stream(*frames)


FLAKY: dict[str, int] = {}


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of Resplice in front of an upstream that answers as the first part of the path says."""
    with upstream() as server, mitmdump(reverse(server.port), options=OPTIONS) as proxy:
        for script in (hangs, page, flaky):
            for dialect in ANSWERS:
                server.script(f"{script.__name__}-{dialect}", script)
        for dialect, frames in ANSWERS.items():
            server.script(f"prompt-{dialect}", lambda answer, frames=frames: answer.stream(*frames))
        yield proxy.url


@every_sdk
def test_an_answer_that_never_begins_is_a_status_that_the_sdk_raises_in_time(served: str, client: Client) -> None:
    ask(client, f"{served}/prompt-{client.dialect}", "m")  # its first request takes an SDK a second of its own
    begin = time.monotonic()
    result = ask(client, f"{served}/hangs-{client.dialect}", "m")
    assert time.monotonic() - begin < TIMEOUT + 1
    assert isinstance(result, Failure), result
    assert result.reported
    assert "no answer began within 2 s" in str(result)


@every_sdk
def test_a_page_to_the_end_is_a_status_that_the_sdk_raises(served: str, client: Client) -> None:
    result = ask(client, f"{served}/page-{client.dialect}", "m")
    assert isinstance(result, Failure), result
    assert result.reported
    assert "HTML" in str(result)


@every_sdk
def test_two_failures_are_not_seen_by_the_sdk(served: str, client: Client) -> None:
    flaky_answer = ask(client, f"{served}/flaky-{client.dialect}", "m")
    assert flaky_answer == ask(client, f"{served}/prompt-{client.dialect}", "m")
    assert not isinstance(flaky_answer, Failure), flaky_answer
