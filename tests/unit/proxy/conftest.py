"""A proxy that somebody looks at, with a clock that the tests move; and a bench for requests before their answers begin."""

import pytest
from mitmproxy.addons.view import View
from mitmproxy.proxy import events
from mitmproxy.test import taddons

from resplice.proxy import internals
from resplice.proxy.addon import Resplice
from unit.proxy.gates import GateBench


class Watcher:
    """Sees what mitmweb would be told."""

    def __init__(self):
        self.updates = []

    def update(self, flows):
        self.updates += [flow.response.raw_content for flow in flows]


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is told to go on."""
    times = [100.0]
    monkeypatch.setattr("resplice.proxy.opening.time.monotonic", lambda: times[0])
    return times


@pytest.fixture
def ui(tmp_path, monkeypatch, clock):
    monkeypatch.setattr(internals, "attach", lambda *_: False)
    addon, watcher = Resplice(), Watcher()
    with taddons.context(View(), watcher, addon) as context:
        context.configure(addon, resplice_log=str(tmp_path / "log.jsonl"))
        context.addon, context.updates, context.clock, context.tmp_path = addon, watcher.updates, clock, tmp_path
        yield context
        addon.done()


@pytest.fixture
def records():
    return []


@pytest.fixture
def bench(records):
    addon = Resplice()
    with taddons.context(addon) as tctx:
        made = GateBench(tctx, addon)
        tctx.configure(addon, resplice_log="")
        addon._write = lambda record: records.append(record) or True
        made.records = records
        yield made
        assert list(made.addon._waiting) == []
        assert list(made.addon._streams) == []
        for timer in made.timers:  # what still ticks is heard by nobody
            made.give(events.Wakeup(timer))
        assert made.layer.streams == {}
