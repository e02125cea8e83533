"""From the request to the first byte of its answer, on paper: retries, time, and answers that are broken from the beginning."""

import itertools
import json

import pytest
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.test import taddons

from resplice.proxy import attempts, internals
from resplice.proxy.addon import Resplice
from resplice.proxy.internals import names
from resplice.proxy.internals.before_headers import Gate
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.paper import CHUNKED, END, HEAD, REQUEST, Bench, chunk

HEALTHY = FIRST + LAST + DONE
BUSY = b'{"error":{"message":"busy","type":"server_error","param":null,"code":null}}'
HTML = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nx-request-id: r-7\r\n\r\n"
HTML_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
OPENAI_ERROR = {"message", "type", "param", "code"}


def status(code, body=BUSY, *headers):
    lines = b"".join(b"%s\r\n" % header for header in headers)
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (code, lines, len(body), body)


class GateBench(Bench):
    """Connections are made and closed as mitmproxy's server makes and closes them; a script says how each attempt fares."""

    def __init__(self, tctx, addon):
        self.connects = itertools.repeat(None)
        self.hanging = []
        self.attempts = 0
        self.ended = set()
        super().__init__(tctx, addon)

    def _obey(self, command):
        if isinstance(command, commands.OpenConnection):
            return self._open(command)
        if isinstance(command, commands.CloseConnection) and command.connection not in self.ended:
            self.ended.add(command.connection)
            super()._obey(command)
            command.connection.state = ConnectionState.CLOSED
            for pending in [one for one in self.hanging if one.connection is command.connection]:
                self.hanging.remove(pending)
                command.connection.error = "connection cancelled"
                return [events.OpenConnectionCompleted(pending, "connection cancelled")]
            return [events.ConnectionClosed(command.connection)]
        return super()._obey(command)

    def _open(self, command):
        how = next(self.connects)
        self.sent.setdefault(command.connection, b"")
        self.writes.setdefault(command.connection, [])
        if how == "hangs":
            self.hanging.append(command)
            return []
        return [self._opened(command, how)]

    def _opened(self, command, error):
        command.connection.error = error
        if error is None:
            command.connection.state = ConnectionState.OPEN
            self.server = command.connection
        return events.OpenConnectionCompleted(command, error)

    def connects_at_last(self, error=None):
        self.give(self._opened(self.hanging.pop(), error))

    def ask(self):
        self.receive(self.client, REQUEST)

    def answer(self, *pieces):
        for piece in pieces:
            self.receive(self.server, piece)

    def breaks_off(self):
        self.break_off(self.server)

    def later(self, seconds):
        for one in self.waiting:
            before = one.clock
            one.clock = lambda before=before: before() + seconds

    def pause(self):
        """Until the request is sent again."""
        self.later(attempts.LONGEST_WAIT)
        self.tick()

    @property
    def waiting(self):
        return list(self.addon._waiting.values())

    @property
    def requests(self):
        return sum(sent.count(REQUEST.split(b"\r\n")[0]) for side, sent in self.sent.items() if side is not self.client)

    @property
    def response(self):
        """Status, header lines, body."""
        head, _, body = self.sent[self.client].partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        return int(first.split()[1]) if first else 0, [line.lower() for line in lines], body

    @property
    def log(self):
        closes = [record for record in self.records if record["type"] == "stream.close"]
        return [(record["outcome"], record["status"]) for record in closes]

    @property
    def numbers(self):
        return [record["attempt"] for record in self.records if record["type"] == "stream.open"]


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
        assert made.addon._waiting == {} or list(made.addon._waiting) == []
        assert list(made.addon._streams) == []
        for timer in made.timers:  # what still ticks is heard by nobody
            made.give(events.Wakeup(timer))
        assert made.layer.streams == {}


def retrying(bench, times=2, **more):
    bench.tctx.configure(bench.addon, resplice_retry=times, **more)
    return bench


def test_this_mitmproxy_has_all_that_the_gate_needs():
    assert names.gate_lacking() == []


# -- retry

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
        silent._clock = lambda before=before: before() + 301
        bench.tick()
        if not last:
            bench.pause()
    assert bench.response[0] == 504
    assert bench.log == [("retried", None), ("idle", 504)]


