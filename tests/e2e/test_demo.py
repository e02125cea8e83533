"""The demo, as a user runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import demo
from resplice.core.kinds import Kind

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 90


def command(out):
    return [sys.executable, "examples/demo.py", "--out", str(out)]


def environment(home, **more):
    """A user's environment, with a home that nothing may write to."""
    return {**os.environ, "HOME": str(home), "COLUMNS": "100", "PYTHONIOENCODING": "utf-8", **more}


def children(pid):
    """Processes that a process has started, on Linux."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The demo's result, its folder and the home of its user."""
    out, home = tmp_path_factory.mktemp("out") / "demo", tmp_path_factory.mktemp("home")
    result = subprocess.run(
        command(out), cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    return result, out, home


def test_it_ends_with_status_0_and_says_nothing_on_stderr(finished):
    result, _, _ = finished
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def test_the_table_has_every_fault_with_a_record_that_explains_it(finished):
    result, _, _ = finished
    for name, _ in demo.PLAN:
        assert re.search(rf"^ {name} ", result.stdout, re.MULTILINE), name
    logs = re.findall(r"^ log   (\S+) (\S+)", result.stdout, re.MULTILINE)
    assert len(logs) == len(demo.PLAN)
    assert logs[0] == ("stream.close:", "healthy=true;")
    assert {kind for _, kind in logs[1:]} <= set(Kind)


def test_nothing_is_silently_wrong_with_resplice_and_much_is_without(finished):
    result, _, _ = finished
    without, repaired = re.findall(r"^with(?:out)? Resplice: +(.*)$", result.stdout, re.MULTILINE)
    assert repaired.endswith(", 0 broke, 0 silently wrong")
    assert not without.endswith(" 0 silently wrong")


def test_no_line_is_wider_than_the_terminal_and_none_is_coloured_in_a_pipe(finished):
    result, _, _ = finished
    table = result.stdout.partition("without Resplice: ")[0]
    assert max(len(line) for line in table.splitlines()) <= 100
    assert "\x1b" not in result.stdout


def test_it_leaves_a_log_of_well_formed_lines_and_nothing_in_the_users_home(finished):
    _, out, home = finished
    records = [json.loads(line) for line in (out / "resplice.jsonl").read_text("ascii").splitlines()]
    assert sum(record["type"] == "stream.close" for record in records) == len(demo.PLAN)
    assert sorted(path.name for path in out.iterdir()) == ["output.txt", "resplice.jsonl"]
    assert list(home.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for child processes in /proc")
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=lambda sig: sig.name)
def test_interrupted_it_puts_its_processes_away(sig, tmp_path):
    with subprocess.Popen(
        command(tmp_path / "demo"), cwd=ROOT, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        started = wait_for(lambda: children(process.pid))
        process.send_signal(sig)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)
