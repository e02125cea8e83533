from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resplice.records import logfile
from resplice.records.logfile import LogFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOON = 1_795_262_400.0
DAY = 86_400.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and links as POSIX has them")


@pytest.fixture
def make() -> Iterator[Callable[..., LogFile]]:
    made: list[LogFile] = []

    def factory(path: Path | str, *, max_bytes: int = 0, keep: int = 3) -> LogFile:
        made.append(LogFile(str(path), max_bytes=max_bytes, keep=keep))
        return made[-1]

    yield factory
    for one in made:
        one.close()


def put(file: LogFile, *lines: bytes, now: float = NOON) -> None:
    pending = deque(lines)
    file.write(pending, now)
    assert not pending


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_lines_are_appended_to_what_is_there(tmp_path, make):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"old\n")
    put(make(path), b"1\n", b"2\n")
    assert path.read_bytes() == b"old\n1\n2\n"


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path, make):
    before = os.umask(0)
    try:
        put(make(tmp_path / "x.jsonl"), b"1\n")
    finally:
        os.umask(before)
    assert mode(tmp_path / "x.jsonl") == 0o600


def test_a_file_that_others_could_read_is_tightened(tmp_path, make):
    path = tmp_path / "x.jsonl"
    path.touch()
    path.chmod(0o666)
    put(make(path), b"1\n")
    assert mode(path) == 0o600


def test_missing_folders_are_made_for_the_owner_alone(tmp_path, make):
    before = os.umask(0)
    try:
        put(make(tmp_path / "a" / "b" / "x.jsonl"), b"1\n")
    finally:
        os.umask(before)
    assert [mode(tmp_path / "a"), mode(tmp_path / "a" / "b")] == [0o700, 0o700]


def test_a_symbolic_link_is_not_followed(tmp_path, make):
    victim, link = tmp_path / "victim", tmp_path / "x.jsonl"
    victim.write_bytes(b"precious")
    link.symlink_to(victim)
    with pytest.raises(OSError, match="is a symbolic link, which is not followed"):
        put(make(link), b"1\n")
    assert victim.read_bytes() == b"precious"


def test_a_link_put_in_place_while_the_file_is_open_is_not_followed_either(tmp_path, make):
    path, victim = tmp_path / "x.jsonl", tmp_path / "victim"
    file = make(path)
    put(file, b"1\n")
    path.rename(tmp_path / "moved")
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        put(file, b"2\n")
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("special", ["/dev/null", "/dev/full"])
def test_a_device_is_refused_and_its_mode_stays(special: str, make):
    if not Path(special).exists():
        pytest.skip(f"{special} is not there")
    before = mode(Path(special))
    with pytest.raises(OSError, match="is not a regular file"):
        put(make(special), b"1\n")
    assert mode(Path(special)) == before


def test_a_pipe_without_a_reader_does_not_block(tmp_path, make):
    os.mkfifo(tmp_path / "x.jsonl")
    with pytest.raises(OSError, match="is not a regular file"):
        put(make(tmp_path / "x.jsonl"), b"1\n")


def test_a_folder_in_the_files_place_is_an_error(tmp_path, make):
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        put(make(tmp_path / "x.jsonl"), b"1\n")


@pytest.mark.parametrize("disturb", ["remove", "rename", "remove the folder"])
def test_a_file_that_others_took_away_is_made_anew(tmp_path, make, disturb: str):
    folder = tmp_path / "logs"
    file = make(folder / "x.jsonl")
    put(file, b"1\n")
    if disturb == "rename":
        (folder / "x.jsonl").rename(folder / "y")
    else:
        (folder / "x.jsonl").unlink()
    if disturb == "remove the folder":
        folder.rmdir()
    put(file, b"2\n")
    assert (folder / "x.jsonl").read_bytes() == b"2\n"


def test_a_file_that_others_truncated_is_written_from_its_beginning(tmp_path, make):
    file = make(tmp_path / "x.jsonl")
    put(file, b"1\n" * 50)
    os.truncate(tmp_path / "x.jsonl", 0)
    put(file, b"2\n")
    assert (tmp_path / "x.jsonl").read_bytes() == b"2\n"


