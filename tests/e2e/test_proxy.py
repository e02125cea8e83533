"""The addon as a guest of mitmproxy: options, the log file, stored and saved flows, replay, and other copies of itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import tflow

from e2e.clients import Client1, dial
from e2e.routes import API, HTTP1, JSON, REQUEST, Exchange, world
from e2e.wire import Answer, eventually, upstream
from healthy_streams import CHAT_TEXT
from processes import ENTRY, mitmdump

pytestmark = pytest.mark.e2e

STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
HALF = CHAT_TEXT[:4]
ERROR = b'data: {"error":{"message":'
MITMDUMP = (sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()")


def healthy(answer: Answer) -> None:
    answer.stream(*CHAT_TEXT)


def half(answer: Answer) -> None:
    answer.stream(*HALF)


# -- options

WRONG = {
    "resplice_mode=fix": "resplice_mode is 'fix'; choose one of repair, observe.",
    "resplice_on_loss=": "resplice_on_loss is ''; choose one of error, continue.",
    "resplice_max_event_mib=0": "resplice_max_event_mib is 0; give a whole number from 1 to 1024.",
    "resplice_max_event_mib=many": "resplice_max_event_mib is 'many'; give a whole number from 1 to 1024.",
    "resplice_mode": "resplice_mode has no values; give one.",
    "resplice_flows=~~": "resplice_flows is '~~', which is no filter expression; see mitmproxy's help, or leave it empty.",
    "resplice_mod=observe": "resplice_mod is no option of Resplice; did you mean resplice_mode?",
}


def _start(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A mitmdump that is expected to end by itself."""
    settings = (f"confdir={folder}", f"resplice_log={folder / 'log.jsonl'}", "listen_host=127.0.0.1", "listen_port=0")
    sets = [word for one in settings for word in ("--set", one)]
    command = [*MITMDUMP, "-s", str(ENTRY), *sets, *args]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_option_stops_mitmdump_at_its_start_with_one_clear_line(setting: str, tmp_path: Path) -> None:
    done = _start(tmp_path, "--set", setting)
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if "esplice" in line]
    assert [line.partition("Resplice: ")[2] for line in lines if "Resplice: " in line] == [WRONG[setting]]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_second_copy_of_the_addon_stops_mitmdump_at_its_start(tmp_path: Path) -> None:
    copy = tmp_path / "repair_too.py"
    shutil.copy(ENTRY, copy)
    done = _start(tmp_path, "-s", str(copy))
    assert done.returncode == 1
    assert "An addon called 'resplice' already exists" in done.stdout


def test_only_flows_that_match_the_filter_are_looked_at() -> None:
    with world({"resplice_flows": "~hq x-repair & ~ts event-stream"}) as running:
        left = running.ask(HTTP1, half)
        assert left.client.read_all() == b"".join(HALF)
        taken = running.ask(HTTP1, half, headers={**JSON, "x-repair": "1"})
        assert taken.client.read_all().startswith(b"".join(HALF) + ERROR)
        taken.close_record()
        assert left.records() == []


# -- the log


def test_the_log_is_for_its_owner_alone_and_holds_no_header_and_no_prompt() -> None:
    with world() as running:
        exchange = running.ask(HTTP1, half, headers={**JSON, "authorization": "Bearer very-secret-word"})
        exchange.client.read_all()
        exchange.close_record()
        log = running.proxy.log_path
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        text = log.read_text()
        assert "very-secret-word" not in text
        assert "tide?" not in text
        assert "Harbour/1.0" in text


def test_without_a_path_there_is_no_log_and_streams_are_repaired_all_the_same() -> None:
    with world({"resplice_log": ""}) as running:
        exchange = running.ask(HTTP1, half)
        assert exchange.client.read_all().startswith(b"".join(HALF) + ERROR)
        assert not list(running.proxy.folder.rglob("*.jsonl"))


def test_by_default_the_log_is_in_mitmproxys_own_folder() -> None:
    with world({"resplice_log": "{confdir}/resplice/%Y.jsonl"}) as running:
        running.ask(HTTP1, healthy).client.read_all()
        eventually(lambda: list((running.proxy.folder / "conf" / "resplice").glob("2*.jsonl")), "a log")


