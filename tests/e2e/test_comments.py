"""Comments and keepalives for clients that can't read them, through a real mitmdump."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.routes import HTTP1, HTTP2, HTTPS1, Route, World, world
from e2e.wire import Answer, eventually
from healthy_streams import CHAT_TEXT

from streams import decode, is_keepalive

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

COMMENT = b": OPENROUTER PROCESSING\n\n"
STREAM = "content-type: text/event-stream"
every_route = pytest.mark.parametrize("route", [HTTP1, HTTPS1, HTTP2], ids=lambda route: route.name)


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(options={"resplice_comments": "convert", "resplice_heartbeat": "0.3"}) as running:
        yield running


@every_route
def test_a_client_that_cannot_read_comments_gets_none_from_the_upstream_nor_from_us(site: World, route: Route) -> None:
    exchange = None

    def beats() -> int:
        found = site.proxy.records()
        streams = {record["stream"] for record in found if record.get("path") == (exchange.path if exchange else "")}
        return sum(record.get("kind") == "heartbeat" and record["stream"] in streams for record in found)

    def waits(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(COMMENT * 3)
        for frame in CHAT_TEXT[:4]:
            answer.send(frame + COMMENT)
        eventually(lambda: beats() >= 2, "two heartbeats")
        for frame in CHAT_TEXT[4:]:
            answer.send(frame + COMMENT)
        answer.end()

    exchange = site.ask(route, waits)
    body = exchange.client.read_all()
    assert exchange.client.outcome == "clean"
    assert all(block.startswith(b"data: ") for block in body.split(b"\n\n")[:-1])
    assert body.endswith(b"data: [DONE]\n\n")
    said = [value for _, value in decode(body)]
    assert [value for value in said if not is_keepalive(value)] == [
        value for _, value in decode(b"".join(CHAT_TEXT)) if not is_keepalive(value)
    ]
    kept = [value for value in said if is_keepalive(value)]
    assert len(kept) > 6
    assert {value["id"] for value in kept} == {"chatcmpl-tide"}
    receipt = exchange.close_record()
    assert receipt["findings"]["comment"] > 3
    assert (receipt["outcome"], receipt["losses"]) == ("complete", 0)
