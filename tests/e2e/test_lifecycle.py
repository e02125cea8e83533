"""How streams begin, flow and end, through a real mitmdump over real sockets: what clients see, and what the log says."""

from __future__ import annotations

import signal
import textwrap
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from e2e.clients import Client1, dial
from e2e.routes import API, HTTP1, HTTP2, HTTP2_TO_1, HTTPS1, JSON, REQUEST, ROUTES, Route, World, world
from e2e.wire import HOST, Answer, Answer2, eventually, upstream
from healthy_streams import CHAT_TEXT
from processes import mitmdump, reverse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
HALF = CHAT_TEXT[:4]
ERROR = b'data: {"error":{"message":'

KILLER = """
    import asyncio

    def responseheaders(flow):
        if "x-kill" in flow.request.headers:
            asyncio.get_running_loop().call_later(0.3, flow.kill)
"""

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    script = tmp_path_factory.mktemp("killer") / "killer.py"
    script.write_text(textwrap.dedent(KILLER))
    with world(args=("-s", str(script))) as running:
        yield running


# -- while all is well


@every_route
def test_a_healthy_stream_passes_byte_for_byte(site: World, route: Route) -> None:
    exchange = site.ask(route, lambda answer: answer.stream(*CHAT_TEXT))
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.outcome == "clean"
    assert exchange.client.status == 200
    assert exchange.client.headers["content-type"] == "text/event-stream"
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["terminal"], receipt["healthy"]) == ("complete", "seen", True)
    assert receipt["delivered_whole"]
    assert exchange.findings() == []


@every_route
def test_each_frame_is_delivered_in_the_moment_it_is_complete(site: World, route: Route) -> None:
    seen = threading.Semaphore(0)

    def one_by_one(answer: Answer) -> None:
        answer.head(STREAM)
        for frame in CHAT_TEXT:
            answer.send(frame)
            assert seen.acquire(timeout=30), "the client never got the frame"
        answer.end()

    exchange = site.ask(route, one_by_one)
    size = 0
    for frame in CHAT_TEXT:
        size += len(frame)
        assert exchange.client.read_body(size) == HEALTHY[:size]
        seen.release()
    assert exchange.client.read_all() == HEALTHY


def test_bytes_that_come_one_by_one_arrive_unchanged(site: World) -> None:
    def drip(answer: Answer) -> None:
        answer.head(STREAM)
        for byte in HEALTHY:
            answer.send(bytes([byte]))
        answer.end()

    exchange = site.ask(HTTP1, drip)
    assert exchange.client.read_all() == HEALTHY
    assert exchange.findings() == []


def test_empty_http2_frames_in_the_middle_are_no_end(site: World) -> None:
    def with_gaps(answer: Answer) -> None:
        answer.head(STREAM)
        for frame in CHAT_TEXT:
            answer.send(b"")
            answer.send(frame)
        answer.send(b"")
        answer.end()

    exchange = site.ask(HTTP2, with_gaps)
    assert exchange.client.read_all() == HEALTHY
    assert exchange.close_record()["outcome"] == "complete"


