"""Defects of ours within a real mitmdump: each stream still passes, each byte once, to a clean end."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from e2e.routes import HTTP1, HTTP2, HTTPS1, JSON, Route, World, world
from healthy_streams import CHAT_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

HEALTHY = b"".join(CHAT_TEXT)
PIECES = [HEALTHY[at : at + 47] for at in range(0, len(HEALTHY), 47)]
POINTS = [
    "proxy.internals.shim.Shim._handle_rare",
    "proxy.internals.shim.Shim._arm",
    "proxy.internals.shim.Shim._on_upstream",
    "proxy.internals.shim.Shim.caught_up",
    "proxy.internals.before_headers.Gate._take",
    "proxy.internals.before_headers.Gate._on_body",
    "proxy.internals.before_headers.Gate._judge",
    "proxy.internals.coalesce._joined",
    "proxy.trial.Trial.feed",
    "proxy.stream.Stream._detail",
    "records.recorder.StreamRecorder.close",
    "session.session.Session.receive_data",
    "session.session.Session.finish",
    "session.reader.Reader.read",
    "session.frames.Frames.item",
    "core.framer.SseFramer.receive_data",
    "core.framer.SseFramer.complete",
]
BREAKER = """
    import importlib

    ARMED = []

    def wrap(path):
        names = path.split(".")
        owner = importlib.import_module(".".join(["resplice", *names[:-2]])) if names[-2][0].isupper() else None
        owner = getattr(owner, names[-2]) if owner else importlib.import_module(".".join(["resplice", *names[:-1]]))
        original = getattr(owner, names[-1])

        def breaking(*args, **kwargs):
            if ARMED and ARMED[0] == path:
                ARMED[1] -= 1
                if ARMED[1] < 0:
                    ARMED.clear()
                    raise ZeroDivisionError("on purpose")
            return original(*args, **kwargs)

        setattr(owner, names[-1], breaking)

    def running():
        for path in POINTS:
            wrap(path)

    def request(flow):
        ARMED[:] = [flow.request.headers["x-break"], int(flow.request.headers["x-after"])]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    script = tmp_path_factory.mktemp("breaker") / "breaker.py"
    script.write_text(f"POINTS = {POINTS!r}\n{textwrap.dedent(BREAKER)}", "utf-8")
    with world(args=("-s", str(script))) as running:
        yield running


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("route", [HTTP1, HTTPS1, HTTP2], ids=lambda route: route.name)
def test_a_defect_costs_the_client_nothing(site: World, route: Route, point: str, after: int) -> None:
    headers = JSON | {"x-break": point, "x-after": str(after)}
    exchange = site.ask(route, lambda answer: answer.stream(*PIECES), headers=headers)
    assert exchange.client.read_all() == HEALTHY
    assert exchange.client.outcome == "clean"


def test_the_defects_were_there(site: World) -> None:
    exchange = site.ask(
        HTTP1, lambda answer: answer.stream(*PIECES), headers=JSON | {"x-break": "session.frames.Frames.item", "x-after": "0"}
    )
    assert exchange.client.read_all() == HEALTHY
    assert exchange.findings() == ["internal_error"]
