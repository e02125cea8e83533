"""`resplice explain`: the story of one stream in plain words, with the evidence."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resplice.cli.errors import UsageError
from resplice.cli.logs import STDIN, LogReader, holds_records, log_files
from resplice.cli.player import play
from resplice.cli.recordings import load
from resplice.cli.terminal import plural, size, visible
from resplice.core.catalogue import BY_KIND
from resplice.core.kinds import Kind
from resplice.records.recorder import StreamRecorder
from resplice.records.states import state_of_record

if TYPE_CHECKING:
    from resplice.records.schema import Record

__all__ = ["DESCRIPTION", "add_arguments", "explain", "story"]

DESCRIPTION: Final = """\
Tells the story of one stream: what came, what was broken, what was done, what the client got.
FILE is a sidecar log (or a folder of them), flows that mitmproxy saved, a HAR file or a captured body.
ID is the stream's, as the log and the errors of Resplice have it, or the flow's; its first characters are enough. Without it, the
last streams are listed. Of saved flows that Resplice saw live, the live run is told.
"""
_LISTED: Final = 20
_CANDIDATES: Final = 8
_SHOWN: Final = 12
_NAME: Final = 128
_SAMPLE: Final = 300
_ENDS: Final = {
    "complete": "The upstream ended it as it should.",
    "upstream_end": "The upstream ended the body without its terminal event.",
    "upstream_abort": "The upstream broke off in the middle.",
    "client_disconnect": "The client left.",
    "idle": "Resplice ended it, for the upstream had fallen silent.",
    "client_stalled": "The client stopped reading.",
    "headers_timeout": "No answer had begun in time.",
    "retried": "It failed before the client had a byte of it, and the request was to be sent again.",
    "refused": "The request had been sent again, and this is no stream either.",
    "killed": "Somebody killed it in the proxy.",
    "shutdown": "The proxy was shut down.",
}
_TERMINALS: Final = {
    "seen": "it ended with the upstream's own terminal event",
    "synthesised": "it ended with a terminal event that Resplice added",
    "error": "it ended in an error event, which SDKs raise",
    "missing": "it ended without any terminal event",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("file", metavar="FILE", help="sidecar log or recording")
    parser.add_argument("id", metavar="ID", nargs="?", help="the stream, or the flow")


def explain(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Raises UsageError."""
    if log_files([args.file])[0] == STDIN:
        raise UsageError("standard input can't be explained; give a file.")
    wanted = (args.id or "").removeprefix("stream ").strip() or None
    if _is_log(args.file):
        reader = LogReader(log_files([args.file]))
        try:
            _tell(reader.read(), args.file, wanted)
        finally:
            reader.complain()
    else:
        _tell(_recorded(args.file), args.file, wanted)
    return 0


def _is_log(name: str) -> bool:
    """Whether a file has records; a folder is always one of logs."""
    return any(holds_records(one) for one in log_files([name])[:1]) or Path(name).is_dir()


# -- where the records come from ------------------------------------------------------------------


def _recorded(name: str) -> Iterator[Record]:
    """The records of a recording: those of its live run where it has them, else what the proxy would have made of it."""
    for recording in load(name, None, None):
        if recording.account is not None:
            yield from recording.account.records
            continue
        played = play(recording, recording.policy, [recording.data])
        recorder = StreamRecorder(recording.context)
        recorder.learn(dialect=played.receipt.dialect)
        yield recorder.open(0.0)
        yield from (recorder.finding(finding, 0.0) for finding in played.findings)
        yield recorder.close(played.receipt, 0.0, client_gone=False)


def _tell(records: Iterator[Record], name: str, wanted: str | None) -> None:
    lines = _listing(records) if wanted is None else _stories(_chosen(records, name, wanted))
    print(*lines, sep="\n")


def _chosen(records: Iterator[Record], name: str, wanted: str) -> list[list[Record]]:
    """The records of the one stream, or of the streams of the one flow, whose id begins like that."""
    streams: dict[str, list[Record]] = {}
    ids: dict[str, str] = {}
    """A stream -> the id by which it was found, its own or its flow's."""
    for record in records:
        stream = str(record.get("stream"))
        found = stream if stream.startswith(wanted) else str(record.get("flow", ""))
        if found.startswith(wanted):
            ids.setdefault(stream, found)
        if stream in ids:
            streams.setdefault(stream, []).append(record)
    if wanted in ids.values():
        ids = {stream: found for stream, found in ids.items() if found == wanted}
    several = list(dict.fromkeys(ids.values()))
    if not several:
        raise UsageError(f"no stream in {visible(name)} begins with {visible(wanted, _NAME)!r}; leave the ID out for a list.")
    if len(several) > 1:
        shown = ", ".join(visible(one, _NAME) for one in several[:_CANDIDATES])
        more = f" and {len(several) - _CANDIDATES:,} more" if len(several) > _CANDIDATES else ""
        raise UsageError(f"{visible(wanted, _NAME)!r} is the beginning of {len(several):,} ids: {shown}{more}; give more of one.")
    return [streams[stream] for stream in ids]


def _stories(streams: list[list[Record]]) -> Iterator[str]:
    for number, records in enumerate(streams):
        if number:
            yield ""
        yield from story(records)


