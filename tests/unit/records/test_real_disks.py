"""The same with file systems that are really full and really read-only; root alone can make those."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from waiting import DEADLINE, until

from resplice.records.sidecar import SidecarWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    mount, point = shutil.which("mount"), tmp_path / "small"
    point.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(point)]
    if not mount or os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can't be mounted here")
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)


def numbers(path: Path) -> list[int]:
    return [record["n"] for record in map(json.loads, path.read_bytes().splitlines()) if "n" in record]


def test_a_really_full_disk_costs_nothing_while_the_queue_has_room(small: Path, caplog):
    ballast = small / "ballast"
    ballast.write_bytes(b"x" * 40_000)
    writer = SidecarWriter(str(small / "x"), max_bytes=0, keep=3, linger=0.0, retry=0.005)
    writer.start()
    assert all(writer.write({"n": n, "text": "y" * 100}) for n in range(400))
    until(lambda: "No space left on device" in caplog.text, "the disk being full")
    ballast.unlink()
    until(lambda: writer.written == 400, "the records being written")
    writer.close(DEADLINE)
    assert numbers(small / "x") == list(range(400))
    assert writer.dropped == 0


def test_a_really_full_disk_at_the_end_leaves_a_log_that_the_next_run_continues(small: Path):
    ballast = small / "ballast"
    ballast.write_bytes(b"x" * 40_000)
    first = SidecarWriter(str(small / "x"), max_bytes=0, keep=3)
    first.start()
    for n in range(400):
        first.write({"n": n, "text": "y" * 100})
    first.close(DEADLINE)
    assert 0 < first.written < 400
    assert first.written + first.dropped == 400
    ballast.unlink()
    second = SidecarWriter(str(small / "x"), max_bytes=0, keep=3)
    second.start()
    second.write({"n": 400})
    second.close(DEADLINE)
    whole = [line for line in (small / "x").read_bytes().splitlines() if line.endswith(b"}")]
    assert [json.loads(line)["n"] for line in whole] == [*range(first.written), 400]


def test_a_read_only_file_system_is_told_and_written_once_it_is_writable(small: Path, caplog):
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    writer = SidecarWriter(str(small / "x"), max_bytes=0, keep=3, linger=0.0, retry=0.005)
    writer.start()
    writer.write({"n": 1})
    until(lambda: "Read-only file system" in caplog.text, "the log line")
    subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    until(lambda: writer.written == 1, "the record being written")
    writer.close(DEADLINE)
    assert numbers(small / "x") == [1]


def test_a_file_without_permission_to_write_is_told(tmp_path: Path, caplog):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path = tmp_path / "x"
    path.touch()
    path.chmod(0o400)
    writer = SidecarWriter(str(path), max_bytes=0, keep=3, linger=0.0, retry=0.005)
    writer.start()
    writer.write({"n": 1})
    until(lambda: "Permission denied" in caplog.text, "the log line")
    writer.close(DEADLINE)
    assert writer.dropped == 1
