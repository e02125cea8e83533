"""Real recorded streams, read where they are: what is healthy leaves byte-identical."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from streams import HEALTHY, cut_at, run

SHARED = Path(__file__).parents[3] / "shared" / "corpus"
# Streams marked healthy that break a contract of their API: here a repair is right.
EXCEPTIONS = {
    "avian--": ("chunk_id", "one completion under many chunk ids"),
    "doc-shape--event-response-nospace": ("terminal_missing", "the recording has no [DONE]"),
}


@cache
def corpus(dialect: str) -> list[tuple[str, bytes]]:
    found = []
    for index, folder in (("INDEX.jsonl", ""), ("EXTRA_INDEX.jsonl", "extra")):
        for line in (SHARED / index).read_text(encoding="utf-8").splitlines():
            entry: dict[str, Any] = json.loads(line)
            if entry["dialect"] == dialect and entry["expect"] == "pass":
                path = SHARED / entry["path"]
                path = path if path.exists() else SHARED / folder / entry["path"]
                found.append((entry["path"], path.read_bytes()))
    return found


@pytest.mark.skipif(not SHARED.exists(), reason="the corpus of recorded streams is not on this machine (../shared/corpus)")
@pytest.mark.parametrize("dialect", HEALTHY)
def test_every_healthy_recording_leaves_byte_identical_however_it_is_cut(dialect: str) -> None:
    rng = random.Random(1)
    streams = corpus(dialect)
    assert streams
    for path, wire in streams:
        places = [rng.randrange(len(wire)) for _ in range(min(200, len(wire) // 50))]
        outcome = run(dialect, cut_at(wire, places))
        excepted = next((kind for name, (kind, _) in EXCEPTIONS.items() if name in path), None)
        if excepted:
            assert set(outcome.kinds) == {excepted}, path
        else:
            assert (outcome.output == wire, outcome.findings) == (True, []), path
