"""What is kept of streams, so that they can be looked at while they are open, later, and in saved flows."""

import gc
import io

import pytest
from mitmproxy import contentviews, http
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.exceptions import CommandError
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.proxy.layers.http import HttpResponseHook
from mitmproxy.test import taddons, tflow

from resplice.proxy import internals, keep, view
from resplice.proxy.addon import Resplice
from resplice.proxy.keep import Budget, Kept
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.looked_at import REQUEST, begin, finished

SPLICED = FIRST.removesuffix(b"\n")
"""A frame without its blank line."""


def shown(flow, message=None, view="auto"):
    return contentviews.prettify_message(message or flow.response, flow, view)


def test_an_open_stream_is_shown_while_it_grows(ui):
    flow = begin(ui)
    flow.response.stream(FIRST)
    assert ui.updates == [FIRST]
    assert flow.metadata["resplice"]["state"] == "open"
    assert "OpenAI Chat Completions" in shown(flow).text
    flow.response.stream(FIRST)
    assert ui.updates == [FIRST], "not with every piece"
    ui.clock[0] += 1
    flow.response.stream(LAST)
    assert ui.updates == [FIRST, FIRST + FIRST + LAST]


def test_the_larger_a_body_is_the_more_seldom_it_is_shown():
    pictures = []
    kept = Kept(1 << 22)
    kept.show = lambda: pictures.append(1)
    for number in range(1000):
        kept.went_out(b"x" * 4096, 10 + number / 100)
    assert 2 < len(pictures) < 10


def test_a_finished_stream_keeps_its_body_its_verdict_and_both_of_its_sides(ui):
    flow = finished(ui, SPLICED + LAST)
    assert flow.response.raw_content == FIRST + LAST + DONE
    assert flow.metadata["resplice"]["state"] == "repaired"
    assert flow.marked == ":wrench:"
    assert flow.comment == "Resplice: repaired: 2 repairs · the upstream ended it · terminal event added"
    upstream = ui.tmp_path / "upstream"
    ui.master.commands.call("resplice.export", "upstream", flow, str(upstream))
    assert upstream.read_bytes() == SPLICED + LAST
    assert upstream.stat().st_mode & 0o777 == 0o600


def test_a_saved_flow_shows_the_same_page(ui):
    flow = finished(ui, SPLICED + LAST)
    file = io.BytesIO()
    FlowWriter(file).add(flow)
    file.seek(0)
    (loaded,) = FlowReader(file).stream()
    assert shown(loaded).text == shown(flow).text
    assert shown(loaded).view_name == "LLM stream"
    assert loaded.metadata["resplice"] == flow.metadata["resplice"]


def test_a_flow_from_a_file_is_looked_at_and_stays_as_it_is(ui):
    flow = tflow.tflow(live=False)
    flow.request = http.Request.make("POST", "http://api.example/v1/chat/completions", REQUEST)
    flow.response = http.Response.make(200, FIRST + LAST, {"content-type": "text/event-stream"})
    for hook in (ui.addon.requestheaders, ui.addon.request, ui.addon.responseheaders, ui.addon.response):
        hook(flow)
    assert flow.response.raw_content == FIRST + LAST
    assert [change["kind"] for change in flow.metadata["resplice_changes"]] == ["terminal_missing"]
    assert "1. not applied: repaired terminal_missing" in shown(flow).text


def test_the_request_is_shown_as_a_conversation(ui):
    flow = finished(ui, FIRST, LAST, DONE)
    page = shown(flow, flow.request)
    assert page.view_name == "LLM stream"
    assert "── user ─" in page.text
    assert "hi <b>" in page.text


def test_other_flows_are_shown_as_ever():
    flow = tflow.tflow(resp=True)
    flow.response.headers["content-type"] = "application/json"
    flow.response.content = flow.request.content = b'{"a": 1}'
    with taddons.context(Resplice()):
        assert shown(flow).view_name != "LLM stream"
        assert shown(flow, flow.request).view_name != "LLM stream"
        assert "no stream of an LLM API" in shown(flow, view="LLM stream").text
        assert "no request to an LLM API" in shown(flow, flow.request, "LLM stream").text


