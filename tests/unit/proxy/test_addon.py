"""The hooks, one by one, with mitmproxy's own helpers."""

import asyncio
import io
import json
import logging

import pytest
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.flow import Error
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import taddons, tflow

from resplice.core.events import Reason
from resplice.proxy import addon as module
from resplice.proxy import internals
from resplice.proxy.addon import Resplice
from resplice.proxy.opening import reason
from unit.proxy.frames import DONE, FIRST, LAST

STREAM = json.dumps({"model": "m", "stream": True, "messages": []}).encode()
HEADERS = {"content-type": "text/event-stream", "content-length": "7", "x-kept": "yes"}


@pytest.fixture(autouse=True)
def _no_shim(monkeypatch):
    monkeypatch.setattr(internals, "attach", lambda *_: False)


@pytest.fixture
def tctx(tmp_path):
    addon = Resplice()
    with taddons.context(addon) as context:
        context.configure(addon, resplice_log=str(tmp_path / "log.jsonl"))
        context.addon, context.log = addon, tmp_path / "log.jsonl"
        yield context
        addon.done()


def make(body=STREAM, path="/v1/chat/completions", version="HTTP/1.1"):
    flow = tflow.tflow(live=True)
    flow.request = http.Request.make("POST", f"http://api.example{path}", body, {"accept-encoding": "gzip"})
    flow.request.http_version = version
    flow.response = http.Response.make(200, b"", HEADERS)
    flow.response.headers["content-length"] = "7"
    return flow


def begin(tctx, flow):
    tctx.addon.requestheaders(flow)
    tctx.addon.request(flow)
    tctx.addon.responseheaders(flow)
    return flow.response.stream


def records(tctx):
    tctx.addon.done()
    return [json.loads(line) for line in tctx.log.read_text().splitlines()]


@pytest.mark.parametrize(
    ("version", "transfer"), [("HTTP/1.1", "chunked"), ("HTTP/1.0", None), ("HTTP/2.0", None), ("HTTP/3", None)]
)
def test_the_headers_fit_a_body_of_unknown_length_in_the_clients_version_of_http(tctx, version, transfer):
    flow = make(version=version)
    flow.response.headers["transfer-encoding"] = "chunked"
    assert callable(begin(tctx, flow))
    assert "content-length" not in flow.response.headers
    assert flow.response.headers.get("transfer-encoding") == transfer
    assert flow.response.headers["x-kept"] == "yes"


def test_a_stream_is_asked_for_without_a_coding_and_other_answers_as_ever(tctx):
    wanted, other = make(), make(body=b'{"model": "m", "messages": []}')
    elsewhere = make(path="/v1/embeddings")
    for flow in (wanted, other, elsewhere):
        tctx.addon.request(flow)
    assert [flow.request.headers["accept-encoding"] for flow in (wanted, other, elsewhere)] == ["identity", "gzip", "gzip"]


def test_a_request_that_is_streamed_on_is_judged_by_its_path_before_its_body_came(tctx):
    flow = make()
    flow.request.raw_content = None
    flow.request.stream = True
    flow.request.headers["content-type"] = "application/json"
    tctx.addon.requestheaders(flow)
    assert flow.request.headers["accept-encoding"] == "identity"
    tctx.addon.responseheaders(flow)
    assert callable(flow.response.stream)


def test_observe_touches_neither_request_nor_response(tctx):
    tctx.configure(tctx.addon, resplice_mode="observe")
    flow = make()
    before = flow.response.headers.copy()
    assert callable(begin(tctx, flow))
    assert flow.response.headers == before
    assert flow.request.headers["accept-encoding"] == "gzip"


def test_flows_that_the_filter_leaves_out_are_left_alone(tctx):
    tctx.configure(tctx.addon, resplice_flows="~d elsewhere.example")
    flow = make()
    assert begin(tctx, flow) is False
    assert flow.request.headers["accept-encoding"] == "gzip"
    assert flow.response.headers["content-length"] == "7"


def test_an_unknown_coding_is_left_alone_and_told(tctx, caplog):
    flow = make()
    flow.response.headers["content-encoding"] = "snappy\x1b"
    assert begin(tctx, flow) is False
    assert "snappy" in caplog.text
    assert "\x1b" not in caplog.text


def test_an_encoded_event_stream_of_no_known_kind_is_left_alone(tctx):
    flow = make(path="/clock", body=b"")
    flow.response.headers["content-encoding"] = "gzip"
    assert begin(tctx, flow) is False
    assert flow.response.headers["content-encoding"] == "gzip"


def test_the_verdict_is_in_the_flows_metadata_in_types_that_can_be_saved(tctx):
    flow = make()
    stream = begin(tctx, flow)
    for piece in (FIRST[:-1] + LAST, DONE, b""):
        stream(piece)
    tctx.addon.response(flow)
    file = io.BytesIO()
    FlowWriter(file).add(flow)
    file.seek(0)
    (saved,) = FlowReader(file).stream()
    told = saved.metadata["resplice"]
    assert told == flow.metadata["resplice"]
    assert (told["dialect"], told["outcome"], told["healthy"], told["losses"]) == ("openai-chat", "complete", False, 0)
    assert told["findings"]


