"""The report for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from resplice.cli.report.tally import GROUPS, STATES, Tally, largest
from resplice.cli.terminal import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resplice.cli.logs import LogReader
    from resplice.cli.report.tally import Fault, Group

__all__ = ["log_line", "seconds", "summary_line", "text_lines", "trouble_lines"]

_BARS: Final = " ▁▂▃▄▅▆▇█"
_NAME: Final = 40
_WHY: Final = 100
_WIDTH_NAMES: Final = {60: "a minute", 3600: "an hour", 24 * 3600: "a day", 7 * 24 * 3600: "a week"}


def text_lines(tally: Tally, reader: LogReader, top: int) -> Iterator[str]:
    """The whole report, line by line."""
    yield log_line(tally, reader)
    yield from trouble_lines(tally, reader)
    yield summary_line(tally)
    if not tally.all.streams:
        return
    for name in GROUPS:
        yield from _groups(name, tally.groups[name], tally.states, top)
    yield from _faults(tally, top)
    yield from _errors(tally, top)
    yield from _gaps(tally)
    yield from _timeline(tally)


def log_line(tally: Tally, reader: LogReader) -> str:
    """What was read."""
    span = f", {_when(tally.first)} to {_when(tally.last)} UTC" if tally.first else ""
    return f"{plural(len(reader.files), 'file')}, {plural(reader.records, 'record')}{span}"


def trouble_lines(tally: Tally, reader: LogReader) -> Iterator[str]:
    """What of the log could not be read, or was never written."""
    yield from reader.troubles
    if tally.lost_records:
        yield f"{plural(tally.lost_records, 'record')} could not be written when it happened: the counts are too low"


def summary_line(tally: Tally) -> str:
    """How the streams fared."""
    if not tally.all.streams:
        return "no stream has ended in this time"
    states = ", ".join(f"{tally.all.states[state]:,} {state}" for state in STATES if tally.all.states[state])
    rest = f"; {tally.unfinished:,} without an end in the log" if tally.unfinished else ""
    return f"{plural(tally.all.streams, 'stream')}: {states}{rest}"


def seconds(milliseconds: float | None) -> str:
    """A duration as a person reads it."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"  # noqa: PLR2004 - a second


def _when(ts: str) -> str:
    return visible(ts[:16].replace("T", " "))


def _groups(name: str, groups: dict[str, Group], states: Sequence[str], top: int) -> Iterator[str]:
    rows = [
        [
            visible(value, _NAME),
            f"{one.streams:,}",
            *(f"{one.states[state]:,}" if one.states[state] else "" for state in states),
            f"{one.stalls:,}" if one.stalls else "",
            seconds(one.longest_gap_ms),
            seconds(one.first_token.quantile(0.5)),
            seconds(one.first_token.quantile(0.95)),
        ]
        for value, one in largest(groups, top)
    ]
    yield from _table([f"by {name}", "streams", *states, "stalls", "longest gap", "1st token", "p95"], rows)
    yield from _more(len(groups) - top)


def _faults(tally: Tally, top: int) -> Iterator[str]:
    rows = [_fault(kind, fault) for kind, fault in tally.most_frequent(top)]
    if rows:
        yield from _table(["faults", "what", "times", "streams", "first", "last", "most at"], rows)
        yield from _more(len(tally.faults) - top)


def _fault(kind: str, fault: Fault) -> list[str]:
    host = fault.hosts.most_common(1)[0][0] if fault.hosts else ""
    return [
        visible(kind, _NAME),
        fault.what,
        f"{fault.count:,}",
        f"{fault.streams:,}",
        _when(fault.first),
        _when(fault.last),
        visible(host, _NAME),
    ]


def _errors(tally: Tally, top: int) -> Iterator[str]:
    if tally.errors:
        rows = [[visible(text, _WHY), f"{count:,}"] for text, count in tally.errors.most_common(top)]
        yield from _table(["errors", "times"], rows)
        yield from _more(len(tally.errors) - top)


def _gaps(tally: Tally) -> Iterator[str]:
    columns = tally.gaps.columns()
    most = max(count for _, count in columns)
    if most:
        rows = [[what, f"{count:,}", "█" * round(30 * count / most)] for what, count in columns if count]
        yield from _table(["longest silence", "streams", ""], rows, left=(0, 2))


def _timeline(tally: Tally) -> Iterator[str]:
    columns = tally.timeline.columns()
    if len(columns) < 2:  # noqa: PLR2004 - one column is no line
        return
    width = tally.timeline.width
    yield ""
    yield f"over time, {_WIDTH_NAMES.get(width, f'{width // 60} minutes')} a column, from {_day(columns[0][0])} UTC"
    for name in (*STATES, "stalls"):
        counts = [counted[name] for _, counted in columns]
        if any(counts):
            yield f"  {name:<9}{_line(counts)}  most {max(counts):,}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _line(counts: Sequence[int]) -> str:
    most = max(counts)
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> Iterator[str]:
    """Columns as wide as what stands in them; figures to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    yield ""
    for row in (head, *rows):
        cells = [
            text.ljust(width) if at in left else text.rjust(width) for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  ".join(cells)).rstrip()


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"… and {count:,} more; --top shows more"
