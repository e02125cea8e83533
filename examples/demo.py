"""Broken streams into the real OpenAI and Anthropic SDKs, without Resplice and with it. `make demo` runs it.

It starts a faulty upstream and one real `mitmdump -s addons/repair.py` in front of it, on free ports and with files of
their own, and ends both. Exit status: 0, or 1 if a client behind Resplice got a silently wrong answer.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from demo_table import Cell, Row, Style, head, lines
from faulty_upstream import serving
from outcomes import Outcome, describe, judge, visible
from processes import Mitmdump, mitmdump, reverse
from scenarios import BY_NAME
from sdk_clients import CLIENTS, Answer, Client, Result, ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OUT: Final = Path("out/demo")
LOG_DEADLINE: Final = 15.0
CONTEXT: Final = 10
"""Characters that are shown before a change."""
type Record = dict[str, Any]

PLAN: Final = (
    ("chat-text", "openai chat"),
    ("keepalive-id", "openai chat, first id counts"),
    ("keepalive-as-data", "openai chat .stream()"),
    ("byte-order-mark", "openai chat"),
    ("hidden-error", "openai chat"),
    ("half-arguments", "openai chat .stream()"),
    ("gzip-heartbeat", "openai chat"),
    ("split-event", "anthropic"),
    ("heartbeat-in-frame", "anthropic .stream()"),
    ("torn-arguments", "anthropic .stream()"),
    ("spliced-answers", "anthropic"),
    ("upstream-cut", "anthropic .stream()"),
    ("split-response", "openai responses"),
    ("no-completed", "openai responses"),
)
"""What is shown, by which client."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="folder for the log (default: %(default)s)")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: every process is put away
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    os.environ["NO_PROXY"] = "127.0.0.1"  # a proxy of the user's has no part in this
    try:
        return _run(args.out)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(out: Path) -> int:
    began = time.monotonic()
    for old in out.glob("resplice.jsonl*"):
        old.unlink()
    style = Style.of(sys.stdout)
    print("Starting a faulty upstream, and `mitmdump -s addons/repair.py` in front of it ...", flush=True)
    with serving() as upstream, mitmdump(reverse(upstream.port), folder=out) as proxy:
        rows = list(_shown(_rows(upstream.url, proxy), style))
    _summary(rows, out, time.monotonic() - began)
    return 0 if all(_kept_promise(row) for row in rows) else 1


def _shown(rows: Iterator[Row], style: Style) -> Iterator[Row]:
    """Print each row as soon as it is known."""
    print("\n".join(head(style)), flush=True)
    for row in rows:
        print("\n".join(lines(row, style)), flush=True)
        yield row


def _rows(upstream: str, proxy: Mitmdump) -> Iterator[Row]:
    clients = {client.name: client for client in CLIENTS}
    for name, client in PLAN:
        yield _row(name, clients[client], upstream, proxy)


def _row(name: str, client: Client, upstream: str, proxy: Mitmdump) -> Row:
    scenario = BY_NAME[name]
    truth = _truth(client, upstream, scenario.truth)
    # The path selects the scenario, so that the log can be asked for it.
    without, repaired = (ask(client, f"{url}/fault/{name}", "harbour-1") for url in (upstream, proxy.url))
    return Row(name, scenario.says, client.name, _cell(without, truth), _cell(repaired, truth), _explain(_story(proxy, name)))


def _truth(client: Client, upstream: str, name: str) -> Answer | None:
    if not name:
        return None
    answer = ask(client, f"{upstream}/fault/{name}", "harbour-1")
    return answer if isinstance(answer, Answer) else None  # None: this client can't read it, every answer is wrong


def _cell(result: Result, truth: Answer | None) -> Cell:
    return Cell(judge(result, truth), describe(result))


def _story(proxy: Mitmdump, name: str) -> list[Record]:
    """Wait until the log has all records of the stream, which are written off the path of the bytes."""
    deadline = time.monotonic() + LOG_DEADLINE
    while time.monotonic() < deadline:
        records = proxy.records()
        streams = {one["stream"] for one in records if f"/fault/{name}/" in one.get("path", "")}
        story = [one for one in records if one["stream"] in streams]
        if any(one["type"] == "stream.close" for one in story):
            return story
        time.sleep(0.02)
    return []


def _explain(story: list[Record]) -> str:
    """Say in one line of ASCII what the log says: the gravest finding, or the delivery receipt."""
    findings = [one for one in story if one["type"] in {"loss", "repair"}]
    if not story:
        return "nothing was written"
    if not findings:
        close = story[-1]
        return f"{close['type']}: healthy={json.dumps(close['healthy'])}; {close['verdict']}"
    worst = min(findings, key=lambda one: one["type"])  # "loss" comes before "repair"
    count = sum(one["kind"] == worst["kind"] for one in findings)
    where = f"at byte {worst['in_offset']}" + (f", and {count - 1} more like it" if count > 1 else "")
    return f"{worst['type']} {worst['kind']} {where}: {_change(worst['raw'], worst['replacement'])}; {worst['why']}"


def _change(raw: Record | None, replacement: Record | None) -> str:
    """Show the bytes where they differ, with a little of what stands around."""
    before, after = (account.get("text", "") if account else "" for account in (raw, replacement))
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
    start = max(len(list(same)) - CONTEXT, 0)
    return f"{_excerpt(before, start)} -> {_excerpt(after, start)}"


def _excerpt(text: str, start: int) -> str:
    if not text:
        return "nothing"
    end = start + 3 * CONTEXT
    return ("..." if start else "") + f"`{visible(text[start:end])}`" + ("..." if end < len(text) else "")


def _kept_promise(row: Row) -> bool:
    better = row.repaired.outcome >= row.without.outcome
    return row.repaired.outcome is not Outcome.WRONG and better and row.record != "nothing was written"


def _summary(rows: list[Row], out: Path, seconds: float) -> None:
    print(f"without Resplice: {_count(row.without.outcome for row in rows)}")
    print(f"with Resplice:    {_count(row.repaired.outcome for row in rows)}")
    print(f"\n{len(rows)} streams in {seconds:.1f} s. Every byte that was changed is on record in {out}/resplice.jsonl:")
    print(f"  jq -c 'select(.kind) | [.kind, .raw.text, .replacement.text]' {out}/resplice.jsonl")
    for row in itertools.filterfalse(_kept_promise, rows):
        print(f"NOT AS PROMISED: {row.name} ({row.client}): {row.repaired.outcome}; log: {row.record}")


def _count(outcomes: Iterator[Outcome]) -> str:
    counts = Counter(outcomes)
    plural = {Outcome.ERROR: "honest errors"}
    return ", ".join(f"{counts[outcome]} {plural.get(outcome, outcome)}" for outcome in reversed(Outcome))


if __name__ == "__main__":
    sys.exit(main())