def test_a_change_of_options_applies_to_streams_that_begin_later(tctx):
    old = begin(tctx, make())
    tctx.configure(tctx.addon, resplice_mode="observe")
    new = begin(tctx, make())
    old(FIRST)
    new(FIRST)
    assert old(b"")[0].startswith(b'data: {"error"')
    assert new(b"") == []


def test_another_log_begins_when_its_option_changes(tctx, tmp_path):
    tctx.configure(tctx.addon, resplice_log=str(tmp_path / "second.jsonl"))
    stream = begin(tctx, make())
    stream(FIRST + LAST + DONE)
    stream(b"")
    tctx.addon.done()
    assert (tmp_path / "second.jsonl").read_text().count("\n") == 2
    assert not tctx.log.exists()


def test_a_wrong_value_while_running_is_refused_and_changes_nothing(tctx):
    settings = tctx.addon._settings
    with pytest.raises(module.OptionsError):
        tctx.configure(tctx.addon, resplice_mode="fix")
    assert tctx.addon._settings == settings


def test_a_wrong_value_at_the_start_is_one_line_and_leaves_flows_alone(caplog):
    addon = Resplice()
    with taddons.context() as context:
        context.options.set("resplice_mode=fix", "resplice_log_keep=x", "resplice_log=", defer=True)
        context.master.addons.register(addon)
        addon.configure(set(context.options.keys()))
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
            "Resplice: resplice_log_keep is 'x'; give a whole number from 0 to 10000.",
            "Resplice: resplice_mode is 'fix'; choose one of repair, observe.",
        ]
        context.addon = addon
        assert begin(context, make()) is False


@pytest.mark.parametrize("hook", ["requestheaders", "request", "responseheaders", "response", "error"])
def test_a_defect_in_a_hook_is_told_and_the_flow_passes_as_it_is(tctx, monkeypatch, caplog, hook):
    flow = make()
    begin(tctx, flow)
    for name in ("_read_request", "_open", "_finish_whole"):
        monkeypatch.setattr(tctx.addon, name, lambda *_: 1 / 0)
    monkeypatch.setattr(module, "reason", lambda *_: 1 / 0)
    flow.request.stream = hook == "requestheaders"
    before = flow.response.headers.copy()
    getattr(tctx.addon, hook)(flow)
    (told,) = caplog.records
    assert told.levelno == logging.ERROR
    assert told.exc_info
    assert hook in told.getMessage()
    assert flow.response.headers == before


def test_a_defect_in_opening_a_stream_leaves_the_headers_as_they_are(tctx, monkeypatch):
    monkeypatch.setattr(module, "open_stream", lambda *_: 1 / 0)
    flow = make()
    assert begin(tctx, flow) is False
    assert flow.response.headers["content-length"] == "7"


@pytest.mark.parametrize(
    ("body", "begins"), [(b"", b'data: {"error"'), (FIRST[:-1] + LAST + DONE, FIRST + LAST), (FIRST + LAST + DONE, FIRST)]
)
def test_a_body_that_was_there_as_a_whole_is_repaired_as_a_whole(tctx, body, begins):
    flow = make()
    begin(tctx, flow)
    flow.response.raw_content = body
    tctx.addon.response(flow)
    assert flow.response.raw_content.startswith(begins)
    assert flow.metadata["resplice"]["dialect"] == "openai-chat"


def test_a_saved_flow_leaves_no_record_unless_it_is_wanted(tctx):
    flow = make()
    flow.live = False
    flow.response.raw_content = FIRST + LAST
    for hook in (tctx.addon.requestheaders, tctx.addon.request, tctx.addon.responseheaders, tctx.addon.response):
        hook(flow)
    assert flow.metadata["resplice"]["state"] == "cut"
    tctx.addon.done()
    assert not tctx.log.exists()


def test_a_large_saved_flow_is_analysed_in_pieces(tctx):
    flow = make()
    flow.live = False
    flow.response.raw_content = FIRST * 10_000 + LAST + DONE
    tctx.addon.request(flow)

    async def load():
        turns = 0
        analysis = asyncio.ensure_future(tctx.addon.response(flow))
        while not analysis.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(load()) >= len(flow.response.raw_content) // 65536
    assert flow.metadata["resplice"]["state"] == "healthy"


def test_a_saved_flow_is_analysed_and_stays_as_it_is(tctx):
    tctx.configure(tctx.addon, resplice_log_saved=True)
    flow = make()
    flow.live = False
    flow.response.raw_content = FIRST + FIRST[:50]
    before = flow.response.get_state()
    for hook in (tctx.addon.requestheaders, tctx.addon.request, tctx.addon.responseheaders, tctx.addon.response):
        hook(flow)
    assert flow.response.get_state() == before
    assert flow.request.headers["accept-encoding"] == "gzip"
    opening, finding, receipt = records(tctx)
    assert (opening["source"], opening["mode"]) == ("saved", "observe")
    assert (finding["type"], finding["applied"]) == ("loss", False)
    assert (receipt["terminal"], receipt["state"], receipt["duration_ms"]) == ("missing", "cut", None)