def test_a_line_that_an_earlier_run_left_unended_does_not_swallow_the_next(tmp_path, make):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"half')
    put(make(path), b"1\n", b"2\n")
    assert path.read_bytes() == b'{"half\n1\n2\n'


class Disk:
    """Takes so many bytes in all, then says that it is full."""

    def __init__(self, room: int, *, at_once: int = 1 << 30) -> None:
        self.room = room
        self.at_once = at_once

    def write(self, fd: int, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sent = os.write(fd, data[: min(self.room, self.at_once)])
        self.room -= sent
        return sent


@pytest.mark.parametrize("room", range(13))
def test_a_write_cut_short_anywhere_is_continued_to_the_byte(tmp_path, make, monkeypatch, room: int):
    disk = Disk(room)
    monkeypatch.setattr(logfile, "os_write", disk.write)
    file, pending = make(tmp_path / "x.jsonl"), deque([b"one\n", b"two\n", b"six\n"])
    if room < 12:
        with pytest.raises(OSError, match="No space"):
            file.write(pending, NOON)
        assert len(pending) == 3 - room // 4
    disk.room = 1000
    file.write(pending, NOON)
    assert (tmp_path / "x.jsonl").read_bytes() == b"one\ntwo\nsix\n"


def test_a_write_in_many_small_parts_is_one_write(tmp_path, make, monkeypatch):
    monkeypatch.setattr(logfile, "os_write", Disk(1000, at_once=3).write)
    (tmp_path / "x.jsonl").write_bytes(b"torn")
    put(make(tmp_path / "x.jsonl"), b"one\n", b"two\n")
    assert (tmp_path / "x.jsonl").read_bytes() == b"torn\none\ntwo\n"


def test_a_disk_that_takes_nothing_and_says_nothing_is_an_error(tmp_path, make, monkeypatch):
    monkeypatch.setattr(logfile, "os_write", lambda _fd, _data: 0)
    with pytest.raises(OSError, match="nothing was written"):
        put(make(tmp_path / "x.jsonl"), b"1\n")


@pytest.mark.parametrize("disturb", ["another writer", "removed"])
def test_a_record_half_written_is_written_whole_where_others_interfered(tmp_path, make, monkeypatch, disturb: str):
    path, disk = tmp_path / "x.jsonl", Disk(2)
    monkeypatch.setattr(logfile, "os_write", disk.write)
    file, pending = make(path), deque([b"one\n"])
    with pytest.raises(OSError, match="No space"):
        file.write(pending, NOON)
    disk.room = 1000
    if disturb == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"other")
    file.write(pending, NOON)
    assert path.read_bytes() == (b"one\n" if disturb == "removed" else b"onother\none\n")


def test_the_name_follows_the_clock(tmp_path, make):
    file = make(tmp_path / "%Y" / "%m-%d.jsonl")
    put(file, b"1\n")
    put(file, b"2\n", now=NOON + DAY)
    assert (tmp_path / "2026" / "11-21.jsonl").read_bytes() == b"1\n"
    assert (tmp_path / "2026" / "11-22.jsonl").read_bytes() == b"2\n"


def test_a_file_is_rotated_before_it_grows_beyond_its_limit(tmp_path, make):
    file = make(tmp_path / "x", max_bytes=10, keep=2)
    for number in range(8):
        put(file, b"%03d\n" % number)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {
        "x": b"006\n007\n",
        "x.1": b"004\n005\n",
        "x.2": b"002\n003\n",
    }


def test_one_block_of_lines_may_fill_several_files(tmp_path, make):
    put(make(tmp_path / "x", max_bytes=10, keep=9), *(b"%03d\n" % number for number in range(7)))
    contents = [one.read_bytes() for one in sorted(tmp_path.iterdir(), key=lambda one: one.name)]
    assert contents == [b"006\n", b"004\n005\n", b"002\n003\n", b"000\n001\n"]


