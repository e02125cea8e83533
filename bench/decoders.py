"""Our session, with strict validation and ids, against the SDKs' own decoders plus json, in one process, in turn."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from anthropic._streaming import SSEDecoder as AnthropicDecoder
from openai._streaming import SSEDecoder as OpenAIDecoder

from events import BEGINNINGS, FAMILIES, cut
from resplice.dialects import by_name
from resplice.session.session import Session

EVENTS = 3000
ROUNDS = 9


def ours(dialect: str, chunks: list[bytes]) -> None:
    session = Session(by_name(dialect))
    for chunk in (*BEGINNINGS[dialect], *chunks):
        session.receive_data(chunk)


def sdk(decoder: type[AnthropicDecoder | OpenAIDecoder], chunks: list[bytes]) -> None:
    for event in decoder().iter_bytes(iter(chunks)):
        json.loads(event.data)


def seconds(run: Callable[[], None]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


def main() -> None:
    print(f"{'family':20} {'cut':16} {'ours, µs/event':>15} {'SDK, µs/event':>15} {'ratio':>7} {'(pairs: min - max)':>20}")
    for dialect, make in FAMILIES.items():
        decoder = AnthropicDecoder if dialect.startswith("anthropic") else OpenAIDecoder
        frames = [make(number + 3) for number in range(EVENTS)]
        body = b"".join(frames)
        for name, chunks in (("event by event", frames), ("16 KiB blocks", cut(body, 16384)), ("7-byte shreds", cut(body, 7))):
            pairs = []
            for _ in range(ROUNDS):
                a = seconds(lambda c=chunks, d=dialect: ours(d, c))
                b = seconds(lambda c=chunks, d=decoder: sdk(d, c))
                pairs.append((a / EVENTS * 1e6, b / EVENTS * 1e6))
            ratios = [b / a for a, b in pairs]
            mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
            spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
            print(f"{dialect:20} {name:16} {mine:15.2f} {theirs:15.2f} {statistics.median(ratios):7.2f} {spread:>20}")


if __name__ == "__main__":
    main()
