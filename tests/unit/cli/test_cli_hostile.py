"""Whatever is in a file: report, explain and tail say in a line what they could not read, and tell the rest."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resplice.cli.main import main
from resplice.records.check import is_record
from resplice.records.schema import encode
from unit.cli.log_samples import BEGIN, BODIES, CONTEXT, WHOLE, one_stream, records

SHARED = sorted((Path(__file__).resolve().parents[4] / "shared/cases/hostile").glob("cli_*.jsonl"))
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    10**400,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "x",
    "\x1b[31m",
    [],
    [1],
    ["x", None],
    {},
    {"x": []},
]
COMMANDS = (["report"], ["report", "--json"], ["tail", "--no-follow", "-n", "9999"], ["explain"])


def run(path: Path, capsys: pytest.CaptureFixture[str], *more: list[str]) -> str:
    """All commands; each ends without a traceback, and complains in single lines."""
    told = ""
    for command in (*COMMANDS, *more):
        assert main([*command, str(path)] if len(command) < 2 or command[0] != "explain" else command) in {0, 2}
        out = capsys.readouterr()
        assert "Traceback" not in out.err
        assert all(line.startswith("resplice: ") for line in out.err.splitlines())
        told += out.out + out.err
    return told


def damaged(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Records of which one field is another, or missing, at any depth."""
    sound = list(records(8))
    for record in sound:
        for name in record:
            broken = copy.deepcopy(record)
            place: Any = broken
            if isinstance(broken[name], dict) and broken[name] and chance.random() < 0.5:
                place, name = broken[name], chance.choice(list(broken[name]))  # noqa: PLW2901 - one level down
            if chance.random() < 0.2:
                del place[name]
            else:
                place[name] = chance.choice(ODD)
            yield broken


@pytest.mark.parametrize("seed", range(4))
def test_records_with_odd_fields_are_counted_and_left_out(tmp_path, capsys, seed):
    path = tmp_path / "log.jsonl"
    broken = [json.dumps(record).encode() + b"\n" for record in damaged(random.Random(seed))]
    path.write_bytes(b"".join(map(encode, records(3))) + b"".join(broken) + b"\xff\n[]\n7\nnull\n{}\n" + b"[" * 100_000 + b"\n")
    page = ["report", "--html", str(tmp_path / "page.html")]
    told = run(path, capsys, page, ["explain", str(path), "s1"], ["explain", str(path), "s"])
    assert "lines could not be read and are not counted" in told


def test_a_file_of_nothing_but_damage_is_told_as_that(tmp_path, capsys):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"v": 1, "type": "stream.close"}\n{"v": 1, "type": 7}\n')
    assert "2 lines could not be read" in run(path, capsys)


def test_the_files_that_ended_in_a_traceback_do_not(capsys):
    if not SHARED:
        pytest.skip("the cases are not at hand")
    for path in SHARED:
        assert "could not be read" in run(path, capsys)


def test_what_is_written_is_a_record_and_one_of_before_is_as_well():
    for record in records(20):
        assert is_record(json.loads(encode(record)))
        assert is_record({name: value for name, value in record.items() if name != "state"})
    assert not is_record({"v": 1, "type": "stream.opened"})


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    ids = [("5f0c2a9e77", "8b7e0001"), ("5f0c2a9e", "8b7e0002"), ("5f0d0000", "8b7e0003"), ("77aa0000", "8b7e0003")]
    rows = [one_stream(replace(CONTEXT, stream_id=one, flow_id=flow), BODIES[1], BEGIN) for one, flow in ids]
    path.write_bytes(b"".join(encode(record) for row in rows for record in row))
    return path


@pytest.mark.parametrize(
    ("wanted", "streams"),
    [
        ("5f0d", ["5f0d0000"]),
        ("5f0c2a9e", ["5f0c2a9e"]),
        ("stream 5f0c2a9e7", ["5f0c2a9e77"]),
        ("8b7e0003", ["5f0d0000", "77aa0000"]),
        ("8b7e0001", ["5f0c2a9e77"]),
    ],
)
def test_any_beginning_that_one_id_has_is_enough(log, capsys, wanted, streams):
    assert main(["explain", str(log), wanted]) == 0
    titles = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Stream ")]
    assert [title.split()[1].rstrip(":") for title in titles] == streams


def test_a_beginning_that_several_have_lists_them_in_a_line(log, capsys):
    assert main(["explain", str(log), "5f0"]) == 2
    told = capsys.readouterr().err
    assert told == "resplice: '5f0' is the beginning of 3 ids: 5f0c2a9e77, 5f0c2a9e, 5f0d0000; give more of one.\n"


def test_a_log_in_a_file_whose_first_lines_are_damaged_is_a_log(tmp_path, capsys):
    path = tmp_path / "log"
    rows = one_stream(replace(CONTEXT, stream_id="5f0c2a9e"), WHOLE, BEGIN)
    path.write_bytes(b"\xff\xfe\n{broken\n" + b"".join(map(encode, rows)))
    assert main(["explain", str(path), "5f0c"]) == 0
    out = capsys.readouterr()
    assert out.out.startswith("Stream 5f0c2a9e: openai-chat")
    assert out.err == "resplice: 2 lines could not be read and are not counted\n"