def test_a_line_larger_than_the_limit_has_a_file_of_its_own(tmp_path, make):
    file = make(tmp_path / "x", max_bytes=10)
    put(file, b"1\n", b"a" * 50 + b"\n", b"2\n")
    assert [len(one.read_bytes()) for one in sorted(tmp_path.iterdir())] == [2, 51, 2]


def test_with_keep_zero_nothing_old_stays(tmp_path, make):
    file = make(tmp_path / "x", max_bytes=4, keep=0)
    put(file, b"001\n", b"002\n")
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"x": b"002\n"}


def test_the_limit_counts_what_was_there_before(tmp_path, make):
    (tmp_path / "x").write_bytes(b"12345678\n")
    put(make(tmp_path / "x", max_bytes=10), b"1\n")
    assert (tmp_path / "x.1").read_bytes() == b"12345678\n"


def test_rotated_files_stay_their_owners_alone(tmp_path, make):
    put(make(tmp_path / "x", max_bytes=4), b"001\n", b"002\n")
    assert mode(tmp_path / "x.1") == 0o600


def test_rotation_replaces_a_link_instead_of_following_it(tmp_path, make):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "x.1").symlink_to(victim)
    put(make(tmp_path / "x", max_bytes=4, keep=1), b"001\n", b"002\n")
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "x.1").read_bytes() == b"001\n"


def test_where_rotation_is_impossible_the_file_grows_and_says_why(tmp_path, make):
    (tmp_path / "x.1").mkdir()
    (tmp_path / "x.1" / "in the way").touch()
    file = make(tmp_path / "x", max_bytes=4, keep=1)
    put(file, b"001\n", b"002\n", b"003\n")
    assert (tmp_path / "x").read_bytes() == b"001\n002\n003\n"
    assert file.rotation_error is not None
    (tmp_path / "x.1" / "in the way").unlink()
    (tmp_path / "x.1").rmdir()
    put(file, b"004\n")
    assert file.rotation_error is None
    assert (tmp_path / "x").read_bytes() == b"004\n"


def test_a_closed_file_is_opened_again_by_the_next_line(tmp_path, make):
    file = make(tmp_path / "x")
    put(file, b"1\n")
    file.close()
    file.close()
    put(file, b"2\n")
    assert (tmp_path / "x").read_bytes() == b"1\n2\n"


WRITER = """
import sys
from collections import deque
from resplice.records.logfile import LogFile

path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
file = LogFile(path, max_bytes=4096, keep=1000)
for number in range(count):
    pending = deque([f"{name} {number}\\n".encode()])
    while pending:
        file.write(pending, 0.0)
"""


def test_four_processes_write_one_log_and_rotate_it_and_every_line_is_there_once(tmp_path):
    path, count = tmp_path / "x.jsonl", 1500
    environment = os.environ | {"PYTHONPATH": str(Path(logfile.__file__).parents[2])}
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name, str(count)], env=environment) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abcd" for number in range(count))
    assert len(list(tmp_path.iterdir())) > 4


def test_a_process_that_keeps_the_log_to_itself_is_an_error_and_no_hang(tmp_path, make, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(logfile, "LOCK_WITHIN", 0.05)
    path = tmp_path / "x.jsonl"
    file, pending = make(path), deque([b"1\n"])
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="kept by another process"):
            file.write(pending, NOON)
    assert pending
    file.write(pending, NOON)
    assert path.read_bytes() == b"1\n"


def test_a_second_name_for_the_file_is_refused_where_others_may_write_the_folder(tmp_path, make):
    victim, folder = tmp_path / "victim", tmp_path / "shared"
    victim.write_bytes(b"")
    folder.mkdir()
    os.link(victim, folder / "x.jsonl")
    put(make(folder / "x.jsonl"), b"1\n")  # a folder of our own: a backup by hard links does no harm
    folder.chmod(0o777)
    with pytest.raises(OSError, match="hard link"):
        put(make(folder / "x.jsonl"), b"2\n")
    assert victim.read_bytes() == b"1\n"