def test_a_log_that_can_not_be_written_touches_no_stream(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("where a folder should be")
    with world({"resplice_log": str(blocked / "log.jsonl")}) as running:
        for _ in range(3):
            assert running.ask(HTTP1, healthy).client.read_all() == HEALTHY
        assert running.ask(HTTP1, half).client.read_all().startswith(b"".join(HALF) + ERROR)
        eventually(lambda: "can't be written" in running.proxy.output(), "a line that says so")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_touches_no_stream(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small file system can be mounted by root only")
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)], check=False)
    if done.returncode:
        pytest.skip("this machine does not let us mount a small file system")
    try:
        with world({"resplice_log": str(disk / "log.jsonl")}) as running:
            for _ in range(40):
                assert running.ask(HTTP1, healthy).client.read_all() == HEALTHY
            eventually(lambda: "No space left on device" in running.proxy.output(), "a line that says so")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_log_folder_that_is_removed_is_made_again() -> None:
    with world({"resplice_log": "{confdir}/gone/log.jsonl"}) as running:
        folder = running.proxy.folder / "conf" / "gone"
        running.ask(HTTP1, healthy).client.read_all()
        eventually(lambda: list(folder.glob("*.jsonl")), "a log")
        shutil.rmtree(folder)
        assert running.ask(HTTP1, healthy).client.read_all() == HEALTHY
        eventually(lambda: list(folder.glob("*.jsonl")), "another log")


def test_many_streams_that_are_open_at_a_signal_all_have_their_receipt() -> None:
    def endless(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(CHAT_TEXT[0])
        answer.wait_closed()

    with world() as running:
        exchanges = [running.ask(HTTP1, endless) for _ in range(30)]
        for exchange in exchanges:
            exchange.client.read_body(len(CHAT_TEXT[0]))
        assert running.proxy.stop(signal.SIGTERM) == 0
        outcomes = [exchange.close_record()["outcome"] for exchange in exchanges]
        assert outcomes == ["shutdown"] * 30


# -- stored, saved and replayed flows


def _flows(path: Path) -> list[http.HTTPFlow]:
    with path.open("rb") as file:
        return [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]


def _breaks(answer: Answer) -> None:
    answer.head(STREAM)
    for frame in HALF:
        answer.send(frame)
    answer.wait_arrived()
    answer.abort()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Exchange]]:
    """A file of flows: a healthy one, one whose upstream broke off, one whose client left."""
    file = tmp_path_factory.mktemp("saved") / "flows.mitm"

    def endless(answer: Answer) -> None:
        answer.head(STREAM)
        for frame in HALF:
            answer.send(frame)
        answer.wait_closed()

    with world({"store_streamed_bodies": "true", "save_stream_file": str(file)}) as running:
        exchanges = [running.ask(HTTP1, script) for script in (healthy, _breaks, endless)]
        for exchange in exchanges[:2]:
            exchange.client.read_body(len(b"".join(HALF)))
            exchange.arrived.set()
            exchange.client.read_all()
        exchanges[2].client.read_body(len(b"".join(HALF)))
        exchanges[2].client.close()
        for exchange in exchanges:
            exchange.close_record()
        running.proxy.stop()
    return file, exchanges


def test_a_stored_body_is_what_the_client_got_whatever_the_end(saved: tuple[Path, list[Exchange]]) -> None:
    file, exchanges = saved
    stored = {flow.request.path: flow for flow in _flows(file)}
    for exchange in exchanges:
        response = stored[exchange.path].response
        assert response is not None
        assert response.raw_content == exchange.client.body
    assert [stored[exchange.path].metadata["resplice"]["outcome"] for exchange in exchanges] == [
        "complete",
        "upstream_abort",
        "client_disconnect",
    ]


def _records(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("ascii").splitlines()]