@pytest.mark.parametrize(
    ("pieces", "state", "mark"),
    [
        ((FIRST, LAST, DONE), "healthy", ""),
        ((FIRST, LAST), "repaired", ":wrench:"),
        ((FIRST,), "failed", ":x:"),
        ((FIRST, b"data: {bad\n\n", LAST, DONE), "failed", ":x:"),
    ],
)
def test_the_state_of_a_stream_is_its_flows_mark(ui, pieces, state, mark):
    flow = finished(ui, *pieces)
    assert (flow.metadata["resplice"]["state"], flow.marked) == (state, mark)
    assert bool(flow.comment) == bool(mark)


def test_a_persons_own_mark_and_comment_stay(ui):
    flow = begin(ui)
    flow.marked, flow.comment = ":heart:", "mine"
    for piece in (SPLICED + LAST, b""):
        flow.response.stream(piece)
    assert (flow.marked, flow.comment) == (":heart:", "mine")


def test_marks_can_be_switched_off(ui):
    ui.configure(ui.addon, resplice_marks=False)
    flow = finished(ui, FIRST)
    assert (flow.marked, flow.comment) == ("", "")


class Other:
    """Another addon, which wants to read bodies."""

    def __init__(self):
        self.bodies = []

    def response(self, flow):
        self.bodies.append(flow.response.content)


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, FIRST + LAST + DONE),
        ({"resplice_keep_body_mib": 0}, None),
        ({"body_size_limit": "100"}, (FIRST + LAST + DONE)[:100]),
        ({"resplice_body": "upstream"}, SPLICED + LAST),
    ],
)
def test_without_a_window_other_addons_see_the_body_all_the_same(monkeypatch, options, body):
    monkeypatch.setattr(internals, "attach", lambda *_: False)
    addon, other = Resplice(), Other()
    with taddons.context(Proxyserver(), other, addon) as ui:
        ui.configure(addon, resplice_log="", **options)
        ui.addon = addon
        flow = finished(ui, SPLICED + LAST)
        ui.master.addons.trigger(HttpResponseHook(flow))
    assert other.bodies == [body]
    assert flow.metadata["resplice"]["state"] == "repaired"
    assert ("resplice_changes" in flow.metadata) == ("resplice_body" in options)


def test_a_body_of_a_stream_of_another_kind_is_seen_as_well(ui):
    flow = begin(ui, path="/clock", body=b"")
    flow.response.stream(b"event: tick\ndata: 1\n\n")
    flow.response.stream(b"")
    assert flow.response.raw_content == b"event: tick\ndata: 1\n\n"
    assert "resplice" not in flow.metadata


def test_of_a_long_body_the_beginning_is_kept(ui, monkeypatch):
    monkeypatch.setattr(keep.Keeper, "keep", lambda *_, **__: Kept(100))
    flow = finished(ui, FIRST, LAST, DONE)
    assert flow.response.raw_content == (FIRST + LAST + DONE)[:100]
    assert flow.metadata["resplice"]["kept_bytes"] == 100


def test_of_many_bodies_the_oldest_go_first():
    budget = Budget(250)
    flows = [tflow.tflow(resp=True) for _ in range(3)]
    for flow in flows:
        flow.response.raw_content = b"x" * 100
        budget.book(flow, 100)
    assert [flow.response.raw_content for flow in flows] == [None, b"x" * 100, b"x" * 100]
    budget.book(flows[2], 240)
    assert flows[1].response.raw_content is None


def test_many_large_changes_are_kept_in_part(ui):
    ui.options.resplice_client = "ai-sdk"  # it dies of events that it does not know: they are dropped
    flow = begin(ui)
    flow.response.stream(FIRST)
    for _ in range(40):
        flow.response.stream(b"event: other.thing\ndata: " + b"x" * 100_000 + b"\n\n")
    flow.response.stream(b"")
    kept = sum(len(change["raw"]) for change in flow.metadata["resplice_changes"])
    assert kept < 1_200_000
    with pytest.raises(CommandError, match="Too little is kept"):
        ui.master.commands.call("resplice.export", "upstream", flow, str(ui.tmp_path / "x"))


def loaded(*flows):
    file = io.BytesIO()
    for flow in flows:
        FlowWriter(file).add(flow)
    file.seek(0)
    return list(FlowReader(file).stream())


def load(ui, flow):
    for hook in (ui.addon.requestheaders, ui.addon.request, ui.addon.responseheaders, ui.addon.response):
        hook(flow)


