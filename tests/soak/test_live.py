"""Long runs of a real mitmdump: make soak-live. They take as long as they are told to, so the test suite leaves them out."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import healthy_streams as healthy
from e2e.routes import API, REQUEST, ROUTES, Exchange, Route, World, world
from e2e.wire import Answer

from streams import chat, chat_text, decode, is_keepalive

if TYPE_CHECKING:
    from collections.abc import Iterator

DRIP_SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
LONG_SECONDS = 60 * float(os.environ.get("SOAK_MINUTES", "10"))
STREAM = "content-type: text/event-stream"
BEAT = 0.1
MESSAGES = "/v1/messages"
GRACE = 60.0
"""Seconds that a busy machine may take longer."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(DRIP_SECONDS + LONG_SECONDS + 5 * GRACE)]


def malformed(body: bytes) -> list[bytes]:
    """The blocks of a body that are not as they should be: whole comments, then an event's name at most, then one line of JSON."""
    *blocks, rest = body.split(b"\n\n")
    return [block for block in blocks if not _is_sound(block)] + ([rest] if rest else [])


def _is_sound(block: bytes) -> bool:
    *heads, data = re.sub(rb"\A(: keepalive\n|\n)+", b"", block).split(b"\n")
    if len(heads) > 1 or not data.startswith(b"data: ") or not all(head.startswith(b"event: ") for head in heads):
        return False
    try:
        value = json.loads(data.removeprefix(b"data: ")) if data != b"data: [DONE]" else {}
    except ValueError:
        return False
    return isinstance(value, dict) and all(head == b"event: " + value["type"].encode() for head in heads)


def told(body: bytes) -> list[object]:
    return [value for _, value in decode(body) if not is_keepalive(value)]


def read(exchange: Exchange, seconds: float) -> bytes:
    return exchange.client.read_until(lambda client: bool(client.outcome), "the body's end", seconds + GRACE).body


class Drip:
    """One answer, written byte by byte, with pauses about as long as the time between two heartbeats."""

    def __init__(self, seed: int, api: str) -> None:
        self.sent = b""
        self._random = random.Random(seed)
        self._api = api

    def __call__(self, answer: Answer) -> None:
        answer.head(STREAM)
        end = time.monotonic() + DRIP_SECONDS
        first, middle, last = self._parts()
        self._write(answer, first)
        while time.monotonic() < end:
            self._write(answer, middle)
        self._write(answer, last)
        answer.end()

    def _parts(self) -> tuple[bytes, bytes, bytes]:
        if self._api == MESSAGES:
            frames = healthy.MESSAGES_TEXT
            at = next(number for number, one in enumerate(frames) if b"content_block_delta" in one)
            return b"".join(frames[:at]), frames[at], b"".join(frames[at + 1 :])
        first, last = chat(b"|").split(b"|")
        return first, chat_text("tide \\u2014 \u2014"), last

    def _write(self, answer: Answer, data: bytes) -> None:
        for at in range(len(data)):
            answer.send(data[at : at + 1])
            self.sent += data[at : at + 1]
            time.sleep(self._pause(near_boundary=data[at - 1 : at + 1] in {b"", b"d", b"\n\n", b"}\n"}))

    def _pause(self, *, near_boundary: bool) -> float:
        """Seconds, about those between two heartbeats; rarely within a frame, often around its ends."""
        chance = 0.3 if near_boundary else 0.01
        return self._random.uniform(0.7, 1.7) * BEAT if self._random.random() < chance else 0.0


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[World]:
    with world(request.param) as running:
        yield running


@pytest.mark.parametrize("site", [{"resplice_heartbeat": str(BEAT)}], indirect=True, ids=["heartbeat"])
def test_a_heartbeat_that_races_an_upstream_of_single_bytes_tears_no_frame(site: World) -> None:
    plan = [(route, api) for route in ROUTES for api in (API, API, MESSAGES)]
    drips = [Drip(seed, api) for seed, (_, api) in enumerate(plan)]
    exchanges = [site.ask(route, drip, api=api) for (route, api), drip in zip(plan, drips, strict=True)]
    frames, findings = 0, Counter[str]()
    for exchange, drip in zip(exchanges, drips, strict=True):
        body = read(exchange, DRIP_SECONDS)
        assert malformed(body) == []
        assert told(body) == told(drip.sent)
        receipt = exchange.close_record()
        assert (receipt["outcome"], receipt["losses"]) == ("complete", 0)
        frames += body.count(b"\n\n")
        findings += Counter(receipt["findings"])
    print(f"\n{len(plan)} streams of {DRIP_SECONDS:g} s on {len(ROUTES)} routes: {frames} frames, none malformed; {dict(findings)}")
    assert findings["heartbeat"] > DRIP_SECONDS


def _slowly(frames: list[bytes]):
    def play(answer: Answer) -> None:
        answer.head(STREAM)
        for frame in frames:
            answer.send(frame)
            time.sleep(0.5)
        answer.end()

    return play


@pytest.mark.parametrize(
    "site", [{"resplice_idle_timeout": "5", "resplice_stall_timeout": "8"}], indirect=True, ids=["short-timeouts"]
)
def test_a_long_stream_is_never_cut_however_short_the_timeouts_for_silence_are(site: World) -> None:
    answer = chat(*[chat_text(f"tide {number}") for number in range(int(2 * LONG_SECONDS))])
    frames = [frame + b"\n\n" for frame in answer.split(b"\n\n")[:-1]]
    begin = time.monotonic()
    exchanges: dict[Route, Exchange] = {route: site.ask(route, _slowly(frames), body=REQUEST) for route in ROUTES}
    for exchange in exchanges.values():
        assert read(exchange, LONG_SECONDS) == answer
        assert exchange.client.outcome == "clean"
        receipt = exchange.close_record()
        assert (receipt["outcome"], receipt["healthy"], receipt["delivered_whole"]) == ("complete", True, True)
        assert receipt["duration_ms"] >= LONG_SECONDS * 1000
    print(f"\n{len(frames)} frames on each of {len(ROUTES)} routes in {time.monotonic() - begin:.0f} s, byte for byte")
