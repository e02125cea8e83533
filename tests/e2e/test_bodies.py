"""Which bodies are looked at, how they may be coded and delimited, and what becomes of the headers. Through a real mitmdump."""

from __future__ import annotations

import json
import threading
import zlib
from typing import TYPE_CHECKING

import pytest

from e2e.clients import dial
from e2e.routes import HTTP1, HTTP2, JSON, REQUEST, ROUTES, Route, World, world
from e2e.wire import Answer, eventually
from healthy_streams import CHAT_TEXT
from unit.proxy.codings import ENCODERS, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
ERROR = b'data: {"error":{"message":'
BROKEN = (CHAT_TEXT[0], CHAT_TEXT[1][:-1] + CHAT_TEXT[2], *CHAT_TEXT[3:])
"""One blank line is missing."""


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world() as running:
        yield running


@pytest.fixture(scope="module")
def observer() -> Iterator[World]:
    with world({"resplice_mode": "observe"}) as running:
        yield running


# -- content codings


@pytest.mark.parametrize("coding", ENCODERS)
def test_an_encoded_answer_is_decoded_frame_by_frame(site: World, coding: str) -> None:
    seen = threading.Semaphore(0)

    def encoded(answer: Answer) -> None:
        assert answer.headers["accept-encoding"] == "identity"
        answer.head(STREAM, f"content-encoding: {coding.removeprefix('raw-')}")
        for piece in encode(coding, CHAT_TEXT):
            answer.send(piece)
            assert seen.acquire(timeout=30), "the client never got the frame"
        answer.end()

    exchange = site.ask(HTTP1, encoded, headers={**JSON, "accept-encoding": "gzip, br, zstd"})
    size = 0
    for frame in CHAT_TEXT:
        size += len(frame)
        assert exchange.client.read_body(size) == HEALTHY[:size]
        seen.release()
    seen.release()
    assert exchange.client.read_all() == HEALTHY
    assert "content-encoding" not in exchange.client.headers
    assert exchange.close_record()["outcome"] == "complete"


@pytest.mark.parametrize("coding", ENCODERS)
def test_an_encoded_answer_that_is_damaged_ends_in_an_error(site: World, coding: str) -> None:
    seen = threading.Semaphore(0)
    good = CHAT_TEXT[0] + CHAT_TEXT[1]

    def damaged(answer: Answer) -> None:
        answer.head(STREAM, f"content-encoding: {coding.removeprefix('raw-')}")
        pieces = encode(coding, CHAT_TEXT)
        answer.send(pieces[0] + pieces[1])
        assert seen.acquire(timeout=30), "the client never got the frames"  # a decoder gives nothing of a read that has damage
        answer.send(b"\xff" * 64)
        answer.wait_closed()

    exchange = site.ask(HTTP1, damaged)
    assert exchange.client.read_body(len(good)) == good
    seen.release()
    assert exchange.client.read_all().startswith(good + ERROR)
    assert exchange.client.outcome == "clean"
    assert "encoding_broken" in exchange.findings()


def test_an_encoded_answer_that_ends_early_gives_all_events_that_came_and_then_an_error(site: World) -> None:
    def cut(answer: Answer) -> None:
        answer.stream(*encode("gzip", CHAT_TEXT)[:3], head=(STREAM, "content-encoding: gzip"))

    exchange = site.ask(HTTP1, cut)
    assert exchange.client.read_all().startswith(b"".join(CHAT_TEXT[:3]) + ERROR)
    assert exchange.close_record()["detail"] == "the encoded body ends before the end of its data"


@pytest.mark.parametrize("begun", [False, True], ids=["before the answer has begun", "within the answer"])
def test_a_decompression_bomb_ends_in_an_error(site: World, begun: bool) -> None:
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(b"".join(CHAT_TEXT[:3])) + packer.flush(zlib.Z_SYNC_FLUSH) if begun else b""
    bomb = packer.compress(b" " * 60_000_000) + packer.flush()

    def explode(answer: Answer) -> None:
        answer.head(STREAM, "content-encoding: gzip")
        if head:
            answer.send(head)
            answer.wait_arrived()
        answer.send(bomb)
        answer.wait_closed()

    exchange = site.ask(HTTP1, explode)
    if begun:
        text = b"".join(CHAT_TEXT[:3])
        exchange.client.read_body(len(text))
        exchange.arrived.set()
        assert exchange.client.read_all().startswith(text + ERROR)
    else:
        assert "error" in json.loads(exchange.client.read_all())
    assert exchange.client.status == (200 if begun else 502)
    assert exchange.client.outcome == "clean"
    assert "encoding_broken" in exchange.findings()


