from __future__ import annotations

import gzip
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cli_samples import DONE, HALF, HEALTHY, MENDED, NO_LLM, REPAIRABLE, chunk, flow, save
from jsonschema import Draft202012Validator
from mitmproxy.test import tflow

from resplice.cli import player
from resplice.cli.main import main
from resplice.records.reconstruct import reconstruct
from resplice.records.schema import load_schema

VALIDATOR = Draft202012Validator(load_schema())


def capture(folder: Path, body: bytes, name: str = "x.sse") -> str:
    (folder / name).write_bytes(body)
    return str(folder / name)


def records(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    for record in found:
        VALIDATOR.validate(record)
    return found


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (HEALTHY, 0, "healthy"),
        (REPAIRABLE, 0, "repaired"),
        (HALF, 1, "failed"),
        (NO_LLM, 1, "unknown"),
        (gzip.compress(HEALTHY), 0, "healthy"),
        (gzip.compress(HEALTHY)[:-20], 1, "failed"),
    ],
)
def test_the_exit_status_and_the_first_line_say_how_the_stream_is(tmp_path, capsys, body: bytes, status: int, word: str):
    name = capture(tmp_path, body)
    assert main(["replay", name]) == status
    assert capsys.readouterr().out.splitlines()[0] == f"{name}: {word}"


def test_the_repaired_bytes_go_to_out_and_the_findings_to_log(tmp_path):
    name, out, log = capture(tmp_path, REPAIRABLE), tmp_path / "out", tmp_path / "log"
    assert main(["replay", name, "--out", str(out), "--log", str(log)]) == 0
    assert out.read_bytes() == MENDED
    found = records(log)
    assert [record["type"] for record in found] == ["stream.open", *["repair"] * (len(found) - 2), "stream.close"]
    assert found[0]["source"] == "replay"
    assert found[-1]["whole"] is True
    assert found[-1]["delivered_whole"] is False
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize("body", [HEALTHY, REPAIRABLE, HALF, NO_LLM, REPAIRABLE + b"\xff" * 50])
@pytest.mark.parametrize("more", [[], ["--mode", "observe"], ["--on-loss", "continue"]])
def test_with_full_evidence_the_capture_can_be_reconstructed(tmp_path, body: bytes, more: list[str]):
    name, out, log = capture(tmp_path, body), tmp_path / "out", tmp_path / "log"
    main(["replay", name, "--out", str(out), "--log", str(log), "--evidence", "full", *more])
    assert reconstruct(out.read_bytes(), records(log)) == body


def test_the_same_file_gives_the_same_records_again(tmp_path):
    name, one, two = capture(tmp_path, REPAIRABLE), tmp_path / "1", tmp_path / "2"
    main(["replay", name, "--log", str(one)])
    main(["replay", name, "--log", str(two), "--cut", "3"])
    timeless = [[{**record, "ts": ""} for record in records(log)] for log in (one, two)]
    assert timeless[0] == timeless[1]


def test_observe_changes_nothing_and_says_what_it_would_do(tmp_path, capsys):
    name, out, log = capture(tmp_path, REPAIRABLE), tmp_path / "out", tmp_path / "log"
    main(["replay", name, "--mode", "observe", "--out", str(out), "--log", str(log)])
    assert out.read_bytes() == REPAIRABLE
    assert {record["applied"] for record in records(log) if record["type"] == "repair"} == {False}
    assert "(not applied)" in capsys.readouterr().out


