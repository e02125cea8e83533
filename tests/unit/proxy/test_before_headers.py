"""The time between a request and its answer, on paper: how long it may take, and who may leave in it."""

import json

import pytest
from mitmproxy.connection import ConnectionState

from resplice.proxy import internals
from resplice.proxy.internals import names
from resplice.proxy.internals.before_headers import Gate
from unit.proxy.frames import FIRST
from unit.proxy.gates import BUSY, HEALTHY, HTML, HTML_HEAD, OPENAI_ERROR, retrying, status
from unit.proxy.paper import CHUNKED, END, REQUEST, chunk


def test_this_mitmproxy_has_all_that_the_gate_needs():
    assert names.gate_lacking() == []


# -- time


def test_an_answer_that_does_not_come_becomes_a_504_with_the_apis_own_body(bench):
    bench.tctx.configure(bench.addon, resplice_headers_timeout="5")
    bench.ask()
    bench.tick()
    assert bench.sent[bench.client] == b""
    bench.later(5)
    bench.tick()
    code, lines, body = bench.response
    assert (code, set(json.loads(body)["error"])) == (504, OPENAI_ERROR)
    assert b"content-type: application/json" in lines
    assert bench.closed == [bench.server]
    assert bench.hooks[-2:] == ["responseheaders", "response"]
    assert bench.log == [("headers_timeout", 504)]
    receipt = bench.records[-1]
    assert (receipt["terminal"], receipt["ledger"]["inserted"]) == ("error", len(body))
    assert "status 504" in receipt["verdict"]
    bench.receive(bench.client, REQUEST)
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    assert bench.sent[bench.client].endswith(chunk(HEALTHY) + END)


def test_a_connection_that_hangs_is_given_up_in_time_as_well(bench):
    bench.tctx.configure(bench.addon, resplice_headers_timeout="5")
    bench.server.state = ConnectionState.CLOSED
    bench.connects = iter(["hangs", None])
    bench.ask()
    bench.later(5)
    bench.tick()
    assert bench.response[0] == 504
    assert bench.hanging == []
    bench.receive(bench.client, REQUEST)
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    assert bench.sent[bench.client].endswith(chunk(HEALTHY) + END)


def test_headers_in_time_are_in_time_however_long_the_answer_takes(bench):
    bench.tctx.configure(bench.addon, resplice_headers_timeout="5")
    bench.ask()
    bench.answer(CHUNKED)
    bench.later(50)
    bench.tick()
    assert bench.response[0] == 200
    bench.answer(chunk(HEALTHY), END)
    assert bench.response[2] == chunk(HEALTHY) + END
    assert bench.log == [("complete", 200)]


def test_the_time_is_counted_over_all_attempts(bench):
    retrying(bench, 9, resplice_headers_timeout="5").ask()
    bench.answer(status(503))
    bench.later(4)
    bench.tick()
    assert bench.requests == 2
    bench.later(1)
    bench.tick()
    assert bench.response[0] == 504
    assert bench.log == [("retried", None), ("headers_timeout", 504)]
    assert bench.numbers == [1, 2]


def test_a_wait_that_would_be_too_long_is_not_begun(bench):
    retrying(bench, 9, resplice_headers_timeout="5").ask()
    bench.answer(status(503, BUSY, b"retry-after: 6"))
    assert bench.response[0] == 503


def test_the_time_can_run_out_in_a_pause(bench):
    retrying(bench, 9, resplice_headers_timeout="5").ask()
    bench.answer(status(503, BUSY, b"retry-after: 4"))
    bench.later(5)
    bench.tick()
    assert bench.response[0] == 504
    assert bench.requests == 1


@pytest.mark.parametrize(("version", "interims"), [(b"HTTP/1.1", 2), (b"HTTP/1.0", 0)])
def test_a_client_that_waits_is_told_that_its_request_is_processed(bench, version, interims):
    bench.tctx.configure(bench.addon, resplice_interim="102")
    bench.receive(bench.client, REQUEST.replace(b"HTTP/1.1", version))
    for _ in range(4):
        bench.later(8)
        bench.tick() if bench.timers else None
    assert bench.sent[bench.client] == b"HTTP/1.1 102 Processing\r\n\r\n" * interims
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    assert HEALTHY in bench.sent[bench.client]
    bench.tick() if bench.timers else None
    assert bench.sent[bench.client].count(b"102 Processing") == interims