@pytest.mark.parametrize("pieces", [(FIRST, LAST, DONE), (SPLICED + LAST,), (FIRST,), (FIRST, b"data: {bad\n\n", LAST, DONE)])
@pytest.mark.parametrize("side", ["client", "upstream"])
def test_a_flow_that_carries_a_verdict_keeps_it_and_its_page_and_leaves_no_record(ui, pieces, side):
    ui.configure(ui.addon, resplice_log_saved=True, resplice_body=side)
    flow = finished(ui, *pieces)
    ui.configure(ui.addon, resplice_body="client")
    (again,) = loaded(flow)
    load(ui, again)
    assert (again.metadata, again.marked, again.comment) == (flow.metadata, flow.marked, flow.comment)
    assert again.response.raw_content == flow.response.raw_content
    assert shown(again).text == shown(flow).text
    ui.addon.done()
    assert (ui.tmp_path / "log.jsonl").read_text().count('"stream.open"') == 1
    for one, target in (("client", "a"), ("upstream", "b")):
        ui.master.commands.call("resplice.export", one, again, str(ui.tmp_path / target))
    assert (ui.tmp_path / "b").read_bytes() == b"".join(pieces)
    assert flow.response.raw_content == (ui.tmp_path / ("a" if side == "client" else "b")).read_bytes()


@pytest.mark.parametrize(
    "verdict", [None, "x", {}, {"state": "healthy"}, {"state": 7}, [1], {"state": "sideways", "findings": {1: 2}}]
)
def test_a_verdict_that_is_none_does_not_count(ui, verdict):
    (again,) = loaded(finished(ui, SPLICED + LAST))
    again.metadata["resplice"] = verdict
    again.metadata["resplice_changes"] = [{"kind": 3}, 7]
    assert ui.master.commands.call("resplice.verdict", [again]) == ["none of these flows is an LLM stream"]
    assert "LLM stream" in shown(again, view="LLM stream").view_name
    load(ui, again)
    assert again.metadata["resplice"]["source"] == "saved"
    assert again.metadata["resplice"]["state"] == "healthy"


def test_a_flow_that_is_sent_once_more_begins_anew(ui):
    (again,) = loaded(finished(ui, SPLICED + LAST))
    again.live = True
    again.response.raw_content = None
    for hook in (ui.addon.requestheaders, ui.addon.request, ui.addon.responseheaders):
        hook(again)
    for piece in (FIRST, LAST, DONE, b""):
        again.response.stream(piece)
    assert again.metadata["resplice"]["state"] == "healthy"
    assert (again.marked, again.comment) == ("", "")


def test_a_stored_body_is_known_to_be_whole(ui, monkeypatch):
    monkeypatch.setattr(keep.Keeper, "keep", lambda *_, **__: Kept(100))
    flow = finished(ui, FIRST, LAST, DONE)
    assert flow.metadata["resplice"]["kept_bytes"] == 100
    ui.options.add_option("store_streamed_bodies", bool, True, "mitmproxy's")
    flow.response.raw_content = FIRST + LAST + DONE  # mitmproxy does so
    ui.addon.response(flow)
    assert flow.metadata["resplice"]["kept_bytes"] is None


def test_what_is_kept_of_open_streams_counts_and_of_flows_that_are_gone_does_not():
    budget = Budget(250)
    flow, other = tflow.tflow(resp=True), tflow.tflow(resp=True)
    kept = Kept(1000)
    kept.went_out(b"x" * 200, 0.0)
    budget.book(flow, kept.size, kept)
    budget.book(other, 100)
    kept.went_out(b"x" * 200, 0.0)
    assert (kept.size, kept.cut, budget.used) == (0, True, 100)
    del other
    gc.collect()
    assert budget.used == 0


def test_of_an_endless_body_the_beginning_is_shown(ui, monkeypatch):
    monkeypatch.setattr(view, "_MOST", 200)
    text = shown(finished(ui, FIRST, LAST, DONE)).text
    assert "270 bytes to the client, of which the first 200 bytes are shown" in text


def test_a_verdict_that_is_loaded_is_told_in_a_line(ui, caplog):
    flow = finished(ui, SPLICED + LAST)
    (again,) = loaded(flow)
    caplog.clear()
    with caplog.at_level("INFO", "resplice"):
        load(ui, again)
    (told,) = caplog.messages
    assert told.startswith("Resplice: api.example:80/v1/chat/completions (openai-chat): repaired: 2 repairs · ")
    assert told.endswith(f"; told when it was live, as stream {flow.metadata['resplice']['stream'][:8]}")