@every_route
def test_a_complete_event_whose_blank_line_is_overdue_is_released(site: World, route: Route) -> None:
    arrived = threading.Event()

    def stalls(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(CHAT_TEXT[0])
        answer.send(CHAT_TEXT[1][:-1])
        assert arrived.wait(30), "the client never got the event"
        for frame in CHAT_TEXT[2:]:
            answer.send(frame)
        answer.end()

    exchange = site.ask(route, stalls)
    payload = CHAT_TEXT[1].strip()
    exchange.client.read_until(lambda client: payload in client.body, "the event without its blank line")
    arrived.set()
    exchange.client.read_all()
    assert exchange.client.body.replace(b"\n", b"") == HEALTHY.replace(b"\n", b"")
    assert exchange.close_record()["outcome"] == "complete"


# -- the upstream's ends


def _send_half(answer: Answer, *head: str) -> None:
    answer.head(STREAM, *head)
    for frame in HALF:
        answer.send(frame)


def _fin(answer: Answer) -> None:
    _send_half(answer, "connection: close")
    answer.fin()
    answer.wait_closed()


def _fin_in_an_event(answer: Answer) -> None:
    _send_half(answer, "connection: close")
    answer.send(CHAT_TEXT[4][:40])
    answer.fin()
    answer.wait_closed()


def _reset(answer: Answer) -> None:
    _send_half(answer)
    answer.wait_arrived()
    answer.abort()


def _cut_chunk(answer: Answer) -> None:
    _send_half(answer)
    answer.raw(b"400\r\n" + CHAT_TEXT[4][:40])
    answer.fin()
    answer.wait_closed()


def _short_of_its_length(answer: Answer) -> None:
    _send_half(answer, "content-length: 100000")
    answer.fin()
    answer.wait_closed()


def _clean_but_incomplete(answer: Answer) -> None:
    answer.stream(*HALF)


def _complete_then_reset(answer: Answer) -> None:
    answer.head(STREAM)
    for frame in CHAT_TEXT:
        answer.send(frame)
    answer.wait_arrived()
    answer.abort()


@dataclass(frozen=True)
class End:
    cause: Callable[[Answer], None]
    routes: tuple[Route, ...]
    outcome: str
    terminal: str
    finding: str


ENDS = (
    End(_fin, (HTTP1, HTTPS1, HTTP2_TO_1), "upstream_end", "error", "answer_incomplete"),
    End(_fin_in_an_event, (HTTP1, HTTPS1), "upstream_end", "error", "truncated_json"),
    End(_reset, ROUTES, "upstream_abort", "error", "answer_incomplete"),
    End(_cut_chunk, (HTTP1, HTTPS1, HTTP2_TO_1), "upstream_abort", "error", "truncated_json"),
    End(_short_of_its_length, (HTTP1, HTTPS1, HTTP2_TO_1), "upstream_abort", "error", "answer_incomplete"),
    End(_clean_but_incomplete, ROUTES, "upstream_end", "error", "answer_incomplete"),
    End(_complete_then_reset, ROUTES, "upstream_abort", "seen", ""),
)


@pytest.mark.parametrize(
    ("end", "route"),
    [pytest.param(end, route, id=f"{end.cause.__name__[1:]}-{route.name}") for end in ENDS for route in end.routes],
)
def test_a_stream_that_its_upstream_breaks_ends_honestly_and_cleanly(site: World, end: End, route: Route) -> None:
    exchange = site.ask(route, end.cause)
    exchange.client.read_body(len(HEALTHY if end.terminal == "seen" else b"".join(HALF)))
    exchange.arrived.set()
    body = exchange.client.read_all()
    assert exchange.client.outcome == "clean"
    if end.terminal == "error":
        assert body.startswith(b"".join(HALF) + ERROR)
        assert body.endswith(b"\n\n")
    else:
        assert body == HEALTHY
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["terminal"]) == (end.outcome, end.terminal)
    assert exchange.findings() == ([end.finding] if end.finding else [])
    assert receipt["whole"] is (end.terminal == "seen")


@pytest.mark.parametrize("route", [HTTP1, HTTP2], ids=lambda route: route.name)
def test_a_loss_ends_the_clients_message_at_once_and_closes_the_upstream(site: World, route: Route) -> None:
    closed = threading.Event()

    def damaged(answer: Answer) -> None:
        _send_half(answer)
        answer.send(b'data: {"id":"chatcmpl-tide","choices":[{"delta":{"con\n\n' + CHAT_TEXT[4])
        answer.wait_closed()
        closed.set()

    exchange = site.ask(route, damaged)
    assert exchange.client.read_all().startswith(b"".join(HALF) + ERROR)
    assert exchange.client.outcome == "clean"
    assert closed.wait(30)
    assert exchange.close_record()["terminal"] == "error"
    assert exchange.findings()


@pytest.mark.parametrize("route", [HTTP1, HTTPS1, HTTP2], ids=lambda route: route.name)
def test_the_clients_connection_survives_an_upstream_that_broke_off(site: World, route: Route) -> None:
    first = site.ask(route, _reset)
    first.client.read_body(len(b"".join(HALF)))
    first.arrived.set()
    first.client.read_all()
    assert first.client.reuses_connection


def test_an_event_stream_of_another_kind_breaks_off_when_its_upstream_does(site: World) -> None:
    def tick(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(b"data: tick\n\n")
        answer.wait_arrived()
        answer.abort()

    exchange = site.ask(HTTP1, tick, method="GET", api="/clock", body=b"", headers={})
    exchange.client.read_body(len(b"data: tick\n\n"))
    exchange.arrived.set()
    assert exchange.client.read_all() == b"data: tick\n\n"
    assert exchange.client.outcome == "broken"
    assert exchange.records() == []


# -- the client leaves, a person kills, the proxy goes down


def _endless(answer: Answer) -> None:
    _send_half(answer)
    answer.wait_closed()


@every_route
def test_a_client_that_leaves_is_on_record_as_that_and_the_upstream_is_closed(site: World, route: Route) -> None:
    gone = threading.Event()

    def endless(answer: Answer) -> None:
        _endless(answer)
        gone.set()

    exchange = site.ask(route, endless)
    exchange.client.read_body(len(b"".join(HALF)))
    exchange.client.close()
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["client_connected"]) == ("client_disconnect", False)
    assert gone.wait(30)


