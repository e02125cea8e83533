"""What a run found, as tables and as cases to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from honesty.clients import CLIENTS, outcome
from honesty.healthy import streams
from honesty.judge import Case, Verdict, truth
from honesty.operators import OPERATORS
from honesty.runs import Tally

_AROUND = 70
_FINDINGS = 4
"""So many are shown: of an error the first ones tell."""
_COLUMNS = tuple(Verdict)


def table(tally: Tally, title: str, key: Callable[[str, str], str], order: list[str]) -> Iterator[str]:
    """Results by operator, or by API."""
    rows: dict[str, Counter[str]] = {}
    for (operator, stream, verdict), count in tally.verdicts.items():
        rows.setdefault(key(operator, stream), Counter())[verdict] += count * tally.weights[operator, stream]
    yield f"| {title} | results | " + " | ".join(_COLUMNS) + " |"
    yield "|---|" + "---:|" * (1 + len(_COLUMNS))
    total: Counter[str] = Counter()
    for name in order:
        if name in rows:
            yield _row(name, rows[name])
            total.update(rows[name])
    yield _row("**all**", total)


def _row(name: str, counts: Counter[str]) -> str:
    results = sum(counts.values())
    return f"| {name} | {results:,} | " + " | ".join(_share(counts[verdict], results) for verdict in _COLUMNS) + " |"


def _share(count: int, of: int) -> str:
    if not count:
        return "0"
    return f"{count:,} ({100 * count / of:.2f} %)"


def report(tally: Tally) -> str:
    """All tables, in Markdown."""
    operators = [operator.name for operator in OPERATORS]
    apis = list(CLIENTS)
    lines = [*table(tally, "operator", lambda operator, _: operator, operators), ""]
    lines += [*table(tally, "API", lambda _, stream: streams()[stream].api, apis), ""]
    lines += ["| | API | repairs | results |", "|---|---|---|---:|"]
    for (verdict, api, kinds), count in sorted(tally.causes.items(), key=lambda one: (-one[1], one[0]))[:60]:
        lines.append(f"| {verdict} | {api} | {', '.join(kinds) or '(none)'} | {count:,} |")
    return "\n".join(lines) + "\n"


def summary(tally: Tally) -> str:
    """One line of the whole."""
    counts: Counter[str] = Counter()
    for (operator, stream, verdict), count in tally.verdicts.items():
        counts[verdict] += count * tally.weights[operator, stream]
    results = sum(counts.values()) or 1
    alone: Counter[str] = Counter()
    for (operator, stream, said), count in tally.alone.items():
        alone[said] += count * tally.weights[operator, stream]
    told = ", ".join(f"{verdict} {_share(counts[verdict], results)}" for verdict in _COLUMNS)
    before = ", ".join(f"{said} {_share(alone[said], results)}" for said in ("exact", "error", "wrong"))
    broken = ", ".join(f"{name} {count}" for name, count in sorted(tally.violations.items())) or "none"
    return (
        f"{tally.cases:,} damaged streams were tried; they stand for {results:,} results: {told}.\n"
        f"Without Resplice: {before}.\nInvariants broken: {broken}."
    )


def show(tally: Tally, wanted: str, limit: int) -> Iterator[str]:
    """The causes of one verdict with a case of each, the most frequent first."""
    causes = [(count, key) for key, count in tally.causes.items() if key[0] == wanted]
    for count, key in sorted(causes, key=lambda one: (-one[0], one[1]))[:limit]:
        yield f"\n== {count} x {key[1]}: {', '.join(key[2]) or '(nothing changed)'}"
        for case in tally.examples[key][:2]:
            yield from _case(case, wanted)


def look_at(case: Case) -> Iterator[str]:
    """One case, whatever its verdict."""
    for result in case.results:
        yield f"{result.client}: alone {result.alone}, with Resplice {result.verdict}"
    for wanted in dict.fromkeys(result.verdict for result in case.results):
        yield from _case(case, wanted)
    yield from (f"violated: {name}" for name in case.violations)


def _case(case: Case, wanted: str) -> Iterator[str]:
    healthy = streams()[case.stream]
    body = case.damaged.body
    at = _first_difference(healthy.body, body)
    yield f"-- {case.stream!r}, {case.operator!r} at {case.place}, end {case.damaged.end}"
    yield f"   damaged: {body[max(0, at - _AROUND) : at + _AROUND]!r}"
    out = _first_difference(body, case.output)
    yield (
        f"   output:  {case.output[max(0, out - _AROUND) : out + _AROUND]!r}" if out < len(case.output) else "   output: as it came"
    )
    for finding in case.findings[:_FINDINGS]:
        yield f"   {finding.effect} {finding.kind} at {finding.in_offset}: {finding.why}"
    for result in case.results:
        if result.verdict == wanted:
            difference = _difference(truth(case.stream, result.client), _read(case, result.client))
            yield f"   {result.client}, alone {result.alone}: {difference}"


def _read(case: Case, name: str) -> object:
    client = next(one for one in CLIENTS[streams()[case.stream].api] if one.name == name)
    return outcome(client, case.output)


def _difference(true: object, read: object) -> str:
    """Where two answers part."""
    one, two = repr(true), repr(read)
    at = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    begin = max(0, at - 30)
    return f"true …{one[begin : at + 50]}… read …{two[begin : at + 50]}…"


def _first_difference(one: bytes, two: bytes) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
