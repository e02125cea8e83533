"""Start a real mitmdump, with files and a port of its own, and end it again. Nothing of the user's is touched.

with mitmdump(mode="reverse:http://127.0.0.1:8080") as proxy:
    httpx.post(proxy.url + "/v1/messages", ...)
    print(proxy.log_path.read_text())
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOST: Final = "127.0.0.1"
REPOSITORY: Final = Path(__file__).resolve().parent.parent
ENTRY: Final = REPOSITORY / "addons" / "repair.py"
START_DEADLINE: Final = 60.0
"""Seconds. A cold start takes two; a machine that is shared by many may need far longer."""
STOP_DEADLINE: Final = 20.0
_LISTENING: Final = re.compile(r" listening at .*?(?:\d|\]):(\d+)\.?\s*$", re.MULTILINE)
_RUN: Final = "from mitmproxy.tools.main import {tool}; {tool}()"


class ProcessError(RuntimeError):
    """The process ended, or never did what was waited for. The message holds what it had printed."""


@dataclass(frozen=True, slots=True)
class Mitmdump:
    """A running mitmdump."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    """What it prints and its sidecar log are here."""
    confdir: Path
    """A temporary one, with a certificate authority of its own; it goes away at the end."""
    log_path: Path
    """The sidecar log."""

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Base address, without a slash at its end: of the proxy, or of the upstream in reverse mode."""
        return f"http://{HOST}:{self.port}"

    @property
    def ca_cert(self) -> Path:
        """The certificate that clients have to trust when they go through it to a TLS upstream."""
        return self.confdir / "mitmproxy-ca-cert.pem"

    def output(self) -> str:
        """What the process has printed so far."""
        return _printed(self.folder)

    def records(self) -> list[dict[str, Any]]:
        """What the sidecar log holds at this moment: complete lines only."""
        if not self.log_path.exists():
            return []
        lines = self.log_path.read_text("ascii").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal, by force if that does not help; return the exit status. Harmless when it has ended."""
        return _stop(self.process, sig)


def reverse(port: int, scheme: str = "http") -> str:
    """The mode that puts mitmdump in front of a local server."""
    return f"reverse:{scheme}://{HOST}:{port}"


@contextlib.contextmanager
def mitmdump(
    mode: str = "regular",
    *,
    addon: bool = True,
    options: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    tool: str = "mitmdump",
) -> Iterator[Mitmdump]:
    """Start mitmdump, yield it when it listens, end it.

    `addon`: with `-s addons/repair.py`, whose sidecar log is `Mitmdump.log_path`. `options`: for `--set`.
    `args`: further arguments. `tool`: mitmdump or mitmweb. `folder`: for its output and log, which are kept then; by default a
    temporary one.
    Raises ProcessError when it does not listen within the deadline.
    """
    with tempfile.TemporaryDirectory(prefix="resplice-") as temporary:
        home, confdir = folder or Path(temporary), Path(temporary) / "conf"
        home.mkdir(parents=True, exist_ok=True)
        log_path = home / "resplice.jsonl"
        command = [*_command(tool, mode, confdir, log_path if addon else None, options or {}), *args]
        with _running(command, home, environment or {}) as process:
            yield Mitmdump(process, _wait_for_port(process, home), home, confdir, log_path)


def _command(tool: str, mode: str, confdir: Path, log_path: Path | None, options: Mapping[str, str]) -> list[str]:
    ours = {"confdir": str(confdir), "listen_host": HOST, "listen_port": "0"}
    script: list[str] = []
    if log_path is not None:
        ours["resplice_log"] = str(log_path).replace("%", "%%")  # the option's value is a strftime format
        script = ["-s", str(ENTRY)]
    settings = [word for name, value in (ours | dict(options)).items() for word in ("--set", f"{name}={value}")]
    return [sys.executable, "-c", _RUN.format(tool=tool), "--mode", mode, *script, *settings]


@contextlib.contextmanager
def _running(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    with contextlib.ExitStack() as stack:
        out = stack.enter_context((home / "output.txt").open("wb"))
        with _interrupts_wait():
            # A session of its own: Ctrl-C at the terminal reaches the demo, which then ends its children in order.
            process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, start_new_session=True
            )
            stack.callback(_stop, process, signal.SIGTERM)
        yield process


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """A signal that comes while a process is being started takes effect when it is known, and can be ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {one: signal.signal(one, lambda number, _: came.append(number)) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)
        for number in came:
            signal.raise_signal(number)


def _wait_for_port(process: subprocess.Popen[bytes], home: Path) -> int:
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline:
        if found := _LISTENING.search(_printed(home)):
            return int(found[1])
        if process.poll() is not None:
            raise ProcessError(f"mitmdump ended with status {process.returncode}:\n{_printed(home)}")
        time.sleep(0.02)
    raise ProcessError(f"mitmdump did not listen within {START_DEADLINE:.0f} s:\n{_printed(home)}")


def _printed(home: Path) -> str:
    return (home / "output.txt").read_text("utf-8", errors="replace")


def _stop(process: subprocess.Popen[bytes], sig: signal.Signals) -> int:
    if process.poll() is None:
        process.send_signal(sig)
    try:
        return process.wait(STOP_DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