def test_bytes_on_standard_output_are_not_mixed_with_the_summary(tmp_path, capfdbinary):
    assert main(["replay", capture(tmp_path, REPAIRABLE), "--out", "-"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == MENDED
    assert b"repaired" in err


def test_records_may_go_to_standard_output_too(tmp_path, capfdbinary):
    assert main(["replay", capture(tmp_path, HEALTHY), "--log", "-"]) == 0
    out, err = capfdbinary.readouterr()
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["stream.open", "stream.close"]
    assert b"healthy" in err


def test_standard_input_is_read_where_the_file_is_a_dash(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(HEALTHY)))
    assert main(["replay", "-"]) == 0
    assert capsys.readouterr().out.startswith("standard input: healthy\n")


@pytest.mark.parametrize("cut", ["1", "7", "100000", "every"])
def test_a_stream_may_be_cut(tmp_path, capsys, cut: str):
    out = tmp_path / "out"
    assert main(["replay", capture(tmp_path, REPAIRABLE), "--cut", cut, "--out", str(out)]) == 0
    assert out.read_bytes() == MENDED
    if cut == "every":
        assert f"Cut at each of {len(REPAIRABLE) - 1} places: always the same" in capsys.readouterr().out


def test_a_cut_that_changes_the_result_is_reported_and_the_status_is_1(tmp_path, capsys, monkeypatch):
    real = player.Session.receive_data

    def holding_grudges(self: Any, data: bytes, now: float = 0.0) -> bytes:
        return real(self, data, now) + (b"!" if len(data) == 3 else b"")

    monkeypatch.setattr(player.Session, "receive_data", holding_grudges)
    assert main(["replay", capture(tmp_path, HEALTHY), "--cut", "every"]) == 1
    said = capsys.readouterr().out
    assert f"2 of {len(HEALTHY) - 1} cuts change the result, which is a defect of Resplice" in said
    assert "cut at byte 3: the output is another from its byte 0 on" in said


def test_the_cut_says_whether_findings_or_receipt_differ(tmp_path, capsys, monkeypatch):
    real, calls = player.play, iter(range(10_000))

    def forgetful(recording: Any, policy: Any, parts: Any) -> player.Played:
        played = real(recording, policy, parts)
        if next(calls) == 1:
            return player.Played(played.output, [], played.receipt)
        return played

    monkeypatch.setattr(player, "play", forgetful)
    monkeypatch.setattr("resplice.cli.replay.play", forgetful)
    assert main(["replay", capture(tmp_path, REPAIRABLE), "--cut", "every"]) == 1
    assert "findings instead of" in capsys.readouterr().out


def test_nothing_from_the_wire_reaches_the_terminal_unescaped(tmp_path, capsys):
    evil = "\x1b]0;owned\x07\u202e\x9b31m"
    body = chunk("x").replace(b'"x"', f'"x{evil}"'.encode()) + chunk(finish=f"stop{evil}")
    body = body.replace(b"gpt-4o", json.dumps(evil)[1:-1].encode())
    name = capture(tmp_path, body + b"event: " + evil.encode() + b"\n\n", f"evil{evil}.sse")
    main(["replay", name, "--log", str(tmp_path / "log")])
    said = capsys.readouterr()
    assert not {char for char in said.out + said.err if not char.isprintable()} - {"\n"}
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in (tmp_path / "log").read_bytes())


def test_secrets_are_not_shown(tmp_path, capsys):
    secret = "sk-" + "a1B2" * 8
    body = chunk(f"your key is {secret}").rstrip() + b"\n" + chunk(finish="stop") + DONE
    main(["replay", capture(tmp_path, body), "--log", str(tmp_path / "log")])
    assert secret not in capsys.readouterr().out
    assert secret not in (tmp_path / "log").read_text()


def test_many_findings_are_counted_instead_of_listed(tmp_path, capsys):
    body = b"".join(chunk("x").rstrip() + b"\n" for _ in range(50)) + chunk(finish="stop") + DONE
    main(["replay", capture(tmp_path, body)])
    said = capsys.readouterr().out
    assert " more: missing_blank_line (" in said
    assert len(said.splitlines()) < 20


# -- files of flows


