"""A real mitmdump at a normal pace, with a pass-through addon and with Resplice: CPU per event, and how late an event is.

CPU: 50 streams of 50 events/s, one proxy after the other. Lateness: streams of 100 events/s through both proxies, and without any,
at the same time. Upstream and clients run in processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import statistics
import sys
import time

from events import chat, chat_ends
from processes import reverse
from rig import HOST, PASSING, REQUEST, RESPLICE, Proxy, cpu_seconds, load, running, upstream

STREAMS = int(os.environ.get("BENCH_STREAMS", "50"))
RATE = 50
STAMPED_STREAMS = 5
"""Through each proxy."""
STAMPED_RATE = 100
SECONDS = int(os.environ.get("BENCH_SECONDS", "12"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STAMP = re.compile(rb"sent at (\d+)")


async def serve(rate: int) -> None:
    """The upstream: one event per HTTP chunk, so many a second, for SECONDS. Each says when it was sent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        loop = asyncio.get_running_loop()
        begin = loop.time() + random.random() / rate  # streams that all speak at once would wait for each other
        for number in range(rate * SECONDS):
            await asyncio.sleep(max(0.0, begin + number / rate - loop.time()))
            frame = chat(number, f"sent at {time.monotonic_ns()}")
            writer.write(b"%x\r\n%s\r\n" % (len(frame), frame))
        for frame in chat_ends():
            writer.write(b"%x\r\n%s\r\n" % (len(frame), frame))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def read(port: int, delays: list[int]) -> int:
    """One stream to its end; returns how many events came."""
    reader, writer = await asyncio.open_connection(HOST, port)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(REQUEST) + REQUEST)
    count = 0
    while data := await reader.read(65536):
        now = time.monotonic_ns()
        count += data.count(b"data: ")
        delays += [now - int(stamp) for stamp in STAMP.findall(data)]
        if b"0\r\n\r\n" in data[-16:]:
            break
    writer.close()
    return count


async def client(ports: list[int], streams: int) -> None:
    """So many streams from each port, at the same time. Prints for each port how many events came, and their median delay in µs."""
    delays: list[list[int]] = [[] for _ in ports]
    reads = [asyncio.gather(*(read(port, late) for _ in range(streams))) for port, late in zip(ports, delays, strict=True)]
    counts = [sum(one) for one in await asyncio.gather(*reads)]
    print(json.dumps([[count, statistics.median(late) / 1e3] for count, late in zip(counts, delays, strict=True)]), flush=True)


# -- the measurements


def cpu(port: int, proxy: Proxy) -> float:
    """Microseconds of mitmdump's CPU per event."""
    with running(proxy, reverse(port)) as process:
        before = cpu_seconds(process.pid)
        ((events, _),) = json.loads(load(__file__, STREAMS, process.port))
        return (cpu_seconds(process.pid) - before) / events * 1e6


def compare_cpu() -> None:
    shares = []
    with upstream(__file__, str(RATE)) as port:
        for _ in range(ROUNDS):
            plain, ours = cpu(port, PASSING), cpu(port, RESPLICE)
            shares.append(1 - plain / ours)
            print(f"pass-through {plain:6.1f} µs/event, Resplice {ours:6.1f} µs/event, our share {shares[-1]:6.1%}", flush=True)
    median = statistics.median(shares)
    print(f"{STREAMS} streams of {RATE} events/s: our share of mitmdump's CPU, median of {ROUNDS} pairs: {median:.1%}")


def compare_delays() -> None:
    ratios = []
    with (
        upstream(__file__, str(STAMPED_RATE)) as port,
        running(PASSING, reverse(port)) as passing,
        running(RESPLICE, reverse(port)) as resplice,
    ):
        load(__file__, 1, passing.port, resplice.port)  # everything is imported, and warm
        for number in range(ROUNDS):
            ports = [port, passing.port, resplice.port]
            order = ports if number % 2 else ports[::-1]
            late = dict(zip(order, json.loads(load(__file__, STAMPED_STREAMS, *order)), strict=True))
            direct, plain, ours = (late[one][1] for one in ports)
            ratios.append((ours - direct) / (plain - direct))
            print(
                f"median delay: without a proxy {direct:5.0f} µs; a pass-through addon adds {plain - direct:5.0f} µs, "
                f"Resplice {ours - direct:5.0f} µs, ratio {ratios[-1]:.2f}",
                flush=True,
            )
    median = statistics.median(ratios)
    print(f"{STAMPED_STREAMS} streams of {STAMPED_RATE} events/s: added delay as a ratio, median of {ROUNDS} rounds: {median:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    elif sys.argv[1:2] == ["load"]:
        asyncio.run(client([int(port) for port in sys.argv[3:]], int(sys.argv[2])))
    else:
        compare_cpu()
        compare_delays()