def test_saved_flows_are_analysed_and_not_modified(tmp_path: Path) -> None:
    file = tmp_path / "raw.mitm"
    whole, cut, other = (_saved_flow(body) for body in (HEALTHY, HEALTHY[:300], None))
    with file.open("wb") as out:
        writer = FlowWriter(out)
        for flow in (whole, cut, other):
            writer.add(flow)
    again = tmp_path / "again.mitm"
    done = _start(tmp_path, "-n", "-r", str(file), "-w", str(again), "--set", "resplice_log_saved=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rror" not in done.stderr
    records = _records(tmp_path / "log.jsonl")
    opened = {one["stream"]: one for one in records if one["type"] == "stream.open"}
    assert {one["source"] for one in opened.values()} == {"saved"}
    closes = {opened[one["stream"]]["flow"]: one for one in records if one["type"] == "stream.close"}
    assert closes[whole.id]["outcome"] == "complete"
    assert closes[whole.id]["client_connected"] is None
    assert (closes[cut.id]["terminal"], closes[cut.id]["state"]) == ("missing", "cut")
    assert other.id not in closes
    kinds = [(one["kind"], one["applied"]) for one in records if "kind" in one]
    assert kinds == [("truncated_json", False)]
    assert [flow.response and flow.response.raw_content for flow in _flows(again)] == [HEALTHY, HEALTHY[:300], None]
    assert _flows(again)[0].metadata["resplice"]["outcome"] == "complete"


def _saved_flow(body: bytes | None) -> http.HTTPFlow:
    flow = tflow.tflow(resp=True)
    flow.request = http.Request.make("POST", f"http://api.example{API}", REQUEST, JSON)
    flow.response = http.Response.make(200, body or b"", {"content-type": "text/event-stream"})
    if body is None:
        flow.response.raw_content = None
    return flow


def test_a_replayed_request_is_repaired_and_what_is_missing_for_it_is_told_once(tmp_path: Path) -> None:
    with upstream() as server:
        path = server.script("again", half) + API
        flows = []
        for _ in range(2):
            flow = _saved_flow(HEALTHY)
            flow.request = http.Request.make("POST", f"http://127.0.0.1:{server.port}{path}", REQUEST, JSON)
            flow.response = None
            flows.append(flow)
        file = tmp_path / "requests.mitm"
        with file.open("wb") as out:
            for flow in flows:
                FlowWriter(out).add(flow)
        with mitmdump(args=("-C", str(file))) as proxy:
            closes = lambda: [one for one in proxy.records() if one["type"] == "stream.close"]  # noqa: E731
            eventually(lambda: len(closes()) == 2, "two receipts")
            assert {one["terminal"] for one in closes()} == {"error"}
            eventually(lambda: "no connection to a client" in proxy.output(), "a warning")
            assert proxy.output().count("no connection to a client") == 1


def test_a_replayed_response_is_repaired(tmp_path: Path) -> None:
    file = tmp_path / "responses.mitm"
    with file.open("wb") as out:
        FlowWriter(out).add(_saved_flow(b"".join(HALF)))
    with mitmdump(options={"server_replay": str(file)}) as proxy:
        client = Client1(dial(proxy.port))
        client.request("POST", "api.example", f"http://api.example{API}", JSON, REQUEST)
        assert client.read_all().startswith(b"".join(HALF) + ERROR)
        client.close()


@pytest.mark.parametrize("size", ["1", "10k"])
def test_a_request_whose_body_is_streamed_is_judged_by_its_path(size: str) -> None:
    with world({"stream_large_bodies": size}) as running:
        exchange = running.ask(HTTP1, half)
        assert exchange.client.read_all().startswith(b"".join(HALF) + ERROR)
        assert exchange.close_record()["outcome"] == "upstream_end"


def test_streams_go_on_when_the_script_is_reloaded(tmp_path: Path) -> None:
    copy = tmp_path / "addons"
    shutil.copytree(ENTRY.parent, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    log = tmp_path / "log.jsonl"
    going_on = threading.Event()

    def slow(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(CHAT_TEXT[0])
        assert going_on.wait(30)
        for frame in CHAT_TEXT[1:]:
            answer.send(frame)
        answer.end()

    script = ("-s", str(copy / "repair.py"), "--set", f"resplice_log={log}")
    with world(addon=False, args=script, environment={"PYTHONPATH": str(copy)}) as running:
        exchange = running.ask(HTTP1, slow)
        exchange.client.read_body(len(CHAT_TEXT[0]))
        loads = running.proxy.output().count("Loading script")
        os.utime(copy / "repair.py", (4102444800, 4102444800))
        eventually(lambda: running.proxy.output().count("Loading script") > loads, "the script is loaded again")
        going_on.set()
        assert exchange.client.read_all() == HEALTHY
        assert running.ask(HTTP1, half).client.read_all().startswith(b"".join(HALF) + ERROR)
        eventually(lambda: log.read_text().count('"stream.close"') == 2, "both receipts")
        assert [one["terminal"] for one in _records(log) if one["type"] == "stream.close"] == ["seen", "error"]
