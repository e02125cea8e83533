"""What `resplice replay` tells a person."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from resplice.cli.terminal import plural, size, visible
from resplice.core.events import Effect, Finding
from resplice.records.changes import parting
from resplice.records.evidence import Evidence, describe
from resplice.records.redact import redact_text
from resplice.records.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resplice.cli.player import Difference
    from resplice.cli.recordings import Recording
    from resplice.records.schema import Record

__all__ = ["cut_lines", "differs", "lines", "told_apart", "total"]

_SHOWN: Final = 8
_OF_A_KIND: Final = 2
_SAMPLE: Final = 96
_WORD: Final = 128


def lines(recording: Recording, findings: Sequence[Finding], close: Record, *, observed: bool) -> Iterator[str]:
    """The account of one stream. ``close`` is the record of its receipt."""
    yield f"{visible(recording.label)}: {close['state']}"
    about = [f"stream {visible(str(close['stream']), _WORD)}"] if recording.account is not None else []
    about.append(", ".join(visible(str(close[name]), _WORD) for name in ("dialect", "model", "stop_reason") if close[name]))
    about.append(f"in: {size(close['bytes_in'])}, {plural(close['events_in'], 'event')}")
    if not close["healthy"]:
        about.append(f"out: {size(close['bytes_out'])}, {plural(close['events_out'], 'event')}")
    yield "  " + "; ".join(part for part in about if part)
    if recording.recalled:
        live = visible(recording.recalled, 2 * _WORD)
        yield f"  These are the bytes that the client got; when it was live the verdict was {live}."
    shown, rest = _chosen(findings)
    for finding in shown:
        yield from _finding(finding, observed=observed)
    if rest:
        kinds = ", ".join(f"{kind} ({count:,})" for kind, count in rest.most_common())
        yield f"  and {rest.total():,} more: {kinds}"
    if recording.sought and close["dialect"] is None:
        yield "  No API's stream was recognised in it. If it is one, name it with --dialect."
    else:
        yield f"  {close['verdict']}"


def _chosen(findings: Iterable[Finding]) -> tuple[list[Finding], Counter[str]]:
    """The findings to be shown, the first few of each kind, and how many more there are."""
    shown: list[Finding] = []
    seen: Counter[str] = Counter()
    rest: Counter[str] = Counter()
    for finding in findings:
        seen[finding.kind] += 1
        if seen[finding.kind] <= _OF_A_KIND and len(shown) < _SHOWN:
            shown.append(finding)
        else:
            rest[finding.kind] += 1
    return shown, rest


def _finding(finding: Finding, *, observed: bool) -> Iterator[str]:
    also = "".join(f", {kind}" for kind in finding.also)
    would = " (not applied)" if observed and finding.effect is not Effect.NOTE else ""
    yield f"  {finding.effect.value:<6} {finding.kind}{also}, byte {finding.in_offset:,}{would}"
    yield f"         {visible(redact_text(finding.why), 2 * _WORD)}"
    if finding.effect is not Effect.NOTE:
        yield from (f"         {sign} {sample}" for sign, sample in _samples(finding))


def _samples(finding: Finding) -> Iterator[tuple[str, str]]:
    """The two sides of a change, from a little before the place where they part."""
    start = parting(finding.raw, finding.replacement)
    for sign, data in (("-", finding.raw), ("+", finding.replacement)):
        account = describe(data[start:], Evidence.SAMPLE)
        if account:
            yield sign, ("…" if start else "") + visible(account["text"], _SAMPLE)


def differs(recording: Recording, close: Record) -> Iterator[str]:
    """What a stream comes to now, where that is not what it came to live."""
    if recording.account is not None and told_apart(close) != told_apart(recording.account.close):
        kinds = ", ".join(f"{count} {kind}" for kind, count in close["findings"].items())
        yield f"  Replayed, it is another: {close['state']}{f' ({kinds})' if kinds else ''}. {close['verdict']}"


def told_apart(close: Record) -> tuple[object, ...]:
    """What two runs of one stream must agree in."""
    return tuple(close[name] for name in ("state", "terminal", "findings", "losses", "events_out", "bytes_out", "text_chars"))


def cut_lines(found: Sequence[Difference], cuts: int) -> Iterator[str]:
    """The account of a replay that was cut at every byte."""
    if not found:
        yield f"  Cut at each of {plural(cuts, 'place')}: always the same output and the same findings."
        return
    yield f"  {len(found):,} of {plural(cuts, 'cut')} change the result, which is a defect of Resplice:"
    yield from (f"    cut at byte {one.at:,}: {one.what}" for one in found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"    and {len(found) - _SHOWN:,} more"


def total(states: Iterable[str]) -> str:
    """The last line, over all streams."""
    counted = Counter(states)
    words = [f"{counted[word]} {word}" for word in State if counted[word]]
    return f"{plural(sum(counted.values()), 'stream')}: {', '.join(words)}"
