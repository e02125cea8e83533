"""What the benchmarks of a running mitmdump share: the proxies compared, their CPU time, and roles in processes of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import Mitmdump, mitmdump

PASS_THROUGH = "def responseheaders(flow):\n    flow.response.stream = lambda data: data\n"
REQUEST = b'{"model":"m","stream":true,"messages":[]}'
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Proxy:
    """One way to set mitmdump up."""

    name: str
    resplice: bool = False
    script: str = ""
    options: tuple[tuple[str, str], ...] = ()


BUFFERING = Proxy("mitmproxy, which keeps the body to its end")
STREAMING = Proxy("mitmproxy, streaming", options=(("stream_large_bodies", "1"),))
PASSING = Proxy("mitmproxy and a pass-through addon", script=PASS_THROUGH)
RESPLICE = Proxy("mitmproxy and Resplice", resplice=True)


@contextlib.contextmanager
def running(proxy: Proxy, mode: str) -> Iterator[Mitmdump]:
    """A mitmdump of that kind in front of an upstream."""
    options = {"ssl_insecure": "true", **dict(proxy.options)}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(proxy.script, "ascii")
        args = ["-s", str(script)] if proxy.script else []
        with mitmdump(mode, addon=proxy.resplice, options=options, args=args) as process:
            yield process


@contextlib.contextmanager
def upstream(file: str, *args: str) -> Iterator[int]:
    """The port of `python file serve args`, which prints it as soon as it listens."""
    server = subprocess.Popen([sys.executable, file, "serve", *args], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.kill()
        server.wait()


def load(file: str, *args: str | int) -> str:
    """What `python file load args` printed."""
    command = [sys.executable, file, "load", *map(str, args)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
