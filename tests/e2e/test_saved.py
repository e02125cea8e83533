"""Saved flows tell the truth: what the live run said is said when they are loaded, replayed, explained and exported."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter

from e2e.clients import Client1, dial
from e2e.routes import API, HTTP1, JSON, REQUEST, world
from e2e.wire import eventually
from healthy_streams import CHAT_TEXT
from processes import ENTRY, mitmdump
from resplice.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.wire import Answer

pytestmark = pytest.mark.e2e

STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
SPLICED = CHAT_TEXT[1].removesuffix(b"\n")
"""A frame without its blank line."""
MITMDUMP = (sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()")
TOLD = ("state", "terminal", "findings", "losses", "events_in", "events_out", "bytes_in", "bytes_out", "text_chars")


def healthy(answer: Answer) -> None:
    answer.stream(*CHAT_TEXT)


def repaired(answer: Answer) -> None:
    answer.stream(CHAT_TEXT[0], SPLICED, *CHAT_TEXT[2:-1])


def failed(answer: Answer) -> None:
    answer.stream(*CHAT_TEXT[:3], b"data: {bad\n\n", *CHAT_TEXT[3:])


def broken_off(answer: Answer) -> None:
    answer.head(STREAM)
    answer.send(b"".join(CHAT_TEXT[:3]))
    answer.wait_arrived()
    answer.abort()


def left(answer: Answer) -> None:
    answer.head(STREAM)
    answer.send(b"".join(CHAT_TEXT[:3]))
    answer.wait_closed()


def slow(answer: Answer) -> None:
    """Heartbeats, and an event that is let go before its blank line comes."""
    answer.head(STREAM)
    answer.send(CHAT_TEXT[0] + CHAT_TEXT[1].removesuffix(b"\n"))
    time.sleep(2.5)
    answer.send(b"\n" + b"".join(CHAT_TEXT[2:4]))
    time.sleep(2.5)
    answer.send(b"".join(CHAT_TEXT[4:]))
    answer.end()


def compressed(answer: Answer) -> None:
    body = gzip.compress(b"".join((CHAT_TEXT[0], SPLICED, *CHAT_TEXT[2:])))
    answer.stream(body[:60], body[60:], head=(STREAM, "content-encoding: gzip"))


def undecodable(answer: Answer) -> None:
    body = gzip.compress(HEALTHY)
    answer.stream(body[:60], b"\xff" * 60, body[60:], head=(STREAM, "content-encoding: gzip"))


SCRIPTS: dict[str, Callable[[Answer], None]] = {
    one.__name__: one for one in (healthy, repaired, failed, broken_off, left, slow, compressed, undecodable)
}


@dataclass
class Saved:
    """What was saved, and what was said of it live."""

    file: Path
    har: Path
    closes: dict[str, dict[str, Any]]
    """Name of a script -> its stream's last record."""
    findings: dict[str, list[tuple[str, str, int]]]
    flows: dict[str, http.HTTPFlow]
    bodies: dict[str, bytes]
    """What the client got."""

    def number(self, name: str) -> int:
        """The flow's number in the file."""
        return list(self.flows).index(name) + 1


def read(file: Path) -> list[http.HTTPFlow]:
    with file.open("rb") as data:
        return [flow for flow in FlowReader(data).stream() if isinstance(flow, http.HTTPFlow)]


def live(folder: Path, **options: str) -> Saved:
    """Run them all through a proxy that saves."""
    file, har = folder / "flows.mitm", folder / "flows.har"
    more = {"save_stream_file": str(file), "hardump": str(har), "resplice_heartbeat": "1", **options}
    exchanges, paths = {}, {}
    with world(more) as running:
        for name, script in SCRIPTS.items():
            exchange = exchanges[name] = running.ask(HTTP1, script)
            paths[exchange.path] = name
            if name in {"broken_off", "left"}:
                exchange.client.read_body(len(b"".join(CHAT_TEXT[:3])))
                exchange.arrived.set()
            if name == "left":
                exchange.client.close()
            else:
                with contextlib.suppress(ConnectionError, EOFError):  # observed, the break reaches the client
                    exchange.client.read_all()
        closes = {name: exchange.close_record() for name, exchange in exchanges.items()}
        found = {
            name: [(one["type"], one["kind"], one["in_offset"]) for one in exchange.records() if "kind" in one]
            for name, exchange in exchanges.items()
        }
        running.proxy.stop(signal.SIGTERM)
    flows = {paths[flow.request.path]: flow for flow in read(file)}
    return Saved(file, har, closes, found, flows, {name: exchange.client.body for name, exchange in exchanges.items()})


@pytest.fixture(scope="module", params=[{}, {"resplice_body": "upstream"}, {"resplice_mode": "observe"}], ids=str)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return live(tmp_path_factory.mktemp("saved"), **request.param)


def resplice(*argv: str) -> tuple[int, str]:
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        status = main(list(argv))
    return status, told.getvalue()


def test_the_flow_says_what_the_log_says(saved: Saved) -> None:
    for name, close in saved.closes.items():
        verdict = saved.flows[name].metadata["resplice"]
        assert (verdict["stream"], verdict["state"], verdict["findings"]) == (close["stream"], close["state"], close["findings"]), (
            name
        )


