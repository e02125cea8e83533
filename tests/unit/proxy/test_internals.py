"""What the shim needs of mitmproxy, and what it does with it: an upgrade that breaks this shall fail here and nowhere else.

mitmproxy's HTTP layer is driven without sockets: events in, what would be sent to each side out.
"""

import logging
from types import SimpleNamespace

import pytest
from mitmproxy import ctx, options
from mitmproxy.test import taddons, tflow

from resplice.core.events import Reason
from resplice.proxy import internals
from resplice.proxy.addon import Resplice
from resplice.proxy.internals import names
from resplice.proxy.options import spell
from unit.proxy.frames import FIRST, LAST
from unit.proxy.paper import CHUNKED, END, HEAD, REQUEST, Bench, chunk


@pytest.fixture
def bench():
    addon = Resplice()
    with taddons.context(addon) as tctx:
        made = Bench(tctx, addon)
        tctx.configure(addon, resplice_log="")
        yield made


@pytest.fixture(autouse=True)
def _nothing_told_yet(monkeypatch):
    monkeypatch.setattr(internals, "_told", set())


def verdict(bench):
    return bench.flow.metadata["resplice"]["outcome"]


def test_this_mitmproxy_is_one_of_those_that_are_known():
    assert names.unknown() is None


@pytest.mark.parametrize("version", ["13.0.0", "12.4.0", "12.10.1", "11.1.3", "main"])
def test_of_an_unknown_mitmproxy_only_the_public_callable_is_used_and_that_is_said_once(monkeypatch, caplog, version):
    monkeypatch.setattr(names.version, "VERSION", version)
    for _ in range(2):
        addon = Resplice()
        with taddons.context(addon) as tctx:
            tctx.configure(addon, resplice_log="", resplice_retry=2, resplice_headers_timeout="9")
            made = Bench(tctx, addon)
            made.start(FIRST[:20], FIRST[20:-1], LAST)
            made.receive(made.server, END)
            assert made.timers == []
            assert "_handle_event" not in vars(next(iter(made.layer.streams.values()), object))
            assert made.body.replace(b"\r\n", b"\n").count(b'"content":"Hi"') == 1
            assert b"data: [DONE]" in made.body
            assert made.body.endswith(END)
            assert verdict(made) == "upstream_end"
    told = [record for record in caplog.records if record.levelno >= logging.WARNING and "internals" in record.message]
    assert [version in record.message for record in told] == [True]


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("state_stream_response_body", None),
        ("_paused_event_queue", None),
        ("context", None),
        ("server_state", None),
        ("client_state", None),
        ("stream_id", None),
        ("start_response_stream", None),
    ],
)
def test_an_internal_that_changes_in_the_middle_costs_no_byte(bench, changed, value):
    """By hand, on the HttpStream that carries the flow: mitmproxy itself would not work so, hence on our shim's view of it."""
    bench.start(FIRST)
    (target,) = bench.layer.streams.values()
    shim = target._handle_event.__self__

    class View:
        def __getattr__(self, name):
            return value if name == changed else getattr(target, name)

    shim._target = shim._way._target = View()
    bench.receive(bench.server, chunk(LAST[:10]) + chunk(LAST[10:]))
    bench.tick()
    bench.receive(bench.server, chunk(b"data: [DONE]\n\n") + END)
    assert FIRST in bench.body
    assert b"".join(bench.body.split(b"\r\n")[1::2]) == FIRST + LAST + b"data: [DONE]\n\n"
    assert bench.body.endswith(END)


def test_this_mitmproxy_has_all_that_the_shim_needs():
    assert internals.lacking() == []


def test_a_healthy_stream_takes_its_course(bench):
    bench.start(FIRST, LAST, b"data: [DONE]\n\n")
    bench.receive(bench.server, END)
    assert bench.body == chunk(FIRST) + chunk(LAST) + chunk(b"data: [DONE]\n\n") + END
    assert bench.hooks == ["requestheaders", "request", "responseheaders", "response"]
    assert verdict(bench) == "complete"
    assert bench.closed == []


def test_an_upstream_that_breaks_off_becomes_an_error_event_and_a_clean_end(bench):
    bench.start(FIRST)
    bench.break_off(bench.server)
    assert bench.body.startswith(chunk(FIRST))
    assert b'data: {"error"' in bench.body
    assert bench.body.endswith(b"\r\n" + END)
    assert bench.hooks[-1] == "response"
    assert bench.flow.error is None
    assert verdict(bench) == "upstream_abort"
    assert bench.client not in bench.closed


def test_the_clients_connection_takes_another_request_after_that(bench):
    bench.start(FIRST)
    bench.break_off(bench.server)
    bench.receive(bench.client, REQUEST)
    assert bench.hooks[-2:] == ["requestheaders", "request"]