def test_every_streamed_answer_in_a_file_of_flows_is_replayed(tmp_path, capsys):
    name = save(
        tmp_path / "x.mitm",
        flow(REPAIRABLE),
        tflow.tflow(resp=True),
        tflow.ttcpflow(),
        flow(HEALTHY, coding="gzip"),
        flow(NO_LLM, path="/events"),
    )
    assert main(["replay", str(name), "--log", str(tmp_path / "log")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert f"{name}, flow 1: repaired" in said
    assert f"{name}, flow 4: healthy" in said
    assert said[-1] == "3 streams: 1 healthy, 1 repaired, 1 unknown"
    opening = records(tmp_path / "log")[0]
    assert (opening["host"], opening["path"], opening["client"], opening["model"]) == (
        "address",
        "/v1/chat/completions",
        "OpenAI/Python",
        "gpt-4o",
    )


def test_a_file_of_flows_writes_one_file_a_stream(tmp_path):
    name = save(tmp_path / "x.mitm", flow(REPAIRABLE), flow(HEALTHY, coding="gzip"))
    assert main(["replay", str(name), "--out", f"{tmp_path}/out/"]) == 0
    assert {one.name: one.read_bytes() for one in (tmp_path / "out").iterdir()} == {
        "x.mitm.1.sse": MENDED,
        "x.mitm.2.sse": HEALTHY,
    }


def test_an_encoded_body_that_breaks_off_or_is_damaged_is_a_loss(tmp_path, capsys):
    damaged = flow(HEALTHY)
    assert damaged.response
    damaged.response.headers["content-encoding"] = "gzip"
    name = save(tmp_path / "x.mitm", damaged)
    assert main(["replay", str(name)]) == 1
    assert "encoding_broken" in capsys.readouterr().out


def test_an_unknown_coding_is_a_loss_and_no_traceback(tmp_path, capsys):
    assert main(["replay", str(save(tmp_path / "x.mitm", flow(HEALTHY, coding="lzma")))]) == 1
    assert "unknown" in capsys.readouterr().out


def test_a_flow_that_broke_off_ends_as_it_ended(tmp_path):
    name = save(tmp_path / "x.mitm", flow(HALF, error="peer closed connection"))
    assert main(["replay", str(name), "--log", str(tmp_path / "log")]) == 1
    close = records(tmp_path / "log")[-1]
    assert (close["outcome"], close["detail"]) == ("upstream_abort", "peer closed connection")


def test_a_har_file_is_read_as_well(tmp_path, capsys):
    har = {
        "log": {
            "entries": [
                {
                    "startedDateTime": "2026-11-21T07:00:00.000Z",
                    "time": 1,
                    "timings": {"send": 0, "receive": 1, "wait": 0, "connect": 0, "ssl": 0},
                    "request": {
                        "method": "POST",
                        "url": "https://api.openai.com/v1/chat/completions",
                        "httpVersion": "HTTP/2.0",
                        "headers": [],
                        "postData": {"text": '{"model":"gpt-4o","stream":true,"messages":[]}'},
                    },
                    "response": {
                        "status": 200,
                        "httpVersion": "HTTP/2.0",
                        "headers": [{"name": "content-type", "value": "text/event-stream"}],
                        "content": {"text": HEALTHY.decode()},
                    },
                }
            ]
        }
    }
    assert main(["replay", capture(tmp_path, json.dumps(har).encode(), "x.har")]) == 0
    assert "flow 1: healthy" in capsys.readouterr().out


# -- what a user can do wrong


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["missing.sse"], "missing.sse: there is no such file"),
        (["folder"], "folder is a folder; give the files in it, e.g. folder/*"),
        (["empty.sse"], "empty.sse is empty; capture a response's body first"),
        (["nul\0"], "nul␀ can't be read"),
        (["ok.sse", "--dialect", "cobol"], "unknown dialect 'cobol'; known are: openai-chat"),
        (["ok.sse", "--cut=0"], "--cut is '0'; give a number of bytes"),
        (["ok.sse", "--cut=-1"], "--cut is '-1'"),
        (["ok.sse", "--cut=often"], "--cut is 'often'"),
        (["ok.sse", "--out", "ok.sse"], "--out ok.sse is one of the files to replay"),
        (["ok.sse", "--log", "./ok.sse"], "--log ./ok.sse is one of the files to replay"),
        (["ok.sse", "--out", "."], "would overwrite ok.sse"),
        (["ok.sse", "--out", "-", "--log", "-"], "--out and --log are the same"),
        (["ok.sse", "--out", "missing/x"], "missing/x can't be written: No such file or directory"),
        (["ok.sse", "ok.sse", "--out", "x"], "--out x is one file for 2 streams; give a folder"),
        (["damaged.mitm"], "damaged.mitm is damaged, mitmproxy can't read it"),
        (["plain.mitm"], "plain.mitm: no flow in it has a streamed answer of an LLM API"),
        (["broken.har"], "broken.har is damaged"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_what_to_do(tmp_path, monkeypatch, capsys, argv: list[str], words: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    capture(tmp_path, HEALTHY, "ok.sse")
    capture(tmp_path, b"", "empty.sse")
    capture(tmp_path, b"17:5:hello,5:wor", "damaged.mitm")
    capture(tmp_path, b'{"log": {}}', "broken.har")
    save(tmp_path / "plain.mitm", tflow.tflow(resp=True))
    assert main(["replay", *argv]) == 2
    said = capsys.readouterr().err
    assert said.startswith("resplice: ")
    assert words in said
    assert said.count("\n") == 1
    assert (tmp_path / "ok.sse").read_bytes() == HEALTHY


def test_one_bad_file_does_not_keep_the_others_from_being_replayed(tmp_path, capsys):
    assert main(["replay", str(tmp_path / "missing"), capture(tmp_path, HEALTHY)]) == 2
    said = capsys.readouterr()
    assert "healthy" in said.out
    assert "there is no such file" in said.err


def test_a_file_that_may_not_be_read_is_told(tmp_path, capsys):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    name = capture(tmp_path, HEALTHY)
    Path(name).chmod(0)
    assert main(["replay", name]) == 2
    assert "can't be read: Permission denied" in capsys.readouterr().err


def test_files_of_the_same_name_do_not_overwrite_each_other(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = capture(tmp_path / "a", HEALTHY), capture(tmp_path / "b", REPAIRABLE)
    assert main(["replay", one, two, "--out", f"{tmp_path}/out/"]) == 0
    assert sorted(item.name for item in (tmp_path / "out").iterdir()) == ["x.sse", "x.sse.2"]


def test_a_dialect_that_is_given_is_taken(tmp_path, capsys):
    assert main(["replay", capture(tmp_path, NO_LLM), "--dialect", "openai-chat"]) == 1
    assert "not recognised" not in capsys.readouterr().out
