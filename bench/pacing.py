"""CPU of a real mitmdump per event, with a pass-through addon and with Resplice, at a normal pace: 50 streams of 50 events/s.

Upstream and clients run in processes of their own, so that only mitmdump's CPU time is counted (user + system, from /proc).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from events import chat
from processes import mitmdump, reverse

STREAMS = int(os.environ.get("BENCH_STREAMS", "50"))
RATE = 50
SECONDS = int(os.environ.get("BENCH_SECONDS", "12"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PASS_THROUGH = "def responseheaders(flow):\n    flow.response.stream = lambda data: data\n"
REQUEST = b'{"model":"m","stream":true,"messages":[]}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def serve() -> None:
    """The upstream: one event per HTTP chunk, RATE of them a second, for SECONDS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in range(RATE * SECONDS):
            await asyncio.sleep(max(0.0, begin + number / RATE - loop.time()))
            frame = chat(number)
            writer.write(b"%x\r\n%s\r\n" % (len(frame), frame))
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def load(port: int) -> None:
    """The clients: read all streams to their end."""

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(REQUEST) + REQUEST)
        count = 0
        while data := await reader.read(65536):
            count += data.count(b"data: ")
            if b"0\r\n\r\n" in data[-16:]:
                break
        writer.close()
        return count

    print(sum(await asyncio.gather(*(one() for _ in range(STREAMS)))), flush=True)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(upstream: int, *, addon: bool, script: str) -> float:
    """Microseconds of mitmdump's CPU per event."""
    args = [] if addon else ["-s", script]
    with mitmdump(reverse(upstream), addon=addon, args=args) as proxy:
        before = cpu_seconds(proxy.pid)
        done = subprocess.run([sys.executable, __file__, "load", str(proxy.port)], check=True, capture_output=True, text=True)
        return (cpu_seconds(proxy.pid) - before) / int(done.stdout) * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "pass_through.py"
        script.write_text(PASS_THROUGH, "ascii")
        server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline()) if server.stdout else 0
            pairs = []
            for _ in range(ROUNDS):
                plain = measure(port, addon=False, script=str(script))
                ours = measure(port, addon=True, script=str(script))
                pairs.append((plain, ours))
                print(
                    f"pass-through {plain:6.1f} µs/event, Resplice {ours:6.1f} µs/event, our share {1 - plain / ours:6.1%}",
                    flush=True,
                )
        finally:
            server.kill()
            server.wait()
    share = statistics.median(1 - plain / ours for plain, ours in pairs)
    print(f"{STREAMS} streams of {RATE} events/s: our share of mitmdump's CPU, median of {ROUNDS} pairs: {share:.1%}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve())
    elif sys.argv[1:2] == ["load"]:
        asyncio.run(load(int(sys.argv[2])))
    else:
        main()