# -- what is recognised, and what is left alone


@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", "application/octet-stream", None])
@pytest.mark.parametrize("route", [HTTP1, HTTP2], ids=lambda route: route.name)
def test_a_stream_with_a_wrong_content_type_is_recognised_because_one_was_asked_for(
    site: World, route: Route, kind: str | None
) -> None:
    head = (f"content-type: {kind}",) if kind else ()
    exchange = site.ask(route, lambda answer: answer.stream(*BROKEN, head=head))
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.headers["content-type"] == "text/event-stream"
    assert exchange.findings()


def test_a_stream_on_an_unknown_path_is_recognised_by_its_first_frame(site: World) -> None:
    exchange = site.ask(HTTP1, lambda answer: answer.stream(*BROKEN), api="/chat", body=b'{"question": "tide?"}')
    assert exchange.client.read_all() == HEALTHY
    assert exchange.findings()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_event_stream_of_another_kind_passes_unchanged_and_unrecorded(site: World, route: Route) -> None:
    ticks = (b"event: tick\n\n", b"data: {oops\n\n", b": x\n", b"data: 1\rdata: 2\n\nid: 7\n\n", b"data: unfinished")
    exchange = site.ask(route, lambda answer: answer.stream(*ticks), method="GET", api="/clock", body=b"", headers={})
    assert exchange.client.read_all() == b"".join(ticks)
    assert exchange.client.outcome == "clean"
    assert exchange.records() == []


PLAIN = json.dumps({"id": "chatcmpl-tide", "object": "chat.completion", "choices": []}).encode()
NO_STREAM = json.dumps({"model": "harbour-1", "messages": []}).encode()


def _plain(kind: str, status: str = "200 OK") -> Callable[[Answer], None]:
    def script(answer: Answer) -> None:
        answer.head(f"Content-Type: {kind}", f"Content-Length: {len(PLAIN)}", "X-Case: Kept", status=status)
        if answer.method != "HEAD":
            answer.send(PLAIN)

    return script