def test_a_flow_that_was_killed_live_is_not_taken_for_a_saved_one(tctx):
    flow = make()
    begin(tctx, flow)(FIRST)
    flow.kill()
    tctx.addon.error(flow)
    flow.response.raw_content = FIRST
    tctx.addon.response(flow)
    assert [one["type"] for one in records(tctx)] == ["stream.open", "stream.close"]


@pytest.mark.parametrize(
    ("message", "live", "connected", "expected"),
    [
        (None, True, True, Reason.UPSTREAM_END),
        (Error.KILLED_MESSAGE, True, True, Reason.KILLED),
        ("Client disconnected.", True, True, Reason.CLIENT_DISCONNECT),
        ("stream reset by client (CANCEL)", False, False, Reason.CLIENT_DISCONNECT),
        ("stream reset by client (INTERNAL_ERROR)", True, True, Reason.UPSTREAM_ABORT),
        ("peer closed connection", True, True, Reason.UPSTREAM_ABORT),
        ("peer closed connection", True, False, Reason.CLIENT_DISCONNECT),
        ("peer closed connection", False, False, Reason.UPSTREAM_ABORT),
    ],
)
def test_how_a_flow_ended_is_read_from_mitmproxys_message(message, live, connected, expected):
    flow = make()
    flow.live = live
    flow.client_conn.state = ConnectionState.OPEN if connected else ConnectionState.CLOSED
    flow.error = Error(message) if message else None
    assert reason(flow) is expected


def test_leaving_ends_streams_that_nobody_else_ends_and_writes_all_records(tctx, monkeypatch):
    monkeypatch.setattr(module, "LEAVE_WITHIN", 0.1)
    monkeypatch.setattr(internals, "is_shutting_down", lambda: True)
    flow = make()

    async def leave():
        begin(tctx, flow)(FIRST)
        await tctx.addon.done()

    asyncio.run(leave())
    assert json.loads(tctx.log.read_text().splitlines()[-1])["outcome"] == "shutdown"
    assert begin(tctx, make()) is False


def test_a_reload_lets_streams_go_on_and_closes_the_log_behind_the_last_one(tctx):
    flows = make(), make()  # which mitmproxy holds on to while they are open
    first, second = (begin(tctx, flow) for flow in flows)
    first(FIRST)
    assert tctx.addon.done() is None
    assert first(LAST + DONE) == [LAST + DONE]
    first(b"")
    second(FIRST + LAST + DONE)
    second(b"")
    assert tctx.log.read_text().count('"stream.close"') == 2


@pytest.mark.parametrize(("piece", "level"), [(DONE, logging.INFO), (b"", logging.WARNING)])
def test_each_stream_is_told_on_one_line_and_a_failed_one_stands_out(tctx, caplog, piece, level):
    caplog.set_level(logging.DEBUG, "resplice")
    flow = make(path="/\x1b[31mx/v1/chat/completions?key=secret")
    stream = begin(tctx, flow)
    stream(FIRST + (LAST if piece else b""))
    if piece:
        stream(piece)
    stream(b"")
    (line,) = [record for record in caplog.records if record.getMessage().startswith("Resplice: api.example")]
    assert line.levelno == level
    assert line.getMessage().isprintable()
    assert "secret" not in line.getMessage()


def test_a_client_that_left_is_everyday_life(tctx, caplog):
    caplog.set_level(logging.DEBUG, "resplice")
    flow = make()
    begin(tctx, flow)(FIRST)
    flow.error = Error("Client disconnected.")
    tctx.addon.error(flow)
    (line,) = [record for record in caplog.records if "the client left" in record.getMessage()]
    assert line.levelno == logging.DEBUG


MCP = b'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"data: [DONE]"}]}}\n\n'


def test_an_event_stream_of_another_kind_passes_and_leaves_a_line_for_those_who_look_closely(tctx, caplog):
    caplog.set_level(logging.DEBUG, "resplice")
    stream = begin(tctx, make(b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', "/mcp?key=secret"))
    assert b"".join([*stream(MCP[:20]), *stream(MCP[20:]), *stream(b"")]) == MCP
    [line] = [entry for entry in caplog.records if entry.name == "resplice"]
    assert line.levelno == logging.DEBUG
    assert "api.example:80/mcp: an event stream of no API that Resplice knows; 108 bytes passed" in line.getMessage()
    tctx.addon.done()
    assert not tctx.log.exists()


@pytest.mark.parametrize(("query", "changed"), [("?stream=true&starting_after=2", False), ("?stream=true", True)])
def test_the_rest_of_a_response_that_a_client_asks_for_is_not_given_a_beginning(tctx, query, changed):
    flow = make(b"", f"/v1/responses/resp_1{query}")
    flow.request.method = "GET"
    stream = begin(tctx, flow)
    delta = (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":3,"item_id":"m",'
        b'"output_index":0,"content_index":0,"delta":"x"}\n\n'
    )
    out = stream(delta)
    assert (b"event: error" in (out if isinstance(out, bytes) else b"".join(out))) is changed
