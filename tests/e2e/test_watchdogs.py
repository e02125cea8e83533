"""Silence, through a real mitmdump over real sockets: heartbeats, idle ends, keepalives alone, and bodies left open."""

from __future__ import annotations

import itertools
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

import healthy_streams as healthy
from e2e.routes import HTTP1, HTTP2, ROUTES, Route, World, world
from e2e.wire import Answer, eventually, upstream
from healthy_streams import CHAT_TEXT
from processes import mitmdump, reverse
from sdk_clients import CLIENTS, Client, Failure, ask

from streams import decode, is_keepalive

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
HALF = b"".join(CHAT_TEXT[:4])
IDLE = 2.0
STALL = 4.0
BEAT = 0.12
OPTIONS = {"resplice_heartbeat": str(BEAT), "resplice_idle_timeout": str(IDLE), "resplice_stall_timeout": str(STALL)}
ANSWERS = {
    "openai-chat": healthy.CHAT_TEXT,
    "openai-responses": healthy.RESPONSES_TEXT,
    "anthropic-messages": healthy.MESSAGES_TEXT,
}
OWN_ERRORS = {"openai responses .stream()"}

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
every_client = pytest.mark.parametrize("client", [one for one in CLIENTS if one.dialect in ANSWERS], ids=lambda client: client.name)


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(OPTIONS) as running:
        yield running


def hangs(answer: Answer) -> None:
    answer.head(STREAM)
    answer.send(HALF)
    eventually(answer.is_closed, "the upstream's side to be closed")


def meaningful(body: bytes) -> list[object]:
    return [value for _, value in decode(body) if not is_keepalive(value)]


@every_route
def test_a_stream_that_hangs_ends_in_an_error_in_time_and_the_upstream_is_closed(site: World, route: Route) -> None:
    exchange = site.ask(route, hangs)
    exchange.client.read_body(len(HALF))
    begin = time.monotonic()
    body = exchange.client.read_all()
    took = time.monotonic() - begin
    assert exchange.client.outcome == "clean"
    assert IDLE - 0.3 < took < IDLE + 1
    assert body.startswith(HALF)
    assert "error" in decode(body)[-1][1]
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["terminal"]) == ("idle", "error")
    assert receipt["findings"]["heartbeat"] >= 3


@every_route
def test_heartbeats_are_seen_in_the_silence_and_the_answer_is_the_same(site: World, route: Route) -> None:
    beaten = threading.Event()

    def pauses(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(HALF)
        assert beaten.wait(30), "the client saw no heartbeat"
        answer.send(HEALTHY[len(HALF) :])
        answer.end()

    exchange = site.ask(route, pauses)
    exchange.client.read_until(lambda client: client.body.count(b'"delta":{"content":""}') >= 2, "two heartbeats")
    beaten.set()
    body = exchange.client.read_all()
    assert meaningful(body) == meaningful(HEALTHY)
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["delivered_whole"]) == ("complete", True)
    assert set(receipt["findings"]) == {"heartbeat"}


@pytest.mark.parametrize("route", [HTTP1, HTTP2], ids=lambda route: route.name)
def test_a_heartbeat_that_races_a_slow_upstream_never_tears_a_frame(site: World, route: Route) -> None:
    pace = itertools.cycle([0.0] * 61 + [1.3 * BEAT])

    def crawls(answer: Answer) -> None:
        answer.head(STREAM)
        for byte in HEALTHY:
            answer.send(bytes([byte]))
            time.sleep(next(pace))
        answer.end()

    def dawdles(answer: Answer) -> None:
        answer.head(STREAM)
        for frame in CHAT_TEXT:
            for piece in (frame[:1], frame[1:-1], frame[-1:]):
                answer.send(piece)
                time.sleep(1.5 * BEAT)
        answer.end()

    exchanges = [site.ask(route, script) for script in (crawls, dawdles) * 3]
    beats = 0
    for exchange in exchanges:
        body = exchange.client.read_all()
        assert all(isinstance(value, dict) or value == "[DONE]" for _, value in decode(body))
        assert meaningful(body) == meaningful(HEALTHY)
        beats += exchange.close_record()["findings"].get("heartbeat", 0)
    assert beats > 10


@every_route
def test_pings_alone_keep_a_dead_generation_alive_for_so_long_only(site: World, route: Route) -> None:
    def pings(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(HALF)
        while not answer.is_closed():
            answer.send(b": ping\n\n")
            time.sleep(0.3)

    exchange = site.ask(route, pings)
    begin = time.monotonic()
    body = exchange.client.read_all()
    assert IDLE + 0.5 < time.monotonic() - begin < STALL + 1.5
    assert "error" in decode(body)[-1][1]
    assert "nothing but keepalives" in exchange.close_record()["detail"]


@every_route
def test_a_body_left_open_behind_its_terminal_is_ended_cleanly(site: World, route: Route) -> None:
    def stays_open(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(HEALTHY)
        eventually(answer.is_closed, "the upstream's side to be closed")

    exchange = site.ask(route, stays_open)
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.outcome == "clean"
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["terminal"], receipt["healthy"]) == ("complete", "seen", True)


# -- the real SDKs


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of Resplice in front of an upstream that answers as the first part of the path says."""
    with upstream() as server, mitmdump(reverse(server.port), options=OPTIONS) as proxy:
        for dialect, frames in ANSWERS.items():
            for name, pause in (("hang", 1e9), ("pause", 0.8 * IDLE), ("prompt", 0.0)):
                server.script(f"{name}-{dialect}", _pausing(frames, pause))
        yield proxy.url


def _pausing(frames: tuple[bytes, ...], pause: float):
    def play(answer: Answer) -> None:
        answer.head(STREAM)
        half = len(frames) // 2
        for frame in frames[:half]:
            answer.send(frame)
        end = time.monotonic() + pause
        while time.monotonic() < end and not (pause > IDLE and answer.is_closed()):
            time.sleep(0.05)
        if pause <= IDLE:
            for frame in frames[half:]:
                answer.send(frame)
            answer.end()

    return play


@every_client
def test_a_stream_that_hangs_for_ever_is_an_error_that_the_sdk_raises_in_time(served: str, client: Client) -> None:
    begin = time.monotonic()
    result = ask(client, f"{served}/hang-{client.dialect}", "m")
    took = time.monotonic() - begin
    assert isinstance(result, Failure), result
    assert result.reported or client.name in OWN_ERRORS
    assert took < IDLE + 1


@every_client
def test_a_pause_that_is_shorter_ends_in_the_same_answer(served: str, client: Client) -> None:
    paused = ask(client, f"{served}/pause-{client.dialect}", "m")
    assert paused == ask(client, f"{served}/prompt-{client.dialect}", "m")
    assert not isinstance(paused, Failure), json.dumps(str(paused))