def test_an_error_event_that_will_not_pass_goes_through_as_it_came(bench):
    event = b'data: {"error":{"message":"no","type":"invalid_request_error"}}\n\n'
    retrying(bench).ask()
    bench.answer(CHUNKED, chunk(event), END)
    assert bench.response[2] == chunk(event) + END
    assert bench.requests == 1
    assert bench.log == [("upstream_end", 200)]


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
    assert "sent again" in receipt["detail"]
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
    assert bench.response[0] == 200
    bench.later(50)
    bench.tick()
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


# -- answers of a wrong type, without any option


def test_a_page_where_a_stream_was_asked_for_is_a_502(bench):
    bench.ask()
    bench.answer(HTML_HEAD, chunk(HTML), END)
    code, lines, body = bench.response
    assert (code, set(json.loads(body)["error"])) == (502, OPENAI_ERROR)
    assert b"content-type: application/json" in lines
    assert not [line for line in lines if line.startswith(b"transfer-encoding")]
    assert bench.log == [("upstream_end", 502)]
    finding, receipt = bench.records[1:]
    assert finding["kind"] == "html_body"
    assert (receipt["bytes_in"], receipt["bytes_out"]) == (len(HTML), len(body))
    assert bench.client not in bench.closed


@pytest.mark.parametrize(
    ("said", "code", "kept"),
    [
        (b'{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}', 429, "rate_limit_exceeded"),
        (b'{"error":{"message":"slow down","code":429}}', 429, 429),
        (b'{"error":{"message":"slow down","code":200}}', 502, 200),
        (b'{"error":"slow down"}', 502, None),
        (b'{\n  "error": {\n    "message": "slow down",\n    "status": 503\n  }\n}\n', 503, None),
    ],
)
def test_an_error_in_json_gets_the_status_that_it_says(bench, said, code, kept):
    bench.ask()
    bench.answer(JSON_HEAD, *(chunk(said[at : at + 9]) for at in range(0, len(said), 9)), END)
    status_code, lines, body = bench.response
    error = json.loads(body)["error"]
    assert (status_code, error["message"], error["code"]) == (code, "slow down", kept)
    assert b"x-request-id: r-7" in lines
    assert bench.log == [("upstream_end", code)]


def test_a_stream_under_a_wrong_type_is_let_through_with_its_first_byte(bench):
    bench.ask()
    bench.answer(JSON_HEAD)
    assert bench.sent[bench.client] == b""
    bench.answer(chunk(b"d"))
    assert bench.response[0] == 200
    bench.answer(chunk(HEALTHY[1:]), END)
    assert b"".join(bench.response[2].split(b"\r\n")[1::2]).startswith(HEALTHY[:1])
    assert bench.log == [("complete", 200)]


def test_a_stream_under_its_own_type_waits_for_nothing(bench):
    bench.ask()
    bench.answer(CHUNKED)
    assert bench.response[0] == 200
    bench.answer(chunk(HEALTHY), END)


def test_events_without_their_prefix_under_a_wrong_type_are_repaired(bench):
    bench.ask()
    bench.answer(JSON_HEAD, chunk(HEALTHY.replace(b"data: {", b"{")), END)
    assert bench.response[0] == 200
    assert bench.log == [("complete", 200)]


@pytest.mark.parametrize("cut", [True, False])
def test_a_wrong_type_that_breaks_off_is_a_502(bench, cut):
    bench.ask()
    bench.answer(HTML_HEAD, *([chunk(HTML[:40])] if cut else []))
    bench.breaks_off()
    assert bench.response[0] == 502
    assert bench.log == [("upstream_abort", 502)]


def test_a_client_that_leaves_a_held_answer_is_on_record(bench):
    bench.ask()
    bench.answer(HTML_HEAD)
    bench.break_off(bench.client)
    assert bench.log == [("client_disconnect", None)]


def test_observing_holds_nothing_and_sends_nothing_again(bench):
    bench.tctx.configure(bench.addon, resplice_mode="observe", resplice_retry=3, resplice_headers_timeout="1")
    bench.ask()
    bench.answer(HTML_HEAD)
    assert bench.response[0] == 200
    bench.answer(chunk(HTML), END)
    assert bench.response[2] == chunk(HTML) + END
    assert bench.requests == 1


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
