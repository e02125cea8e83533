"""Requests whose answers fail before they begin are sent again, on paper."""

import itertools
import json

import pytest
from mitmproxy.connection import ConnectionState

from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.gates import BUSY, HEALTHY, HTML, HTML_HEAD, JSON_HEAD, OPENAI_ERROR, retrying, status
from unit.proxy.paper import CHUNKED, END, HEAD, REQUEST, chunk

FAILURES = {
    "an error status": lambda bench: bench.answer(status(503)),
    "too many requests": lambda bench: bench.answer(status(429)),
    "an overload": lambda bench: bench.answer(status(529)),
    "a break before the headers": lambda bench: bench.breaks_off(),
    "no HTTP at all": lambda bench: bench.answer(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "a break behind the headers": lambda bench: (bench.answer(CHUNKED), bench.breaks_off()),
    "a break in the first event": lambda bench: (bench.answer(CHUNKED, chunk(FIRST[:30])), bench.breaks_off()),
    "a chunk cut short": lambda bench: (bench.answer(CHUNKED, b"400\r\n" + FIRST[:-20]), bench.breaks_off()),
    "an empty stream": lambda bench: bench.answer(CHUNKED + END),
    "an empty body": lambda bench: bench.answer(HEAD + b"content-length: 0\r\n\r\n"),
    "comments alone": lambda bench: bench.answer(CHUNKED, chunk(b": hello\n\n"), END),
    "a terminal alone": lambda bench: bench.answer(CHUNKED, chunk(DONE), END),
    "a page": lambda bench: bench.answer(HTML_HEAD, chunk(HTML), END),
    "a page that calls itself a stream": lambda bench: bench.answer(CHUNKED, chunk(HTML), END),
    "a damaged first event": lambda bench: bench.answer(CHUNKED, chunk(b'data: {"cut\n\n' + LAST)),
    "an error event that will pass": lambda bench: bench.answer(
        CHUNKED + chunk(b'data: {"error":{"message":"busy","type":"server_error"}}\n\n') + END
    ),
    "an error in JSON": lambda bench: bench.answer(JSON_HEAD, chunk(b'{"error":{"message":"busy","code":503}}'), END),
}
failures = pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)


@failures
def test_after_two_failures_the_client_gets_one_clean_answer(bench, fail):
    retrying(bench).ask()
    for _ in range(2):
        fail(bench)
        assert bench.sent[bench.client] == b""
        bench.pause()
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    code, _, body = bench.response
    assert (code, body) == (200, chunk(HEALTHY) + END)
    assert bench.requests == 3
    assert bench.numbers == [1, 2, 3]
    assert bench.log == [("retried", None), ("retried", None), ("complete", 200)]
    assert bench.hooks.count("request") == 1
    assert bench.client not in bench.closed


@failures
def test_the_last_failure_is_what_the_client_gets(bench, fail):
    retrying(bench, 1).ask()
    fail(bench)
    bench.pause()
    fail(bench)
    code, _, body = bench.response
    assert bench.requests == 2
    assert code >= 400 or b'data: {"error"' in body
    assert b"error" in body
    assert bench.log[0] == ("retried", None)
    assert len(bench.log) == 2


def test_an_error_status_passes_as_it_came_when_no_retry_is_left(bench):
    retrying(bench, 1).ask()
    bench.answer(status(503))
    bench.pause()
    bench.answer(status(429, b'{"error":{"message":"slow down"}}', b"retry-after: 7"))
    code, lines, body = bench.response
    assert (code, body) == (429, b'{"error":{"message":"slow down"}}')
    assert b"retry-after: 7" in lines
    assert bench.log == [("retried", None), ("refused", 429)]
    assert bench.client not in bench.closed


@pytest.mark.parametrize("code", [400, 401, 404, 422])
def test_what_the_sdks_do_not_retry_is_not_retried(bench, code):
    retrying(bench).ask()
    bench.answer(status(code))
    assert bench.response[0] == code
    assert bench.requests == 1
    assert bench.records == []


