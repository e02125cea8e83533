"""A run over streams, operators and places, in several processes; and what is counted in it."""

from __future__ import annotations

import multiprocessing
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from honesty.healthy import Healthy, streams
from honesty.judge import Case, Verdict, examine
from honesty.operators import OPERATORS, Operator

DEEP_EVERY = 5
"""In every so many cases the invariants that need further sessions are tried, too."""
FEWEST = 6
"""An operator with few places is tried at so many of a stream at least."""
KEPT = 3
"""So many cases of one cause are kept to be shown."""
BAD = frozenset({Verdict.MADE, Verdict.TOLD, Verdict.LOST})


@dataclass(frozen=True)
class Selection:
    """What of all is to be run."""

    every: int = 1
    apis: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def jobs(self) -> list[tuple[str, str, int]]:
        """Streams and operators, the longest first; two at once come last, as they are the worst to look at."""
        chosen = [stream for stream in streams().values() if self._takes(stream)]
        pairs = [(stream, operator) for stream in chosen for operator in OPERATORS if self._has(operator)]
        pairs.sort(key=lambda pair: (pair[1].group == "two", -len(pair[0].body) * len(pair[1].places(pair[0]))))
        return [(stream.name, operator.name, self.every) for stream, operator in pairs]

    def _takes(self, stream: Healthy) -> bool:
        return (not self.apis or stream.api in self.apis) and (not self.names or stream.name in self.names)

    def _has(self, operator: Operator) -> bool:
        return not self.operators or operator.name in self.operators or operator.group in self.operators


@dataclass
class Tally:
    """What was counted."""

    verdicts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By (operator, stream, verdict): results."""
    alone: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By (operator, stream, `exact`, `error` or `wrong`): results without Resplice."""
    causes: Counter[tuple[str, str, tuple[str, ...]]] = field(default_factory=Counter)
    """By (verdict, API, kinds): results that are bad."""
    violations: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, str, tuple[str, ...]], list[Case]] = field(default_factory=dict)
    cases: int = 0
    weights: dict[tuple[str, str], int] = field(default_factory=dict)
    """By (operator, stream): so many places each result stands for."""

    def add(self, case: Case, api: str) -> None:
        self.cases += 1
        for result in case.results:
            self.verdicts[case.operator, case.stream, result.verdict] += 1
            self.alone[case.operator, case.stream, result.alone] += 1
        for verdict in {result.verdict for result in case.results} & BAD:
            self._cause((verdict, api, case.kinds), case, sum(result.verdict is verdict for result in case.results))
        for violation in case.violations:
            self.violations[violation] += 1
            self._cause((violation, api, case.kinds), case, 1)

    def _cause(self, key: tuple[str, str, tuple[str, ...]], case: Case, count: int) -> None:
        self.causes[key] += count
        kept = self.examples.setdefault(key, [])
        if len(kept) < KEPT:
            kept.append(case)

    def merge(self, other: Tally) -> None:
        for mine, theirs in ((self.verdicts, other.verdicts), (self.alone, other.alone), (self.causes, other.causes)):
            mine.update(theirs)  # type: ignore[arg-type]
        self.violations.update(other.violations)
        self.weights |= other.weights
        self.cases += other.cases
        for key, cases in other.examples.items():
            kept = self.examples.setdefault(key, [])
            kept += cases[: KEPT - len(kept)]


def stride(stream: Healthy, operator: Operator, every: int) -> int:
    """Every so many places are tried: fewer than asked for where there are few."""
    return max(1, min(every, len(operator.places(stream)) // FEWEST))


def places_of(stream: Healthy, operator: Operator, every: int) -> Iterator[tuple[int, bool]]:
    """Every so many places of it, from one that is drawn by the names; and whether to look deep."""
    places = operator.places(stream)
    begin = zlib.crc32(f"{stream.name} {operator.name}".encode()) % every
    for number in range(begin, len(places), every):
        yield places[number], (number // every) % DEEP_EVERY == 0


def run_one(job: tuple[str, str, int]) -> Tally:
    """One operator on one stream."""
    name, operator_name, every = job
    stream = streams()[name]
    operator = next(one for one in OPERATORS if one.name == operator_name)
    step = stride(stream, operator, every)
    tally = Tally(weights={(operator_name, name): step})
    for place, deep in places_of(stream, operator, step):
        if case := examine(stream, operator, place, deep=deep):
            tally.add(case, stream.api)
    return tally


def run(selection: Selection, workers: int) -> Tally:
    """All of it. The result does not depend on the number of workers."""
    jobs = selection.jobs()
    total = Tally()
    if workers < 2:
        for job in jobs:
            total.merge(run_one(job))
        return total
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        for tally in pool.imap(run_one, jobs, chunksize=1):
            total.merge(tally)
    return total
