"""An HTTP/2 client that does not read: what waits for it is bounded, and its stream ends honestly."""

import pytest
from mitmproxy.test import taddons

from resplice.proxy import internals
from resplice.proxy.addon import Resplice
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.paper import Bench
from unit.proxy.paper2 import LLM, Bench2

MIB = 1024 * 1024
WINDOW = 65_535
LOAD = FIRST * (60_000 // len(FIRST))


@pytest.fixture(autouse=True)
def _nothing_told_yet(monkeypatch):
    monkeypatch.setattr(internals, "_told", set())


@pytest.fixture
def bench():
    addon = Resplice()
    with taddons.context(addon) as tctx:
        tctx.configure(addon, resplice_log="", resplice_max_unread_mib=1)
        yield Bench2(tctx, addon, reads=False)


def queued(bench, stream):
    return sum(len(piece.data) for piece in bench.layer.connections[bench.client].h2_conn.stream_buffers.get(stream, ()))


def pour(bench, stream, size):
    """Up to so many bytes, as long as the upstream is wanted."""
    for _ in range(size // len(LOAD)):
        if bench.upstream_resets:
            return
        bench.says((stream, LOAD))


def verdict(bench):
    return bench.flow.metadata["resplice"]


def test_what_waits_for_a_client_that_does_not_read_is_bounded_and_its_stream_is_reset(bench):
    (stream,) = bench.ask(LLM)
    pour(bench, stream, 10 * MIB)
    assert bench.ends == {stream: "reset"}
    assert len(bench.upstream_resets) == 1
    assert queued(bench, stream) == 0
    assert bench.layer.streams == {}
    assert verdict(bench)["outcome"] == "client_stalled"
    assert bench.hooks[-1] == "error"
    assert "bytes unread" in bench.flow.error.msg
    assert bench.bodies[stream] == (LOAD + LOAD)[:WINDOW]


def test_no_more_waits_than_the_limit_and_a_little(bench):
    (stream,) = bench.ask(LLM)
    most = 0
    while not bench.upstream_resets:
        most = max(most, queued(bench, stream))
        bench.says((stream, LOAD))
    assert 0.9 * MIB < most <= MIB + MIB // 16 + len(LOAD)


def test_a_client_that_reads_late_gets_all_of_it(bench):
    (stream,) = bench.ask(LLM)
    pour(bench, stream, MIB // 2)
    sent = MIB // 2 // len(LOAD) * len(LOAD)
    for _ in range(20):
        bench.near.increment_flow_control_window(WINDOW)
        bench.near.increment_flow_control_window(WINDOW, stream)
        bench.says()
    bench.says((stream, LAST), (stream, DONE), (stream, "end"))
    assert len(bench.bodies[stream]) == sent + len(LAST + DONE)
    assert bench.ends == {stream: "end"}
    assert verdict(bench)["outcome"] == "complete"


def test_a_client_that_reads_is_never_cut_off_however_much_comes(bench):
    bench.reads = True
    (stream,) = bench.ask(LLM)
    pour(bench, stream, 4 * MIB)
    assert bench.ends == {}
    assert len(bench.bodies[stream]) > 3 * MIB


def test_siblings_of_a_stream_that_is_not_read_go_on(bench):
    bench.near.increment_flow_control_window(8 * MIB)
    stalled, sibling = bench.ask(LLM, LLM)
    pour(bench, stalled, 3 * MIB)
    bench.says((sibling, FIRST), (sibling, LAST), (sibling, DONE), (sibling, "end"))
    assert bench.ends == {stalled: "reset", sibling: "end"}
    assert bench.bodies[sibling] == FIRST + LAST + DONE


def test_a_whole_answer_that_nobody_reads_is_no_delivery(bench):
    (stream,) = bench.ask(LLM)
    while queued(bench, stream) + 2 * len(LOAD) < MIB:
        bench.says((stream, LOAD))
    bench.says(*[(stream, LOAD)] * 6, (stream, LAST), (stream, DONE), (stream, "end"))
    assert bench.ends == {stream: "reset"}
    assert (verdict(bench)["outcome"], verdict(bench)["terminal"]) == ("client_stalled", "seen")


def test_what_a_client_had_not_read_at_the_end_of_its_stream_is_on_record(bench):
    unread, read = bench.ask(LLM, LLM)
    (first, second) = bench.addon._streams.values()
    pour(bench, unread, MIB // 2)
    waiting = queued(bench, unread)
    for stream in (unread, read):
        bench.says((stream, FIRST), (stream, LAST), (stream, DONE))
    bench.says((unread, "end"))
    assert first.receipt.detail == f"{waiting + len(FIRST + LAST + DONE)} bytes still waited for the client to read them"
    bench.near.increment_flow_control_window(MIB)
    bench.near.increment_flow_control_window(MIB, unread)
    bench.says((read, "end"))
    assert second.receipt.detail == ""


def test_a_queue_that_looks_different_bounds_nothing_and_harms_nothing(bench, monkeypatch, caplog):
    (stream,) = bench.ask(LLM)
    bench.says((stream, FIRST))
    monkeypatch.setattr(next(iter(bench.layer.streams.values()))._handle_event.__self__._backlog, "_queues", {stream: [b"bytes"]})
    pour(bench, stream, 3 * MIB)
    assert bench.ends == {}
    assert caplog.text.count("failed to count") == 1


def test_in_observe_mode_nothing_is_cut_off(bench):
    bench.tctx.configure(bench.addon, resplice_mode="observe")
    (stream,) = bench.ask(LLM)
    pour(bench, stream, 3 * MIB)
    assert bench.ends == {}
    assert bench.upstream_resets == []


def test_an_http1_client_has_no_such_queue(monkeypatch):
    monkeypatch.setattr(internals, "Backlog", lambda *_: 1 / 0)
    addon = Resplice()
    with taddons.context(addon) as tctx:
        tctx.configure(addon, resplice_log="")
        plain = Bench(tctx, addon)
        plain.start(FIRST)
        assert plain.body.count(FIRST) == 1


def test_where_mitmproxy_queues_elsewhere_this_is_told_once(bench, monkeypatch, caplog):
    connection = bench.layer.connections[bench.client].h2_conn
    buffers = connection.stream_buffers
    monkeypatch.setattr(internals, "Backlog", lambda *_: object.missing)
    a, b = bench.ask(LLM, LLM)
    bench.says((a, FIRST), (b, FIRST))
    assert connection.stream_buffers is buffers
    assert bench.bodies == {a: FIRST, b: FIRST}
    assert caplog.text.count("no bound on what waits for an HTTP/2 client") == 1