def test_a_client_that_leaves_closes_the_upstream(bench):
    bench.start(FIRST)
    bench.break_off(bench.client)
    assert bench.server in bench.closed
    assert bench.hooks[-1] == "error"
    assert verdict(bench) == "client_disconnect"


def test_a_kill_takes_effect_at_the_next_tick(bench):
    bench.start(FIRST)
    bench.flow.kill()
    bench.tick()
    assert bench.body == chunk(FIRST)
    assert {bench.client, bench.server} <= set(bench.closed)
    assert verdict(bench) == "killed"
    assert bench.flow.error.msg == bench.flow.error.KILLED_MESSAGE
    assert bench.layer.streams == {}


def test_a_shutdown_takes_effect_at_the_next_tick(bench):
    bench.start(FIRST)
    for stream in bench.addon._streams.values():
        stream.leave = True
    bench.tick()
    assert bench.server in bench.closed
    assert verdict(bench) == "shutdown"


GEMINI_CLI = (
    b"POST /v1beta/models/g:streamGenerateContent?alt=sse HTTP/1.1\r\nhost: h\r\nuser-agent: GeminiCLI-tui/0.61.0/g (linux)\r\n"
    b'content-length: 16\r\n\r\n{"contents": []}'
)
GEMINI_HEL = b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hel"}]},"index":0}]}\r\n\r\n'
GEMINI_END = GEMINI_HEL.replace(b'"index":0', b'"index":0,"finishReason":"STOP"')


@pytest.mark.parametrize("end", ["clean", "abort", "loss", "silence", "said by the upstream"])
def test_a_client_that_reads_no_error_is_broken_off_behind_it(bench, end):
    bench.receive(bench.client, GEMINI_CLI)
    bench.receive(bench.server, CHUNKED + chunk(GEMINI_HEL))
    if end == "clean":
        bench.receive(bench.server, END)
    elif end == "abort":
        bench.break_off(bench.server)
    elif end == "loss":
        bench.receive(bench.server, chunk(b'data: {"cut\r\n\r\n' + GEMINI_END))
    elif end == "silence":
        later(bench, 601)
        bench.tick()
    else:
        bench.receive(bench.server, chunk(b'data: {"error":{"code":503,"message":"busy"}}\r\n\r\n') + END)
    assert b'data: {"error"' in bench.body
    assert not bench.body.endswith(END)
    assert bench.client in bench.closed
    assert bench.layer.streams == {}


def test_a_whole_answer_ends_cleanly_for_such_a_client_too(bench):
    bench.receive(bench.client, GEMINI_CLI)
    bench.receive(bench.server, CHUNKED + chunk(GEMINI_HEL) + chunk(GEMINI_END) + END)
    assert bench.body == chunk(GEMINI_HEL) + chunk(GEMINI_END) + END or bench.body == chunk(GEMINI_HEL + GEMINI_END) + END
    assert bench.client not in bench.closed
    assert verdict(bench) == "complete"
    assert bench.hooks[-1] == "response"


def test_a_loss_ends_the_message_at_once_and_closes_the_upstream(bench):
    bench.start(FIRST, b'data: {"cut\n\n', LAST)
    assert b'data: {"error"' in bench.body
    assert bench.body.endswith(END)
    assert bench.server in bench.closed
    assert bench.layer.streams == {}
    late = len(bench.body)
    bench.receive(bench.server, chunk(LAST))
    assert len(bench.body) == late


def test_ticks_go_on_as_long_as_the_stream_does_and_no_longer(bench):
    bench.start(FIRST)
    for _ in range(3):
        assert len(bench.timers) == 1
        bench.tick()
    bench.receive(bench.server, chunk(LAST + b"data: [DONE]\n\n") + END)
    bench.tick()
    assert bench.timers == []
    assert bench.body.endswith(END)


def test_a_body_that_the_upstream_delimits_by_closing_leaves_no_half_open_connection(bench):
    bench.receive(bench.client, REQUEST)
    bench.receive(bench.server, HEAD + b"\r\n" + FIRST + LAST + b"data: [DONE]\n\n")
    bench.break_off(bench.server)
    assert bench.body.endswith(END)
    assert bench.server in bench.closed
    assert verdict(bench) == "complete"


def test_an_empty_piece_in_the_middle_is_no_end(bench):
    bench.start(FIRST)
    (target,) = bench.layer.streams.values()
    bench.give_to = list(target.handle_event(names.ResponseData(target.stream_id, b"")))
    assert bench.give_to == []
    assert not next(iter(bench.addon._streams.values())).finished


def test_an_event_stream_of_another_kind_breaks_off_with_its_upstream(bench):
    bench.receive(bench.client, b"GET /clock HTTP/1.1\r\nhost: h\r\n\r\n")
    bench.receive(bench.server, CHUNKED + chunk(b"data: tick\n\n"))
    bench.break_off(bench.server)
    assert not bench.body.endswith(END)
    assert bench.client in bench.closed
    assert bench.hooks[-1] == "error"


