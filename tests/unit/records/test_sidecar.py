from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from waiting import DEADLINE, until

from resplice.records import logfile
from resplice.records.schema import load_schema
from resplice.records.sidecar import SidecarWriter

type Make = Callable[..., SidecarWriter]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[SidecarWriter] = []

    def factory(path: Path | str, *, start: bool = True, **more: Any) -> SidecarWriter:
        given = {"max_bytes": 0, "keep": 3, "linger": 0.0, "retry": 0.005, **more}
        made.append(SidecarWriter(str(path), **given))
        if start:
            made[-1].start()
        return made[-1]

    yield factory
    for one in made:
        one.close(DEADLINE)


class Disk:
    """A disk that fails or hangs as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: int | None = None
        self.free = threading.Event()
        self.free.set()
        self.reached = threading.Event()
        monkeypatch.setattr(logfile, "os_write", self.write)

    def write(self, fd: int, data: memoryview) -> int:
        self.reached.set()
        assert self.free.wait(DEADLINE)
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        return os.write(fd, data)


@pytest.fixture
def disk(monkeypatch) -> Iterator[Disk]:
    one = Disk(monkeypatch)
    yield one
    one.error = None
    one.free.set()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def numbers(path: Path) -> list[int]:
    return [line["n"] for line in lines(path) if "n" in line]


def notices(path: Path) -> list[dict[str, Any]]:
    return [line for line in lines(path) if line.get("type") == "log.lost"]


def told(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


def test_records_are_written_one_a_line_and_in_order(tmp_path, make: Make):
    writer = make(tmp_path / "x")
    assert all(writer.write({"n": n}) for n in range(1000))
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == list(range(1000))
    assert (writer.written, writer.dropped) == (1000, 0)


def test_close_writes_all_that_is_queued(tmp_path, make: Make):
    writer = make(tmp_path / "x", linger=60.0)
    for n in range(5000):
        writer.write({"n": n})
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == list(range(5000))


def test_what_was_written_before_the_start_is_not_lost(tmp_path, make: Make):
    writer = make(tmp_path / "x", start=False)
    writer.write({"n": 1})
    writer.start()
    writer.write({"n": 2})
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == [1, 2]


def test_a_writer_that_was_never_started_still_writes_at_close(tmp_path, make: Make):
    writer = make(tmp_path / "x", start=False)
    writer.write({"n": 1})
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == [1]


def test_nothing_is_made_where_nothing_is_written(tmp_path, make: Make):
    make(tmp_path / "a" / "x").close(DEADLINE)
    make(tmp_path / "b" / "x", start=False).close(DEADLINE)
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_is_closing_once_and_a_late_record_is_refused(tmp_path, make: Make):
    writer = make(tmp_path / "x")
    writer.close(DEADLINE)
    writer.close(DEADLINE)
    writer.start()
    assert writer.write({"n": 1}) is False
    assert writer.dropped == 1


def test_home_and_the_date_are_filled_in(tmp_path, make: Make, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    writer = make("~/logs/%Y.jsonl", clock=lambda: 1_795_262_400.0)
    writer.write({"n": 1})
    writer.close(DEADLINE)
    assert numbers(tmp_path / "logs" / "2026.jsonl") == [1]


def test_a_relative_path_means_the_folder_of_the_start(tmp_path, make: Make, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writer = make("x.jsonl", start=False)
    monkeypatch.chdir("/")
    writer.write({"n": 1})
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x.jsonl") == [1]


@pytest.mark.parametrize("path", ["", "  ", "a\0b"])
def test_what_can_not_be_a_path_is_said_at_once(path: str):
    with pytest.raises(ValueError, match="path of the sidecar log"):
        SidecarWriter(path, max_bytes=0, keep=1)


def test_several_threads_may_write(tmp_path, make: Make):
    writer = make(tmp_path / "x")
    threads = [
        threading.Thread(target=lambda start=start: [writer.write({"n": start + n}) for n in range(500)])
        for start in range(0, 2000, 500)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    writer.close(DEADLINE)
    assert sorted(numbers(tmp_path / "x")) == list(range(2000))


def test_a_record_that_is_no_json_is_dropped_counted_and_told_once(tmp_path, make: Make, caplog):
    writer = make(tmp_path / "x", linger=60.0)
    recursive: dict[str, Any] = {}
    recursive["self"] = recursive
    for bad in ({"n": object()}, {"n": float("nan")}, recursive, {"n": b"bytes"}):
        assert writer.write(bad) is False
    writer.write({"n": 1})
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == [1]
    assert writer.dropped == 4
    assert [(one["count"], one["reason"]) for one in notices(tmp_path / "x")] == [(4, "not_serialisable")]
    assert told(caplog, "loses records") == 1


def test_the_queue_is_bounded_and_what_is_beyond_is_dropped(tmp_path, make: Make):
    writer = make(tmp_path / "x", start=False, queue_size=10)
    assert [writer.write({"n": n}) for n in range(15)] == [True] * 10 + [False] * 5
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == list(range(10))
    assert [(one["count"], one["reason"]) for one in notices(tmp_path / "x")] == [(5, "queue_full")]


def test_the_queue_is_bounded_in_bytes_too(tmp_path, make: Make, monkeypatch):
    monkeypatch.setattr("resplice.records.sidecar.QUEUE_BYTES", 1000)
    writer = make(tmp_path / "x", start=False)
    assert writer.write({"n": 1, "full": "x" * 5000}) is True, "alone, even the largest record is taken"
    assert writer.write({"n": 2}) is False
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == [1]


def test_a_queue_that_was_emptied_has_room_again(tmp_path, make: Make):
    writer = make(tmp_path / "x", queue_size=5)
    for n in range(50):
        until(lambda n=n: writer.written == n, "the queue being written")
        assert writer.write({"n": n})
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == list(range(50))


def test_a_slow_disk_delays_nobody_and_costs_records_at_worst(tmp_path, make: Make, disk: Disk, caplog):
    disk.free.clear()
    writer = make(tmp_path / "x", queue_size=100)
    writer.write({"n": 0})
    assert disk.reached.wait(DEADLINE)
    started = time.perf_counter()
    taken = sum(writer.write({"n": n}) for n in range(1, 1001))
    assert time.perf_counter() - started < 2.0
    assert taken == 99
    assert writer.dropped == 901
    disk.free.set()
    until(lambda: notices(tmp_path / "x"), "the notice of the loss")
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == list(range(100))
    assert [one["count"] for one in notices(tmp_path / "x")] == [901]
    assert told(caplog, "loses records") == 1


def test_a_notice_is_as_the_schema_says(tmp_path, make: Make):
    writer = make(tmp_path / "x", start=False, queue_size=1)
    writer.write({"n": 1})
    writer.write({"n": 2})
    writer.close(DEADLINE)
    Draft202012Validator(load_schema()).validate(notices(tmp_path / "x")[0])


def test_while_the_disk_is_full_records_wait_and_none_is_lost(tmp_path, make: Make, disk: Disk, caplog):
    disk.error = errno.ENOSPC
    writer = make(tmp_path / "x")
    for n in range(100):
        assert writer.write({"n": n})
    until(lambda: told(caplog, "No space left on device"), "the log line")
    disk.error = None
    until(lambda: writer.written == 100, "the records being written")
    assert numbers(tmp_path / "x") == list(range(100))
    assert notices(tmp_path / "x") == []
    until(lambda: told(caplog, "is written again; 0 records"), "the good news")
    assert told(caplog, "No space left on device") == 1


def test_a_disk_that_stays_full_costs_records_which_are_told_in_the_log_once_it_is_free(tmp_path, make: Make, disk: Disk, caplog):
    disk.error = errno.ENOSPC
    writer = make(tmp_path / "x", queue_size=10)
    writer.write({"n": 0})
    assert disk.reached.wait(DEADLINE)
    until(lambda: writer.write({"n": 1}) is False, "the queue being full")
    for _ in range(99):
        assert writer.write({"n": 2}) is False
    disk.error = None
    until(lambda: notices(tmp_path / "x"), "the notice of the loss")
    assert [(one["count"], one["reason"], one["detail"]) for one in notices(tmp_path / "x")] == [
        (100, "queue_full", "No space left on device")
    ]
    until(lambda: told(caplog, "is written again; 100 records"), "the good news")
    assert told(caplog, "can't be written") == 1
    assert told(caplog, "loses records") == 1
    assert writer.dropped == 100


def test_each_new_failure_is_told_again(tmp_path, make: Make, disk: Disk, caplog):
    writer = make(tmp_path / "x")
    for number, error in enumerate([errno.ENOSPC, errno.EIO, errno.ENOSPC], 1):
        disk.error = error
        writer.write({"n": number})
        until(lambda number=number: told(caplog, "can't be written") == number, "the log line")
        disk.error = None
        until(lambda number=number: writer.written == number, "the record being written")
    assert numbers(tmp_path / "x") == [1, 2, 3]


def test_a_disk_that_fails_to_the_end_does_not_hold_up_the_close(tmp_path, make: Make, disk: Disk, caplog):
    disk.error = errno.EIO
    writer = make(tmp_path / "x", retry=60.0)
    for n in range(5):
        writer.write({"n": n})
    writer.close(DEADLINE)
    assert writer.dropped == 5
    assert told(caplog, "closed with 5 records unwritten") == 1


def test_a_disk_that_hangs_does_not_hang_the_close(tmp_path, make: Make, disk: Disk, caplog):
    disk.free.clear()
    writer = make(tmp_path / "x")
    writer.write({"n": 0})
    assert disk.reached.wait(DEADLINE)
    for n in range(1, 5):
        writer.write({"n": n})
    started = time.perf_counter()
    writer.close(0.05)
    assert time.perf_counter() - started < 2.0
    assert writer.dropped == 5
    assert told(caplog, "hangs; 5 records were given up") == 1
    assert writer.write({"n": 9}) is False


def test_an_unforeseen_error_does_not_end_the_thread(tmp_path, make: Make, monkeypatch, caplog):
    failures = iter([MemoryError("no memory")])

    def write(fd: int, data: memoryview) -> int:
        for failure in failures:
            raise failure
        return os.write(fd, data)

    monkeypatch.setattr(logfile, "os_write", write)
    writer = make(tmp_path / "x")
    writer.write({"n": 1})
    until(lambda: writer.written == 1, "the record")
    assert told(caplog, "MemoryError") == 1
    assert numbers(tmp_path / "x") == [1]


def test_a_log_handler_that_raises_breaks_nothing(tmp_path, make: Make):
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError(record.msg)

    handler = Broken()
    logging.getLogger("resplice").addHandler(handler)
    try:
        writer = make(tmp_path / "x", start=False, queue_size=1)
        assert [writer.write({"n": n}) for n in range(3)] == [True, False, False]
        writer.close(DEADLINE)
    finally:
        logging.getLogger("resplice").removeHandler(handler)
    assert numbers(tmp_path / "x") == [0]


def test_a_removed_folder_is_made_again(tmp_path, make: Make):
    writer = make(tmp_path / "a" / "x")
    writer.write({"n": 1})
    until(lambda: writer.written == 1, "the first record")
    shutil.rmtree(tmp_path / "a")
    writer.write({"n": 2})
    until(lambda: writer.written == 2, "the second record")
    assert numbers(tmp_path / "a" / "x") == [2]


def test_a_link_in_the_files_place_is_told_and_not_followed(tmp_path, make: Make, caplog):
    (tmp_path / "x").symlink_to(tmp_path / "victim")
    writer = make(tmp_path / "x")
    writer.write({"n": 1})
    until(lambda: told(caplog, "symbolic link"), "the log line")
    assert not (tmp_path / "victim").exists()


def test_a_rotation_that_fails_is_told_once(tmp_path, make: Make, caplog):
    (tmp_path / "x.1" / "in the way").mkdir(parents=True)
    writer = make(tmp_path / "x", max_bytes=20, keep=1)
    for n in range(20):
        writer.write({"n": n})
        until(lambda n=n: writer.written == n + 1, "the record")
    writer.close(DEADLINE)
    assert numbers(tmp_path / "x") == list(range(20))
    assert told(caplog, "can't be rotated") == 1


def test_a_forked_child_neither_writes_nor_waits(tmp_path, make: Make):
    writer = make(tmp_path / "x")
    writer.write({"n": 1})
    until(lambda: writer.written == 1, "the record")
    script = """
import os, sys
from resplice.records.sidecar import SidecarWriter
writer = SidecarWriter(sys.argv[1], max_bytes=0, keep=1)
writer.start()
writer.write({"n": 2})
child = os.fork()
if child == 0:
    ok = writer.write({"n": 3}) is False
    writer.close(60)
    os._exit(0 if ok else 1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code)  # without close: the exit itself must write what is queued
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "y")], timeout=60, check=False, env=_env())
    assert done.returncode == 0
    assert numbers(tmp_path / "y") == [2]


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(logfile.__file__).parents[2])}


def test_a_burst_is_written_in_few_strokes(tmp_path, make: Make, monkeypatch):
    strokes = 0

    def write(fd: int, data: memoryview) -> int:
        nonlocal strokes
        strokes += 1
        return os.write(fd, data)

    monkeypatch.setattr(logfile, "os_write", write)
    writer = make(tmp_path / "x", linger=60.0)
    for n in range(2500):
        writer.write({"n": n})
    writer.close(DEADLINE)
    assert strokes == 1
    assert len(numbers(tmp_path / "x")) == 2500