def _listing(records: Iterator[Record]) -> Iterator[str]:
    """The last streams that ended."""
    opened: dict[str, Record] = {}
    last: deque[tuple[Record, Record]] = deque(maxlen=_LISTED)
    for record in records:
        if record["type"] == "stream.open":
            opened[str(record["stream"])] = record
        elif record["type"] == "stream.close":
            last.append((opened.pop(str(record["stream"]), {}), record))
    if not last:
        raise UsageError("no stream has ended in it.")
    for opening, close in last:
        faults = ", ".join(close.get("findings") or ())
        told = f"{visible(str(close['stream'])[:12]):<12}  flow {visible(str(opening.get('flow', ''))[:8]):<8}  {close['ts'][:19]}"
        state = state_of_record(close)
        yield visible(f"{told}  {opening.get('host', '?')}  {state}, {close['outcome']}{f': {faults}' if faults else ''}")


# -- the story ------------------------------------------------------------------------------------


def story(records: list[Record]) -> Iterator[str]:
    """One stream's records as a person would tell them."""
    opening = next((one for one in records if one["type"] == "stream.open"), {})
    close = next((one for one in records if one["type"] == "stream.close"), None)
    changes = [one for one in records if one["type"] in {"repair", "loss", "note"}]
    yield _title(opening, records[0])
    yield from _request(opening)
    yield ""
    yield from _came(close) if close else iter(["It is still open, or its end is not in the log."])
    stalls = [one for one in records if one["type"] == "stall"]
    yield from (
        f"After {size(one['bytes_in'])} the upstream was silent for {one['silence_ms'] / 1000:.1f} s." for one in stalls[:_SHOWN]
    )
    yield from _broken(changes)
    if close:
        yield ""
        yield from _got(close)


def _title(opening: Record, first: Record) -> str:
    known = [opening.get("dialect"), opening.get("model"), "" if opening.get("mode") == "repair" else "only observed"]
    return f"Stream {visible(str(first['stream']), _NAME)}: {', '.join(visible(str(one), _NAME) for one in known if one)}"


def _request(opening: Record) -> Iterator[str]:
    if not opening:
        yield "Its beginning is not in the log."
        return
    client = f"{opening.get('client') or 'a client'} over {opening.get('client_http')}"
    where = f"{opening.get('method')} {opening.get('host')}:{opening.get('port')}{opening.get('path')}"
    answered = "not answered" if opening.get("status") is None else f"answered {opening['status']}"
    attempt = f", attempt {opening['attempt']}" if opening.get("attempt", 1) > 1 else ""
    yield visible(f"{opening['ts'][:19].replace('T', ' ')} UTC, {client}: {where}, {answered}{attempt}.", 3 * _NAME)


def _came(close: Record) -> Iterator[str]:
    times = []
    if close.get("duration_ms") is not None:
        times.append(f"in {close['duration_ms'] / 1000:.1f} s")
    if close.get("first_token_ms") is not None:
        times.append(f"the first token after {close['first_token_ms'] / 1000:.1f} s")
    if (close.get("longest_gap_ms") or 0) >= 1000:  # noqa: PLR2004 - a second
        times.append(f"the longest silence {close['longest_gap_ms'] / 1000:.1f} s")
    amount = ", ".join([plural(close["events_in"], "event"), size(close["bytes_in"]), *times])
    yield f"The upstream sent {amount}."
    detail = f" ({visible(close['detail'], _SAMPLE)})" if close.get("detail") else ""
    yield _ENDS.get(close["outcome"], visible(close["outcome"])) + detail


def _broken(changes: list[Record]) -> Iterator[str]:
    if not changes:
        yield "Nothing in it was broken, and not one byte was changed."
        return
    explained: set[str] = set()
    for number, change in enumerate(changes[:_SHOWN], 1):
        yield ""
        yield f"{number}. {_what(change)} at byte {change['in_offset']:,}: {visible(change['why'], _SAMPLE)}"
        yield from _evidence(change)
        if change["kind"] not in explained:
            yield from _meaning(change)
        explained.add(change["kind"])
    if len(changes) > _SHOWN:
        yield f"and {len(changes) - _SHOWN:,} more"


def _what(change: Record) -> str:
    kinds = ", ".join(visible(kind, _NAME) for kind in (change["kind"], *change["also"]))
    if change["type"] == "note":
        return f"Noted, {kinds},"
    done = {"repair": "Repaired", "loss": "Lost"}[change["type"]]
    return f"{done}, {kinds}," if change["applied"] else f"Not {done.lower()}, for it was only observed, {kinds},"


def _evidence(change: Record) -> Iterator[str]:
    for sign, side in (("-", "raw"), ("+", "replacement")):
        account: dict[str, Any] | None = change.get(side)
        if account and isinstance(account.get("text"), str):
            more = f" … {account['omitted']:,} bytes more" if account.get("omitted") else ""
            yield f"   {sign} {visible(account['text'], _SAMPLE)}{more}"


def _meaning(change: Record) -> Iterator[str]:
    """What the catalogue says: who would have broken on it, and why the repair is safe."""
    row = BY_KIND.get(Kind(change["kind"])) if change["kind"] in set(Kind) else None
    if row is not None:
        yield f"   Without: {row.broken}."
        yield f"   What is done: {row.repair}. Why that is safe: {row.safe}."
        yield f"   See {row.source}"


def _got(close: Record) -> Iterator[str]:
    if (status := close.get("status")) is not None and status >= 400:  # noqa: PLR2004 - an error
        ended = f"it got an error response, status {status}"
    else:
        ended = _TERMINALS.get(close["terminal"], visible(close["terminal"]))
    same = ", byte for byte what the upstream sent" if close["healthy"] else ""
    yield f"The client got {plural(close['events_out'], 'event')}, {size(close['bytes_out'])}{same}; {ended}."
    if close.get("error"):
        yield f"The error: {visible(close['error'], _SAMPLE)}"
    yield visible(close["verdict"], _SAMPLE)
