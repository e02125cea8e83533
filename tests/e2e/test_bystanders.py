"""Streams of other software through a real mitmdump: byte for byte, each piece at once, under their own headers."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bystander_formats import FORMATS, Format
from e2e.routes import HTTP1, HTTP2, Route, World, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.wire import Answer

pytestmark = pytest.mark.e2e

SHARED = Path(__file__).resolve().parents[3] / "shared" / "cases" / "bystanders"
_ROW = re.compile(r"\| ([\w-]+) \| `(\w+) ([^`]+)` \| `(.*)` \| ([^|]+?) \| [^|]+ \|$", re.MULTILINE)
_PIECE = re.compile(rb".*?(?:\n\r?\n|\n(?!\r?\n|data|event|id|retry|:)|$)", re.DOTALL)
"""An event, or a line that is none of an event stream's."""


def shared() -> list[Format]:
    index = SHARED / "INDEX.md"
    rows = _ROW.findall(index.read_text("utf-8")) if index.is_file() else []
    return [
        Format(name, method, path, json.loads(body) if body != "None" else None, _pieces(name), kind)
        for name, method, path, body, kind in rows
    ]


def _pieces(name: str) -> tuple[bytes, ...]:
    return tuple(piece for piece in _PIECE.findall((SHARED / f"{name}.in").read_bytes()) if piece)


def test_the_shared_cases_are_there() -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared is absent: only the formats of our own are tried")
    assert len(shared()) == 36


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world() as running:
        yield running


@pytest.mark.parametrize("route", [HTTP1, HTTP2], ids=lambda route: route.name)
@pytest.mark.parametrize("one", [*FORMATS, *shared()], ids=lambda one: one.name)
def test_a_stream_of_other_software_passes_byte_for_byte_and_at_once(site: World, one: Format, route: Route) -> None:
    seen = threading.Semaphore(0)
    asked: list[str] = []

    def script(answer: Answer) -> None:
        asked.append(answer.headers.get("accept-encoding", ""))
        answer.head(f"content-type: {one.kind}", "x-case: kept")
        for piece in one.pieces:
            answer.send(piece)
            assert seen.acquire(timeout=10), f"the client never got {piece!r}"
        answer.end()

    body = b"" if one.body is None else json.dumps(one.body).encode()
    headers = {"accept-encoding": "gzip"} | ({} if one.body is None else {"content-type": "application/json"})
    exchange = site.ask(route, script, method=one.method, api=one.path, body=body, headers=headers)
    size = 0
    for piece in one.pieces:
        size += len(piece)
        exchange.client.read_body(size)
        seen.release()
    assert exchange.client.read_all() == b"".join(one.pieces)
    assert exchange.client.outcome == "clean"
    assert exchange.client.headers["content-type"] == one.kind
    if one.body is None:
        assert asked == ["gzip"]