@pytest.mark.parametrize("name", ["HttpStream", "Wakeup", "SendHttp"])
def test_where_mitmproxy_is_built_differently_this_is_told_once_and_streams_are_repaired_without(bench, monkeypatch, caplog, name):
    monkeypatch.setattr(names, name, None)
    bench.start(FIRST)
    bench.receive(bench.server, END)
    assert b'data: {"error"' in bench.body
    assert verdict(bench) == "upstream_end"
    assert internals.attach(bench.flow, SimpleNamespace(), 1) is False
    assert [record.levelno for record in caplog.records if name in record.message] == [logging.WARNING]


def test_an_internal_that_raises_is_told_and_harms_nothing(bench, monkeypatch, caplog):
    monkeypatch.setattr(internals, "find", lambda _: 1 / 0)
    bench.start(FIRST, LAST, b"data: [DONE]\n\n")
    bench.receive(bench.server, END)
    assert verdict(bench) == "complete"
    assert "ZeroDivisionError" in caplog.text


def test_without_the_shim_the_hooks_still_tell_how_a_stream_ended(bench, monkeypatch):
    monkeypatch.setattr(internals, "find", lambda _: None)
    bench.start(FIRST)
    bench.break_off(bench.server)
    assert verdict(bench) == "upstream_abort"
    assert bench.client in bench.closed


@pytest.mark.parametrize(("replay", "why"), [("request", "a replayed request"), (None, "the flow's connection is not known")])
def test_a_flow_without_a_connection_is_told_once(caplog, replay, why):
    with taddons.context():
        flow = tflow.tflow()
        flow.is_replay = replay
        for _ in range(2):
            assert internals.attach(flow, SimpleNamespace(), 1) is False
    assert caplog.text.count(why) == 1


def later(bench, seconds):
    """Let the open stream's clock go forward."""
    (stream,) = bench.addon._streams.values()
    before = stream._clock
    stream._clock = lambda: before() + seconds


def test_a_silent_upstream_is_closed_and_the_client_gets_an_honest_and_clean_end(bench):
    bench.start(FIRST)
    later(bench, 601)
    bench.tick()
    assert b'data: {"error"' in bench.body
    assert bench.body.endswith(END)
    assert bench.server in bench.closed
    assert bench.client not in bench.closed
    assert bench.hooks[-1] == "response"
    assert verdict(bench) == "idle"
    assert bench.layer.streams == {}
    assert bench.timers == []


def test_a_body_that_stays_open_behind_its_terminal_is_ended(bench):
    bench.start(FIRST, LAST, b"data: [DONE]\n\n")
    bench.tick()
    assert not bench.body.endswith(END)
    later(bench, 4)
    bench.tick()
    assert bench.body == chunk(FIRST) + chunk(LAST) + chunk(b"data: [DONE]\n\n") + END
    assert bench.server in bench.closed
    assert verdict(bench) == "complete"


def test_heartbeats_come_at_ticks_and_the_ticks_are_short_enough(bench):
    bench.tctx.configure(bench.addon, resplice_heartbeat="0.4")
    bench.start(FIRST)
    assert [timer.delay for timer in bench.timers] == [0.1]
    bench.tick()
    assert bench.body == chunk(FIRST)
    later(bench, 1)
    bench.tick()
    assert bench.body.count(b'"content":""') == 1
    bench.receive(bench.server, chunk(LAST) + END)
    assert verdict(bench) == "upstream_end"


def test_numbers_in_a_file_of_options_are_spelled_as_the_option_wants_them():
    held = options.Options()
    held.update_defer(resplice_heartbeat=15, resplice_log_keep=5)
    internals.respell_deferred(held, spell)
    assert internals.deferred_options(held) == {"resplice_heartbeat": ["15"], "resplice_log_keep": ["5"]}
    assert held.deferred["resplice_log_keep"] == 5
    internals.respell_deferred(object(), spell)


def test_values_that_wait_for_their_option_can_be_read():
    held = options.Options()
    held.set("resplice_mode=x", "resplice_log_keep", defer=True)
    assert internals.deferred_options(held) == {"resplice_mode": ["x"], "resplice_log_keep": []}
    internals.forget_deferred(held, "resplice_mode")
    held.update_defer(resplice_log_max_mib=7)
    assert internals.deferred_options(held) == {"resplice_log_keep": [], "resplice_log_max_mib": ["7"]}
    assert internals.deferred_options(object()) == {}


def test_a_shutdown_is_told_from_a_reload():
    with taddons.context():
        assert not internals.is_shutting_down()
        ctx.master.should_exit.set()
        assert internals.is_shutting_down()


def test_every_reason_that_the_shim_gives_is_one_of_the_session():
    assert {Reason.KILLED, Reason.SHUTDOWN, Reason.UPSTREAM_ABORT, Reason.CLIENT_DISCONNECT} <= set(Reason)