@pytest.mark.parametrize(("header", "requests"), [(b"x-should-retry: false", 1), (b"retry-after: 500", 1), (b"retry-after: 5", 2)])
def test_the_server_is_asked_whether_and_when(bench, header, requests):
    retrying(bench, 1).ask()
    bench.answer(status(503, BUSY, header))
    if requests == 2:
        bench.later(4.9)
        bench.tick()
        assert bench.requests == 1
        bench.later(0.2)
        bench.tick()
        bench.answer(CHUNKED, chunk(HEALTHY), END)
    assert bench.requests == requests


def test_a_request_that_can_not_reach_its_server_is_sent_when_it_can(bench):
    retrying(bench)
    bench.server.state = ConnectionState.CLOSED
    bench.connects = iter(["refused", "refused", None])
    bench.ask()
    assert bench.requests == 0
    bench.pause()
    bench.pause()
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    assert bench.response[2] == chunk(HEALTHY) + END
    assert bench.log == [("retried", None), ("retried", None), ("complete", 200)]
    assert "refused" in bench.records[1]["detail"]


def test_no_connection_to_the_end_is_a_502_that_says_so(bench):
    retrying(bench, 1)
    bench.server.state = ConnectionState.CLOSED
    bench.connects = itertools.repeat("refused")
    bench.ask()
    bench.pause()
    code, lines, body = bench.response
    assert (code, set(json.loads(body)["error"])) == (502, OPENAI_ERROR)
    assert "refused" in json.loads(body)["error"]["message"]
    assert b"content-type: application/json" in lines
    assert bench.log == [("retried", None), ("upstream_abort", 502)]
    assert [record["kind"] for record in bench.records if "kind" in record] == ["no_answer"]
    bench.receive(bench.client, REQUEST)
    bench.pause()
    assert bench.sent[bench.client].count(b"HTTP/1.1 502") == 2


def test_nothing_is_sent_again_once_a_byte_went_out(bench):
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(FIRST))
    bench.breaks_off()
    code, _, body = bench.response
    assert code == 200
    assert body.startswith(chunk(FIRST))
    assert b'data: {"error"' in body
    assert body.endswith(END)
    assert bench.requests == 1
    assert bench.log == [("upstream_abort", 200)]


def test_the_headers_wait_for_the_first_event_and_not_longer(bench):
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(b": hello\n\n"), chunk(FIRST[:-1]))
    assert bench.sent[bench.client] == b""
    bench.answer(chunk(FIRST[-1:]))
    assert bench.response[2] == chunk(b": hello\n\n" + FIRST)
    bench.answer(chunk(LAST + DONE), END)
    assert bench.log == [("complete", 200)]


def test_a_chunk_with_nothing_but_the_role_is_no_answer_yet_and_the_next_one_is(bench):
    role = FIRST.replace(b'"content":"Hi"', b'"content":""')
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(role))
    assert bench.sent[bench.client] == b""
    bench.answer(chunk(FIRST))
    assert bench.response[2] == chunk(role + FIRST)
    bench.answer(chunk(LAST + DONE), END)
    assert bench.log == [("complete", 200)]


def test_a_first_event_that_only_lacks_its_blank_line_is_let_through(bench):
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(FIRST[:-1]))
    (stream,) = bench.addon._streams.values()
    trial = bench.layer.streams[1]._handle_event.__self__._trial
    before = trial._silent._clock
    trial._silent._clock = lambda: before() + 1
    bench.tick()
    assert bench.response[0] == 200
    assert stream.client_status == 200
    bench.answer(chunk(b"\n" + LAST + DONE), END)
    assert bench.log == [("complete", 200)]


def test_a_heartbeat_that_is_due_ends_the_wait(bench):
    retrying(bench, resplice_heartbeat="1").ask()
    bench.answer(CHUNKED)
    silent = bench.layer.streams[1]._handle_event.__self__._trial._silent
    before = silent._clock
    silent._clock = lambda: before() + 1.1
    bench.tick()
    assert bench.response[0] == 200
    bench.answer(chunk(HEALTHY), END)
    assert bench.response[2] == chunk(HEALTHY) + END


def test_an_upstream_that_stays_silent_behind_its_headers_is_tried_again_and_then_a_504(bench):
    retrying(bench, 1).ask()
    for last in (False, True):
        bench.answer(CHUNKED)
        silent = bench.layer.streams[1]._handle_event.__self__._trial._silent
        before = silent._clock
        silent._clock = lambda before=before: before() + 601
        bench.tick()
        if not last:
            bench.pause()
    assert bench.response[0] == 504
    assert bench.log == [("retried", None), ("idle", 504)]