def test_a_flow_that_is_loaded_is_left_as_it_is_and_the_log_as_well(saved: Saved, tmp_path: Path) -> None:
    again, log = tmp_path / "again.mitm", tmp_path / "log.jsonl"
    sets = ("--set", f"confdir={tmp_path}", "--set", f"resplice_log={log}", "--set", "resplice_log_saved=true")
    command = [*MITMDUMP, "-n", "-r", str(saved.file), "-w", str(again), "-s", str(ENTRY), *sets]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "rror" not in done.stderr
    assert not log.exists()
    loaded = {flow.id: flow for flow in read(again)}
    for before in saved.flows.values():
        after = loaded[before.id]
        assert after.metadata == before.metadata
        assert (after.marked, after.comment) == (before.marked, before.comment)
        assert (after.response and after.response.raw_content) == (before.response and before.response.raw_content)


def test_replay_says_what_the_live_run_said(saved: Saved, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    _, said = resplice("replay", str(saved.file), "--log", str(log))
    assert "Replayed, it is another" not in said
    assert said.count("Too little") == sum(close["status"] != 200 for close in saved.closes.values())
    records = [json.loads(line) for line in log.read_text("ascii").splitlines()]
    for name, live_close in saved.closes.items():
        assert f"flow {saved.number(name)}: {live_close['state']}\n  stream {live_close['stream']}; " in said, name
        own = [one for one in records if one["stream"] == live_close["stream"]]
        assert {key: own[-1][key] for key in TOLD} == {key: live_close[key] for key in TOLD}, name
        assert [(one["type"], one["kind"], one["in_offset"]) for one in own if "kind" in one] == saved.findings[name], name


def test_the_clients_bytes_come_out_of_a_replay(saved: Saved, tmp_path: Path) -> None:
    resplice("replay", str(saved.file), "--out", f"{tmp_path}/")
    for name, body in saved.bodies.items():
        if name in {"compressed", "undecodable"} and saved.closes[name]["ledger"]["passed"] == saved.closes[name]["bytes_in"]:
            continue  # observed: it went out encoded
        assert (tmp_path / f"flows.mitm.{saved.number(name)}.sse").read_bytes() == body, name


def test_explain_tells_the_live_run(saved: Saved) -> None:
    for close in saved.closes.values():
        for wanted in (close["stream"], close["stream"][:8]):
            status, said = resplice("explain", str(saved.file), wanted)
            assert status == 0
            assert said.startswith(f"Stream {close['stream']}: openai-chat")
            assert said.rstrip().endswith(close["verdict"])


def test_a_har_file_has_the_bodies(saved: Saved) -> None:
    entries = json.loads(saved.har.read_text())["log"]["entries"]
    paths = {entry["request"]["url"].partition("/case")[2]: entry["response"]["content"].get("text", "") for entry in entries}
    for name, flow in saved.flows.items():
        text = paths[flow.request.path.partition("/case")[2]]
        assert flow.response is not None
        if name != "undecodable":
            assert text == flow.response.get_text(), name
            assert text, name


def test_what_the_upstream_sent_gets_the_same_verdict_out_of_a_har_file(tmp_path: Path) -> None:
    found = live(tmp_path, resplice_body="upstream")
    _, said = resplice("replay", str(found.har))
    for name in ("healthy", "repaired", "failed", "compressed"):
        assert f"flow {found.number(name)}: {found.closes[name]['state']}\n" in said, said


def test_a_replayed_answer_of_ours_passes_as_it_is_with_its_verdict(tmp_path: Path) -> None:
    found = live(tmp_path)
    for name in ("repaired", "failed"):
        flow = found.flows[name]
        again = tmp_path / f"{name}.mitm"
        options = {"server_replay": str(found.file), "save_stream_file": str(again), "server_replay_extra": "404"}
        with mitmdump(options=options) as proxy:
            client = Client1(dial(proxy.port))
            client.request("POST", flow.request.host, flow.request.url, JSON, REQUEST)
            assert client.read_all() == found.bodies[name]
            client.close()
            proxy.stop(signal.SIGTERM)
            assert proxy.records() == []
        (replayed,) = read(again)
        assert replayed.metadata["resplice"] == flow.metadata["resplice"]


def test_a_request_that_is_replayed_is_judged_anew(tmp_path: Path) -> None:
    found = live(tmp_path)
    assert API in found.flows["repaired"].request.path
    again = tmp_path / "again.mitm"
    with world({"save_stream_file": str(again)}) as running:
        base = running.script(HTTP1, healthy)
        flow = found.flows["repaired"]
        flow.request.url = base + API
        with (tmp_path / "one.mitm").open("wb") as out:
            FlowWriter(out).add(flow)
        with mitmdump(args=("-C", str(tmp_path / "one.mitm")), options={"save_stream_file": str(again)}) as proxy:
            close = eventually(lambda: [one for one in proxy.records() if one["type"] == "stream.close"], "a receipt")[0]
            proxy.stop(signal.SIGTERM)
    assert close["state"] == "healthy"
    (replayed,) = read(again)
    assert replayed.metadata["resplice"]["state"] == "healthy"
    assert replayed.metadata["resplice"]["stream"] == close["stream"]
    assert (replayed.marked, replayed.comment) == ("", "")
