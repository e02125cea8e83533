"""`resplice tail`: the log as it is written."""

import contextlib
import os
from dataclasses import replace

import pytest

from resplice.cli import main as command
from resplice.cli.tail import Lines, follow
from resplice.records.schema import encode
from unit.cli.log_samples import BEGIN, BODIES, CONTEXT, WHOLE, one_stream

ROWS = [
    *one_stream(replace(CONTEXT, stream_id="aaa", host="one.example"), WHOLE, BEGIN),
    *one_stream(replace(CONTEXT, stream_id="bbb", host="two.example"), BODIES[1], BEGIN + 60, gap=12.0),
    *one_stream(replace(CONTEXT, stream_id="ccc", host="two.example"), BODIES[2], BEGIN + 120),
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(map(encode, ROWS)))
    return path


def lines(capsys, log, *argv):
    assert command.main(["tail", str(log), "--no-follow", "-n", "100", *argv]) == 0
    return capsys.readouterr().out.splitlines()


def test_each_record_is_a_line_with_its_time_its_stream_and_its_host(log, capsys):
    told = lines(capsys, log)
    assert len(told) == len(ROWS)
    assert told[0].split()[1:4] == ["aaa", "one.example", "open"]
    assert [line.split()[3] for line in told[2:6]] == ["open", "stall", "repair", "close"]


def test_it_begins_with_the_last_few(log, capsys):
    assert command.main(["tail", str(log), "--no-follow", "-n", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("argv", "streams"),
    [
        (["--host", "two.example"], {"bbb", "ccc"}),
        (["--dialect", "openai-chat"], {"aaa", "bbb", "ccc"}),
        (["--dialect", "gemini"], set()),
        (["--kind", "terminal_missing"], {"bbb"}),
        (["--damage"], {"bbb", "ccc"}),
    ],
)
def test_a_part_can_be_chosen(log, capsys, argv, streams):
    assert {line.split()[1] for line in lines(capsys, log, *argv)} == streams


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path, capsys):
    assert command.main(["tail", str(tmp_path / "nothing")]) == 2
    assert "does not exist" in capsys.readouterr().err


class Meanwhile:
    """Instead of waiting: what happens to the log in the meantime, step by step."""

    def __init__(self, *steps):
        self.steps = iter(steps)

    def __call__(self, _seconds):
        step = next(self.steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()


def followed(path, *steps):
    found = []
    with contextlib.suppress(KeyboardInterrupt):
        for record in follow(path, Meanwhile(*steps)):
            found.append(record["stream"])  # noqa: PERF401 - it ends in an exception
    return found


def write(path, data):
    with path.open("ab") as file:
        file.write(data)


def append(path, *rows):
    write(path, b"".join(map(encode, rows)))


def test_what_is_written_later_is_followed_and_nothing_is_told_twice(log):
    whole = encode(ROWS[3])
    steps = (
        lambda: append(log, ROWS[0]),
        lambda: write(log, whole[:20]),
        lambda: write(log, whole[20:]),
        lambda: None,
    )
    assert followed(log, *steps) == ["aaa", "bbb"]


def test_a_log_that_is_rotated_is_followed(log):
    def rotate():
        append(log, ROWS[0])
        log.rename(log.with_suffix(".jsonl.1"))
        append(log, ROWS[-1])

    assert followed(log, rotate, lambda: append(log, ROWS[2])) == ["aaa", "ccc", "bbb"]


def test_a_log_that_is_truncated_is_followed(log):
    assert followed(log, lambda: log.write_bytes(encode(ROWS[0])), lambda: append(log, ROWS[-1])) == ["aaa", "ccc"]


def test_in_a_folder_the_newest_log_is_followed(log):
    def next_day():
        tomorrow = log.with_name("tomorrow.jsonl")
        append(tomorrow, ROWS[-1])
        stamp = log.stat().st_mtime + 10
        os.utime(tomorrow, (stamp, stamp))

    assert followed(log.parent, lambda: append(log, ROWS[0]), next_day) == ["aaa", "ccc"]


def test_damage_stands_out_in_colour_and_only_there():
    shown = Lines(lambda *_: True, colour=True)
    told = [shown.line(row) for row in ROWS]
    assert [line.startswith("\x1b[31;1m") for line in told] == [row.get("whole") is False or row["type"] == "loss" for row in ROWS]
    assert "\x1b" not in "".join(filter(None, map(Lines(lambda *_: True, colour=False).line, ROWS)))


def test_nothing_from_the_log_acts_on_the_terminal():
    hostile = "\x1b[2J\u202e\r\n\x9b"
    row = ROWS[0] | {"host": hostile, "path": hostile, "stream": hostile, "ts": hostile * 9, "client": hostile}
    assert Lines(lambda *_: True, colour=False).line(row).isprintable()
