"""Upstreams that write much at once: heads, data and ends of all kinds in one write, over real sockets."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from e2e.routes import HTTP2, ROUTES, Route, World, world
from e2e.wire import Answer, Answer1, Answer2
from healthy_streams import CHAT_TEXT

from streams import chat, chat_text

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
ERROR = b'data: {"error":{"message":'
MANY = [chat_text(f"tide {number}") for number in range(30)]
LONG = chat(*[chat_text(f"tide {number}") for number in range(4000)])

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world() as running:
        yield running


@every_route
def test_what_was_written_at_once_arrives_at_once(site: World, route: Route) -> None:
    first = chat(b"").partition(b"\n\n")[0] + b"\n\n"
    arrived = threading.Event()

    def bursts(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(first)
        assert arrived.wait(30), "the client never got the first frame"
        with answer.at_once():
            for frame in MANY:
                answer.send(frame)
        answer.end()

    exchange = site.ask(route, bursts)
    exchange.client.read_body(len(first))
    arrived.set()
    whole = first + b"".join(MANY)
    assert exchange.client.read_body(len(whole))[: len(whole)] == whole, "what follows may be there already"
    assert exchange.client.pieces - 1 <= len(MANY) / 5, "30 frames, in one piece if all is well, and in a few on a busy machine"


@every_route
def test_a_whole_answer_in_one_write_passes_byte_for_byte(site: World, route: Route) -> None:
    def at_once(answer: Answer) -> None:
        with answer.at_once():
            answer.stream(*CHAT_TEXT)

    exchange = site.ask(route, at_once)
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.outcome == "clean"
    receipt = exchange.close_record()
    assert (receipt["outcome"], receipt["healthy"], receipt["delivered_whole"]) == ("complete", True, True)


@every_route
def test_a_megabyte_flat_out_passes_byte_for_byte(site: World, route: Route) -> None:
    def flat_out(answer: Answer) -> None:
        answer.head(STREAM)
        for at in range(0, len(LONG), 3000):
            with answer.at_once():
                for start in range(at, min(at + 3000, len(LONG)), 100):
                    answer.send(LONG[start : min(start + 100, at + 3000)])
        answer.end()

    exchange = site.ask(route, flat_out)
    assert exchange.client.read_all() == LONG
    assert exchange.client.outcome == "clean"
    assert exchange.close_record()["healthy"]


@every_route
def test_data_and_an_abort_in_one_write_are_delivered_and_told_in_that_order(site: World, route: Route) -> None:
    def breaks_off(answer: Answer) -> None:
        with answer.at_once():
            answer.head(STREAM)
            for frame in CHAT_TEXT[:4]:
                answer.send(frame)
            if isinstance(answer, Answer1):
                answer.raw(b"no size\r\n")
            else:
                answer.abort()

    exchange = site.ask(route, breaks_off)
    body = exchange.client.read_all()
    assert exchange.client.outcome == "clean"
    assert body.startswith(b"".join(CHAT_TEXT[:4]) + ERROR)
    assert exchange.close_record()["outcome"] == "upstream_abort"


def test_trailers_in_the_same_write_come_behind_the_data(site: World) -> None:
    def with_trailers(answer: Answer) -> None:
        assert isinstance(answer, Answer2)
        with answer.at_once():
            answer.head(STREAM)
            for frame in CHAT_TEXT:
                answer.send(frame)
            answer.end_with_trailers()

    exchange = site.ask(HTTP2, with_trailers)
    assert exchange.client.read_all() == HEALTHY
    assert exchange.close_record()["outcome"] == "complete"