LEFT_ALONE = {
    "an answer to a request that asks for no stream": (_plain("application/json"), "POST", NO_STREAM),
    "an event stream that was not asked for": (_plain("text/event-stream"), "POST", NO_STREAM),
    "an error's status": (_plain("application/json", "429 Too Many Requests"), "POST", REQUEST),
    "an answer to HEAD": (_plain("text/event-stream"), "HEAD", b""),
    "an image": (_plain("image/png"), "POST", REQUEST),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_other_answers_are_left_alone(site: World, case: str) -> None:
    script, method, body = LEFT_ALONE[case]
    exchange = site.ask(HTTP1, script, method=method, body=body)
    exchange.client.read_head()
    if method == "HEAD":
        assert exchange.client.headers["content-length"] == str(len(PLAIN))
    else:
        assert exchange.client.read_all() == PLAIN
        assert exchange.client.headers == {
            "content-type": LEFT_ALONE[case][0].__closure__[0].cell_contents,
            "content-length": str(len(PLAIN)),
            "x-case": "Kept",
        }
    assert exchange.records() == []


def test_a_request_that_asks_for_no_stream_keeps_its_accept_encoding(site: World) -> None:
    seen: list[str] = []

    def look(answer: Answer) -> None:
        seen.append(answer.headers["accept-encoding"])
        _plain("application/json")(answer)

    exchange = site.ask(HTTP1, look, body=NO_STREAM, headers={**JSON, "accept-encoding": "gzip"})
    exchange.client.read_all()
    assert seen == ["gzip"]


# -- length


def test_a_body_of_known_length_may_change_its_length(site: World) -> None:
    body = b"".join(BROKEN)
    exchange = site.ask(HTTP1, lambda answer: answer.stream(body, head=(STREAM, f"content-length: {len(body)}")))
    assert exchange.client.read_all() == HEALTHY
    assert "content-length" not in exchange.client.headers
    assert exchange.client.headers["transfer-encoding"] == "chunked"


@pytest.mark.parametrize("route", [HTTP2], ids=lambda route: route.name)
def test_an_http2_client_gets_no_headers_of_http1_framing(site: World, route: Route) -> None:
    exchange = site.ask(route, lambda answer: answer.stream(*BROKEN, head=(STREAM, "cache-control: no-cache")))
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.headers == {":status": "200", "content-type": "text/event-stream", "cache-control": "no-cache"}


def test_an_http1_0_client_gets_a_body_that_ends_with_the_connection(site: World) -> None:
    path = site.ask(HTTP1, lambda answer: answer.stream(*BROKEN)).path  # registers the script
    sock = dial(site.proxy.port)
    host = site.ask(HTTP1, lambda answer: answer.stream(*CHAT_TEXT)).host
    sock.sendall(f"POST http://{host}{path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {len(REQUEST)}\r\n\r\n".encode() + REQUEST)
    answer = b""
    while data := sock.recv(65536):
        answer += data
    sock.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == HEALTHY
    assert b"transfer-encoding" not in head.lower()
    assert b"content-length" not in head.lower()


def _empty(answer: Answer) -> None:
    answer.head(STREAM, "content-length: 0")


def _empty_chunked(answer: Answer) -> None:
    answer.stream()


def _only_comments(answer: Answer) -> None:
    answer.stream(b": hello\n\n", b"\n")


@pytest.mark.parametrize("script", [_empty_chunked, _only_comments])
@pytest.mark.parametrize("route", [HTTP1, HTTP2], ids=lambda route: route.name)
def test_a_stream_without_an_event_becomes_an_error_status(site: World, script: Callable[[Answer], None], route: Route) -> None:
    exchange = site.ask(route, script)
    error = json.loads(exchange.client.read_all())["error"]
    assert "no event" in error["message"]
    assert (exchange.client.status, exchange.client.outcome) == (502, "clean")
    assert exchange.findings() == ["empty_stream"]


def test_a_body_of_no_length_becomes_an_error(site: World) -> None:
    """mitmproxy has no stream here that could be held back: the status is the upstream's."""
    exchange = site.ask(HTTP1, _empty)
    assert exchange.client.read_all().startswith(ERROR)
    assert exchange.client.outcome == "clean"
    assert exchange.findings() == ["empty_stream"]


# -- observe


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_observe_changes_not_one_byte_and_says_what_would_have_been_done(observer: World, route: Route) -> None:
    broken = (*BROKEN[:6], b"data: {cut\n\n")
    exchange = observer.ask(route, lambda answer: answer.stream(*broken))
    assert exchange.client.read_all() == b"".join(broken)
    exchange.close_record()
    findings = [one for one in exchange.records() if "kind" in one]
    assert findings
    assert not any(one["applied"] for one in findings)


def test_observe_leaves_length_coding_and_type_as_they_are(observer: World) -> None:
    body = b"".join(encode("gzip", BROKEN))
    head = ("content-type: text/plain", "content-encoding: gzip", f"content-length: {len(body)}")

    def script(answer: Answer) -> None:
        assert answer.headers["accept-encoding"] == "gzip"
        answer.stream(body, head=head)

    exchange = observer.ask(HTTP1, script, headers={**JSON, "accept-encoding": "gzip"})
    assert exchange.client.read_all() == body
    assert exchange.client.headers == dict(line.split(": ") for line in head)
    assert exchange.findings()


@pytest.mark.parametrize("route", [HTTP1, HTTP2], ids=lambda route: route.name)
def test_observe_breaks_off_where_the_upstream_does(observer: World, route: Route) -> None:
    def script(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(CHAT_TEXT[0])
        answer.wait_arrived()
        answer.abort()

    exchange = observer.ask(route, script)
    exchange.client.read_body(len(CHAT_TEXT[0]))
    exchange.arrived.set()
    assert exchange.client.read_all() == CHAT_TEXT[0]
    assert exchange.client.outcome == "broken"
    assert eventually(exchange.close_record, "a receipt")["outcome"] == "upstream_abort"