def test_a_client_that_cancels_its_http2_stream_is_on_record_as_one_that_left(site: World) -> None:
    exchange = site.ask(HTTP2, _endless)
    exchange.client.read_body(len(b"".join(HALF)))
    exchange.client.cancel()
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["detail"]) == ("client_disconnect", "stream reset by client (CANCEL)")
    assert f"{exchange.path} (" not in site.proxy.output(), "that is everyday life, and no line on the terminal"


@every_route
def test_a_kill_ends_an_open_stream_within_a_second_and_not_as_if_it_were_complete(site: World, route: Route) -> None:
    closed = threading.Event()

    def endless(answer: Answer) -> None:
        _endless(answer)
        closed.set()

    exchange = site.ask(route, endless, headers={**JSON, "x-kill": "1"})
    exchange.client.read_body(len(b"".join(HALF)))
    start = time.monotonic()
    assert exchange.client.read_all() == b"".join(HALF)
    assert time.monotonic() - start < 0.3 + 1 + 1  # the kill's own delay, the promise, a busy machine
    assert exchange.client.outcome == "broken"
    assert exchange.close_record()["outcome"] == "killed"
    assert closed.wait(30)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_puts_open_streams_on_record_as_shut_down(sig: signal.Signals, tmp_path: Path) -> None:
    with world(folder=tmp_path) as running:
        exchanges = [running.ask(route, _endless) for route in (HTTP1, HTTP2)]
        for exchange in exchanges:
            exchange.client.read_body(len(b"".join(HALF)))
        start = time.monotonic()
        running.proxy.stop(sig)
        assert time.monotonic() - start < 10
        for exchange in exchanges:
            receipt = exchange.close_record()
            assert (receipt["outcome"], receipt["whole"]) == ("shutdown", False)
            exchange.client.read_all()
            assert exchange.client.outcome == "broken" or ERROR in exchange.client.body


# -- other ways in


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_reverse_mode_repairs_as_well(scheme: str) -> None:
    with upstream(tls=scheme == "https") as server:
        options = {"ssl_insecure": "true"}
        with mitmdump(mode=reverse(server.port, scheme), options=options) as proxy:
            path = server.script("back", _cut_chunk) + API
            client = Client1(dial(proxy.port))
            client.request("POST", HOST, path, JSON, REQUEST)
            assert client.read_all().startswith(b"".join(HALF) + ERROR)
            assert client.outcome == "clean"
            client.close()
            eventually(lambda: proxy.records()[-1:] and proxy.records()[-1]["type"] == "stream.close", "a receipt")
            assert proxy.records()[-1]["outcome"] == "upstream_abort"


def test_http2_trailers_pass(site: World) -> None:
    def with_trailers(answer: Answer) -> None:
        answer.head(STREAM)
        for frame in CHAT_TEXT:
            answer.send(frame)
        assert isinstance(answer, Answer2)
        answer.end_with_trailers()

    exchange = site.ask(HTTP2, with_trailers)
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.outcome == "clean"
    assert exchange.close_record()["outcome"] == "complete"


def test_what_is_told_on_the_terminal_is_one_line_for_each_stream(site: World) -> None:
    healthy = site.ask(HTTP1, lambda answer: answer.stream(*CHAT_TEXT))
    healthy.client.read_all()
    healthy.close_record()
    damaged = site.ask(HTTP1, lambda answer: answer.stream(*HALF, b'data: {"error": "\\u001b[31m \xff"}\n\n'))
    damaged.client.read_all()
    damaged.close_record()
    for one, told in ((healthy, "complete"), (damaged, "ended in an error event")):
        lines = eventually(lambda: [line for line in site.proxy.output().splitlines() if f"{one.path} (" in line], "a line")  # noqa: B023 - at once
        assert len(lines) == 1
        assert told in lines[0]
        assert lines[0].isprintable()
        assert lines[0].isascii()
