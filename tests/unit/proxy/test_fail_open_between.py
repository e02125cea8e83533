"""A defect between a stream and mitmproxy, anywhere: mitmproxy hears of each event once, and the client gets what it is owed."""

import logging
import re
from contextlib import contextmanager
from types import CodeType

import pytest
from mitmproxy.test import taddons

from defects import Probe, chosen
from resplice.proxy.addon import Resplice
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.gates import GateBench
from unit.proxy.paper import CHUNKED, END, chunk

_FILES = (
    "/internals/shim.py",
    "/internals/before_headers.py",
    "/internals/coalesce.py",
    "/internals/backlog.py",
    "/internals/way.py",
)
_TRUSTED = {
    *("_handle_event", "_fail_open", "_let_pass", "_let_through", "_start_response_stream", "_make_server_connection"),
    *("handle_event", "_read", "_release", "_leave", "_may_wait", "gather_waiting"),
    *("begin", "on", "run", "owe", "tell", "install", "__init__", "adopt"),
}
"""What catches the exceptions, and the one line each that hands an event on."""
HALF = FIRST[:30]


def wanted(code: CodeType) -> bool:
    return code.co_filename.endswith(_FILES) and code.co_name not in _TRUSTED and not code.co_name.startswith("<")


def healthy(bench):
    bench.answer(CHUNKED, chunk(FIRST[:40]), chunk(FIRST[40:]) + chunk(LAST), chunk(DONE) + END)


def tail_in_pieces(bench):
    bench.answer(CHUNKED + chunk(FIRST), chunk(HALF), chunk(FIRST[30:] + LAST + DONE), END)


def ticks(bench):
    bench.answer(CHUNKED, chunk(FIRST))
    for _ in range(2):
        if bench.timers:
            bench.tick()
    bench.answer(chunk(LAST), chunk(DONE + b""), END)


def loss(bench):
    bench.answer(CHUNKED, chunk(FIRST), chunk(b'data: {"cut\n\n'))


def abort(bench):
    bench.answer(CHUNKED, chunk(FIRST), chunk(HALF))
    bench.breaks_off()


def kill(bench):
    bench.answer(CHUNKED, chunk(FIRST), chunk(HALF))
    if bench.flow.killable:
        bench.flow.kill()
        bench.tick()


def client_leaves(bench):
    bench.answer(CHUNKED, chunk(FIRST))
    bench.break_off(bench.client)


SCENES = [healthy, tail_in_pieces, ticks, loss, abort, kill, client_leaves]
OPTIONS = [{}, {"resplice_retry": 1}]


@contextmanager
def made(**options):
    addon = Resplice()
    with taddons.context(addon) as tctx:
        bench = GateBench(tctx, addon)
        tctx.configure(addon, resplice_log="", **options)
        yield bench


def play(scene, options, at=None):
    with made(**options) as bench:
        with Probe(wanted, at) as probe:
            bench.ask()
            scene(bench)
        return probe, bench


def dechunked(body):
    out, rest = b"", body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        out, rest = out + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        assert int(size, 16) or not rest
    return re.sub(rb"stream [0-9a-f]{8}", b"stream", out)


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "retry"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_defect_at_any_call_loses_repeats_and_reorders_nothing(scene, options, caplog):
    caplog.set_level(logging.CRITICAL)
    reference, before = play(scene, options)
    right = dechunked(before.body)
    settled = {healthy: FIRST + LAST + DONE, tail_in_pieces: FIRST + FIRST + LAST + DONE, ticks: FIRST + LAST + DONE}
    for at in chosen(reference.places, 2):
        probe, bench = play(scene, options, at)
        where = f"{reference.places[at]}, call {at}"
        assert probe.raised
        out = dechunked(bench.body)
        if scene in settled:
            assert out == settled[scene] == right, where
            assert bench.body.endswith(END), where
        elif scene is loss:
            assert out == right, where
        elif scene is abort:
            assert out == right or out == FIRST + HALF, where
            assert bench.body.endswith(END) or bench.client in bench.closed, where
        else:
            assert out in {right, FIRST}, where
        assert bench.hooks.count("response") + bench.hooks.count("error") <= 1, where
