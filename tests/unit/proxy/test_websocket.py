"""WebSocket flows through the addon's hooks, with mitmproxy's own helpers."""

import io
import json
import logging

import jsonschema
import pytest
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import taddons, tflow
from mitmproxy.websocket import WebSocketMessage
from wsproto.frame_protocol import Opcode

from resplice.proxy.addon import Resplice
from resplice.records.schema import load_schema

CREATE = {"type": "response.create", "model": "tiny-r"}
ANSWER = (
    {"type": "response.created", "response": {"id": "resp_1", "model": "tiny-r"}},
    {"type": "response.output_text.delta", "delta": "Hello"},
    {"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}},
)


@pytest.fixture
def tctx(tmp_path):
    addon = Resplice()
    with taddons.context(addon) as context:
        context.configure(addon, resplice_log=str(tmp_path / "log.jsonl"))
        context.addon, context.log = addon, tmp_path / "log.jsonl"
        yield context
        addon.done()


def make(path="/v1/responses?model=m&key=secret"):
    flow = tflow.twebsocketflow()
    flow.request.path = path
    flow.request.headers["user-agent"] = "codex_cli_rs/0.1 (Linux)"
    flow.websocket.messages = []
    flow.websocket.closed_by_client = None
    return flow


def say(tctx, flow, value, *, from_client=False, opcode=Opcode.TEXT):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    flow.websocket.messages.append(WebSocketMessage(opcode, from_client, data))
    tctx.addon.websocket_message(flow)
    assert flow.websocket.messages[-1].content == data
    assert not flow.websocket.messages[-1].dropped


def end(tctx, flow, code=1000, *, by_client=True, reason=""):
    flow.websocket.close_code, flow.websocket.closed_by_client, flow.websocket.close_reason = code, by_client, reason
    tctx.addon.websocket_end(flow)


def talk(tctx, flow, *values, code=1000, by_client=True):
    tctx.addon.websocket_start(flow)
    say(tctx, flow, CREATE, from_client=True)
    for value in values:
        say(tctx, flow, value)
    end(tctx, flow, code, by_client=by_client)


def records(tctx):
    tctx.addon.done()
    return [json.loads(line) for line in tctx.log.read_text().splitlines()] if tctx.log.exists() else []


def test_a_healthy_websocket_leaves_two_records_and_a_mark_that_says_so(tctx):
    flow = make()
    talk(tctx, flow, *ANSWER)
    found = records(tctx)
    assert [record["type"] for record in found] == ["stream.open", "stream.close"]
    for record in found:
        jsonschema.validate(record, load_schema())
    opened, closed = found
    assert (opened["dialect"], opened["mode"], opened["status"], opened["client"]) == (
        "openai-responses",
        "observe",
        101,
        "codex_cli_rs/0.1",
    )
    assert "secret" not in opened["path"]
    assert (closed["outcome"], closed["terminal"], closed["whole"], closed["delivered_whole"]) == ("complete", "seen", True, True)
    assert closed["socket"] == {
        "close_code": 1000,
        "closed_by_client": True,
        "client_messages": 1,
        "responses": 1,
        "unfinished": 0,
        "failed": 0,
    }
    assert closed["verdict"] == "1 response: whole, and passed on."
    assert closed["model"] == "tiny-r"
    assert flow.metadata["resplice"]["state"] == "healthy"


def test_an_upstream_that_breaks_off_is_told_with_the_answer_that_it_left(tctx):
    flow = make()
    talk(tctx, flow, *ANSWER[:2], code=1006, by_client=False)
    _, note, loss, closed = records(tctx)
    assert (note["type"], note["kind"], note["applied"]) == ("note", "abnormal_close", False)
    assert (loss["type"], loss["kind"], loss["applied"]) == ("loss", "response_unfinished", False)
    assert (closed["outcome"], closed["terminal"], closed["whole"]) == ("upstream_abort", "missing", False)
    assert closed["verdict"] == "Of 1 response that began, or were asked for, 1 did not end."
    assert flow.metadata["resplice"]["losses"] == 1


def test_damage_is_on_record_and_never_applied(tctx):
    talk(tctx, make(), ANSWER[0], b'{"type": "response.out', ANSWER[2])
    _, loss, closed = records(tctx)
    assert (loss["kind"], loss["applied"], loss["raw"]["text"]) == ("message_malformed", False, '{"type": "response.out')
    assert loss["raw"] == loss["replacement"]
    assert (closed["losses"], closed["healthy"], closed["whole"]) == (1, True, False)


def test_other_websockets_and_those_that_the_filter_leaves_out_are_none_of_ours(tctx):
    talk(tctx, make("/chat"), b"not JSON")
    tctx.configure(tctx.addon, resplice_flows="~d elsewhere")
    talk(tctx, make(), *ANSWER)
    assert records(tctx) == []


def test_messages_without_a_start_are_ignored_and_a_second_end_too(tctx):
    flow = make()
    say(tctx, flow, ANSWER[0])
    end(tctx, flow)
    talk(tctx, flow, *ANSWER)
    end(tctx, flow)
    assert [record["type"] for record in records(tctx)] == ["stream.open", "stream.close"]


def test_a_message_that_was_written_inside_the_proxy_does_not_count(tctx):
    flow = make()
    tctx.addon.websocket_start(flow)
    flow.websocket.messages.append(WebSocketMessage(Opcode.TEXT, False, b"not JSON", injected=True))
    tctx.addon.websocket_message(flow)
    end(tctx, flow)
    *_, closed = records(tctx)
    assert (closed["events_in"], closed["losses"]) == (0, 0)


def test_when_the_addon_goes_its_websockets_are_accounted_for(tctx):
    flow = make()
    tctx.addon.websocket_start(flow)
    say(tctx, flow, CREATE, from_client=True)
    say(tctx, flow, ANSWER[0])
    tctx.addon.done()
    say(tctx, flow, ANSWER[2])
    end(tctx, flow)
    *_, closed = records(tctx)
    assert (closed["type"], closed["outcome"], closed["socket"]["unfinished"]) == ("stream.close", "shutdown", 1)


def test_a_defect_in_a_hook_is_told_and_breaks_no_connection(tctx, caplog):
    flow = make()
    tctx.addon.websocket_start(flow)
    flow.websocket.messages = [None]
    with caplog.at_level(logging.ERROR):
        tctx.addon.websocket_message(flow)
    assert "the flow passes as it is" in caplog.text


def test_what_the_wire_says_reaches_the_terminal_escaped(tctx, caplog):
    flow = make()
    tctx.addon.websocket_start(flow)
    say(tctx, flow, ANSWER[0])
    with caplog.at_level(logging.DEBUG):
        end(tctx, flow, 1011, by_client=False, reason="\x1b[31mred\nline")
    [line] = [record.getMessage() for record in caplog.records if "Resplice:" in record.getMessage()]
    assert "\x1b" not in line
    assert "\n" not in line
    assert "1011" in line


@pytest.mark.parametrize("judged", [True, False])
def test_a_saved_flow_is_looked_at_like_a_live_one_unless_it_carries_a_verdict(tctx, judged):
    tctx.configure(tctx.addon, resplice_log_saved=True)
    flow = make()
    talk(tctx, flow, *ANSWER[:2], code=1006, by_client=False)
    file = io.BytesIO()
    FlowWriter(file).add(flow)
    file.seek(0)
    [saved] = FlowReader(file).stream()
    if not judged:
        saved.metadata.clear()
    messages, saved.websocket.messages = saved.websocket.messages, []
    tctx.addon.websocket_start(saved)
    for message in messages:
        saved.websocket.messages.append(message)
        tctx.addon.websocket_message(saved)
    tctx.addon.websocket_end(saved)
    opened, *_, closed = records(tctx)[-4:]
    if judged:
        assert opened["source"] == "live"
        assert saved.metadata == flow.metadata
        return
    assert opened["source"] == "saved"
    assert (closed["outcome"], closed["duration_ms"], closed["delivered_whole"]) == ("upstream_abort", None, False)