def test_an_error_event_of_which_nobody_knows_whether_it_will_pass_goes_through_as_it_came(bench):
    event = b'data: {"error":{"message":"no","type":"some_error"}}\n\n'
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(event), END)
    assert bench.response[2] == chunk(event) + END
    assert bench.requests == 1
    assert bench.log == [("upstream_end", 200)]


def test_an_error_event_that_will_not_pass_becomes_the_status_that_it_stands_for(bench):
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(b'data: {"error":{"message":"no","type":"invalid_request_error"}}\n\n'), END)
    assert bench.response[0] == 400
    assert b'"message": "no"' in bench.response[2]
    assert bench.requests == 1


def test_what_is_held_back_has_a_bound(bench, monkeypatch):
    monkeypatch.setattr("resplice.proxy.trial.MAX_HELD", 1000)
    retrying(bench).ask()
    bench.answer(CHUNKED)
    for _ in range(20):
        bench.answer(chunk(b": %s\n\n" % (b"x" * 60)))
    assert bench.response[0] == 200
    bench.answer(chunk(HEALTHY), END)
    assert bench.response[2].count(b": x") == 20
    assert bench.log == [("complete", 200)]


def test_every_byte_of_an_attempt_that_was_given_up_is_on_record(bench):
    retrying(bench, 1, resplice_evidence="full").ask()
    bench.answer(CHUNKED, chunk(b": hi\n\n"), chunk(b'data: {"cut\n\n' + LAST))
    size = len(b': hi\n\ndata: {"cut\n\n' + LAST)
    dropped, receipt = bench.records[1:]
    assert (dropped["kind"], dropped["in_length"], dropped["out_length"]) == ("attempt_dropped", size, 0)
    assert receipt["ledger"] == {"passed": 0, "replaced": 0, "dropped": size, "replacement": 0, "inserted": 0}
    assert (receipt["bytes_in"], receipt["bytes_out"], receipt["whole"]) == (size, 0, False)
    assert "to be sent again in" in receipt["detail"]
    bench.pause()
    bench.answer(CHUNKED, chunk(HEALTHY), END)


def test_a_connection_that_had_gone_stale_costs_one_attempt(bench):
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    bench.receive(bench.client, REQUEST)
    bench.breaks_off()
    bench.pause()
    bench.answer(CHUNKED, chunk(HEALTHY), END)
    assert bench.sent[bench.client].count(chunk(HEALTHY) + END) == 2
    assert bench.numbers == [1, 1, 2]


def test_a_request_that_was_streamed_on_is_never_sent_again(bench):
    retrying(bench, resplice_headers_timeout="5")
    bench.addon.requestheaders, before = (
        lambda flow: (setattr(flow.request, "stream", True), before(flow)),
        bench.addon.requestheaders,
    )
    bench.ask()
    bench.answer(status(503))
    assert bench.response[0] == 503
    assert bench.requests == 1


def test_a_change_of_protocol_that_nobody_asked_for_is_no_answer(bench):
    retrying(bench, 1).ask()
    for _ in range(2):
        bench.answer(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: tide\r\n\r\n")
        bench.tick() if bench.response[0] else bench.pause()
    assert bench.response[0] == 502
    assert bench.log == [("retried", None), ("upstream_abort", 502)]


def test_a_request_for_a_websocket_is_let_alone(bench):
    retrying(bench, resplice_headers_timeout="5")
    upgrade = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: x\r\n"
    bench.receive(bench.client, b"GET /v1/responses HTTP/1.1\r\nhost: h\r\n" + upgrade + b"\r\n")
    assert bench.timers == []
    bench.break_off(bench.client)


def test_what_makes_no_sense_is_quoted_in_part(bench):
    retrying(bench, 1).ask()
    for _ in range(2):
        bench.answer(b"x" * 100_000)
        bench.breaks_off()
        bench.tick() if bench.response[0] else bench.pause()
    code, _, body = bench.response
    assert code == 502
    assert len(body) < 1000
