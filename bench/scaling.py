"""One huge event in small and in large pieces, and memory over a long stream."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
import tracemalloc

from events import BEGINNINGS, FAMILIES, chat, cut
from resplice.dialects import by_name
from resplice.session.session import Session

MEGABYTE = 1024 * 1024


def cpu(chunks: list[bytes]) -> float:
    session = Session(by_name("openai-chat"))
    begin = time.process_time()
    for chunk in chunks:
        session.receive_data(chunk)
    return time.process_time() - begin


def huge_event() -> None:
    body = chat(0, "x" * MEGABYTE)
    pairs = [(cpu(cut(body, 1024)), cpu(cut(body, 65536))) for _ in range(15)]
    small, large = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"a 1 MB event: {small:.2f} ms in 1 KiB pieces, {large:.2f} ms in 64 KiB pieces, ratio {ratio:.2f}")


def long_stream(events: int) -> None:
    """Print this process's peak resident memory and the session's own live memory after so many events."""
    sessions = [(Session(by_name(dialect)), make) for dialect, make in FAMILIES.items()]
    for (session, _), frames in zip(sessions, BEGINNINGS.values(), strict=True):
        session.receive_data(b"".join(frames))
    tracemalloc.start()
    for number in range(events // len(sessions)):
        for session, make in sessions:
            session.receive_data(make(number + 3))
    live, _ = tracemalloc.get_traced_memory()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{events:>9} events: {live / 1024:.0f} KiB live, peak RSS {peak:.1f} MiB")


def main() -> None:
    huge_event()
    for events in (10_000, 100_000, 1_000_000):
        subprocess.run([sys.executable, __file__, str(events)], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        long_stream(int(sys.argv[1]))
    else:
        main()
