"""Gemini's two forms through a real mitmdump: bytes, moments, and the type that the body is announced under."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

import gemini_streams as g
from e2e.routes import HTTP1, ROUTES, Route, World, world

from streams import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.wire import Answer

pytestmark = pytest.mark.e2e

ARRAY = "/v1beta/models/tiny-g:streamGenerateContent"
EVENTS = ARRAY + "?alt=sse"
ASK = b'{"contents": [{"parts": [{"text": "tide?"}]}]}'
JSON = "content-type: application/json; charset=UTF-8"
PIECES = [g.GEMINI_ARRAY[: g.GEMINI_ARRAY.index(b"\r\n,")], *g.GEMINI_ARRAY.partition(b"\r\n,")[1:]]


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world() as running:
        yield running


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_array_passes_byte_for_byte_each_element_in_the_moment_it_is_complete(site: World, route: Route) -> None:
    seen = threading.Event()

    def in_two_pieces(answer: Answer) -> None:
        answer.head(JSON)
        answer.send(PIECES[0])
        assert seen.wait(30), "the client never got the element"
        answer.send(PIECES[1] + PIECES[2])
        answer.end()

    exchange = site.ask(route, in_two_pieces, api=ARRAY, body=ASK)
    assert exchange.client.read_body(len(PIECES[0])) == PIECES[0]
    seen.set()
    assert exchange.client.read_all() == g.GEMINI_ARRAY
    assert exchange.client.headers["content-type"] == "application/json; charset=UTF-8"
    assert exchange.findings() == []
    assert exchange.close_record()["model"] == "tiny-g"


def test_events_become_an_array_where_one_was_asked_for(site: World) -> None:
    exchange = site.ask(HTTP1, lambda answer: answer.stream(g.GEMINI), api=ARRAY, body=ASK)
    assert json.loads(exchange.client.read_all()) == list(g.CHUNKS)
    assert exchange.client.headers["content-type"] == "application/json"
    assert set(exchange.findings()) == {"body_form"}


@pytest.mark.parametrize("coding", ["", f"content-length: {len(g.GEMINI_ARRAY)}"])
def test_an_array_becomes_events_where_they_were_asked_for(site: World, coding: str) -> None:
    head = (JSON, coding) if coding else (JSON,)
    exchange = site.ask(HTTP1, lambda answer: answer.stream(g.GEMINI_ARRAY, head=head), api=EVENTS, body=ASK)
    assert [value for _, value in decode(exchange.client.read_all())] == list(g.CHUNKS)
    assert exchange.client.headers["content-type"] == "text/event-stream"


def test_a_cut_array_ends_in_an_error_and_a_bracket(site: World) -> None:
    exchange = site.ask(HTTP1, lambda answer: answer.stream(PIECES[0], head=(JSON,)), api=ARRAY, body=ASK)
    *good, last = json.loads(exchange.client.read_all())
    assert good == [g.HEL]
    assert last["error"]["status"] == "UNAVAILABLE"