def test_behind_an_interim_response_a_failure_still_has_a_status(bench):
    bench.tctx.configure(bench.addon, resplice_interim="102")
    bench.ask()
    bench.later(15)
    bench.tick()
    bench.breaks_off()
    assert bench.sent[bench.client].count(b"HTTP/1.1 502 Bad Gateway") == 1


# -- the client leaves, a person kills, the proxy goes down

PLACES = {
    "while it connects": lambda bench: (
        setattr(bench, "connects", iter(["hangs", None])) or setattr(bench.server, "state", ConnectionState.CLOSED) or bench.ask()
    ),
    "while it waits for headers": lambda bench: bench.ask(),
    "while headers are held": lambda bench: (bench.ask(), bench.answer(CHUNKED, chunk(FIRST[:20]))),
    "in a pause": lambda bench: (bench.ask(), bench.answer(status(503))),
    "in the second attempt": lambda bench: (bench.ask(), bench.answer(status(503)), bench.pause()),
}
places = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


@places
def test_a_client_that_leaves_ends_it_all(bench, place):
    place(retrying(bench, resplice_headers_timeout="200"))
    upstream, requests = bench.server, bench.requests
    bench.break_off(bench.client)
    assert bench.log[-1] == ("client_disconnect", None)
    assert bench.hooks[-1] == "error"
    assert bench.hooks.count("error") == 1
    assert bench.layer.streams == {}
    assert bench.hanging == []
    assert upstream.state is not ConnectionState.OPEN
    bench.tick()
    assert bench.requests == requests
    assert bench.sent[bench.client] == b""


@places
def test_a_kill_takes_effect_at_the_next_tick(bench, place):
    place(retrying(bench, resplice_headers_timeout="200"))
    upstream = bench.server
    flow = next(iter(bench.addon._waiting))
    flow.kill()
    bench.tick()
    assert bench.log[-1] == ("killed", None)
    assert bench.client in bench.closed
    assert upstream.state is not ConnectionState.OPEN
    assert bench.hooks.count("error") == 1
    assert flow.error.msg == flow.error.KILLED_MESSAGE
    assert bench.layer.streams == {}


@places
def test_a_shutdown_is_told_by_a_503(bench, place):
    place(retrying(bench, resplice_headers_timeout="200"))
    for one in (*bench.waiting, *bench.addon._streams.values()):
        one.leave = True
    bench.tick()
    code, _, body = bench.response
    assert (code, set(json.loads(body)["error"])) == (503, OPENAI_ERROR)
    assert bench.log[-1] == ("shutdown", 503)
    assert bench.layer.streams == {}


def test_a_connection_that_comes_too_late_harms_nobody(bench):
    retrying(bench)
    bench.server.state = ConnectionState.CLOSED
    bench.connects = iter(["hangs"])
    bench.ask()
    (target,) = bench.layer.streams.values()
    (command,) = bench.layer.waiting_for_establishment[bench.hanging[0].connection]
    bench.layer.waiting_for_establishment[bench.hanging[0].connection].append(command)  # as if another request waited too
    flow = next(iter(bench.addon._waiting))
    flow.kill()
    bench.tick()
    assert len(bench.hanging) == 1
    assert list(target.handle_event(names.GetHttpConnectionCompleted(command, (bench.hanging[0].connection, None)))) == []


@pytest.mark.parametrize("name", ["GetHttpConnection", "HttpResponseHeadersHook", "CloseConnection"])
def test_where_mitmproxy_is_built_differently_requests_go_their_way(bench, monkeypatch, caplog, name):
    monkeypatch.setattr(internals, "_told", set())
    monkeypatch.setattr(names, name, None)
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    assert bench.response[2] == chunk(HEALTHY) + END
    bench.receive(bench.client, REQUEST)
    bench.answer(HTML_HEAD, chunk(HTML), END)
    assert caplog.text.count(name) == 1


def test_a_gate_is_found_by_whoever_opens_the_stream(bench):
    retrying(bench).ask()
    assert isinstance(bench.layer.streams[1]._handle_event.__self__, Gate)
    bench.answer(CHUNKED, chunk(HEALTHY), END)
