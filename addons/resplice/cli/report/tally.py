"""What a log's records add up to, in bounded memory however long the log is."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from resplice.cli.report.measures import Histogram, Timeline
from resplice.records.states import State, state_of_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resplice.cli.logs import LogReader
    from resplice.records.schema import Record

__all__ = ["STATES", "Fault", "Group", "Tally"]

STATES: Final = tuple(state.value for state in State if state is not State.OPEN)
"""In the order in which they are shown."""
_SOUGHT: Final = frozenset({State.HEALTHY.value, State.REPAIRED.value, State.FAILED.value})
GROUPS: Final = ("dialect", "host", "model", "client", "outcome")
_MAX_NAMES: Final = 500
"""Hosts, models, messages and the like are told apart up to so many; the rest are counted together."""
_MAX_OPEN: Final = 100_000
_REST: Final = "(others)"
_NONE: Final = "(not known)"


@dataclass(slots=True)
class Group:
    """Streams that have something in common."""

    states: Counter[str] = field(default_factory=Counter)
    findings: int = 0
    losses: int = 0
    stalls: int = 0
    longest_gap_ms: float = 0.0
    first_token: Histogram = field(default_factory=Histogram)

    @property
    def streams(self) -> int:
        """How many."""
        return self.states.total()

    def add(self, state: str, close: Record) -> None:
        """Count a finished stream."""
        self.states[state] += 1
        self.findings += sum(close.get("findings", {}).values())
        self.losses += close.get("losses") or 0
        self.stalls += close.get("stalls") or 0
        self.longest_gap_ms = max(self.longest_gap_ms, close.get("longest_gap_ms") or 0.0)
        if (first := close.get("first_token_ms")) is not None:
            self.first_token.add(first)

    def as_json(self) -> dict[str, Any]:
        """In plain types."""
        return {
            "streams": self.streams,
            **{state: self.states[state] for state in STATES},
            "findings": self.findings,
            "losses": self.losses,
            "stalls": self.stalls,
            "longest_gap_ms": self.longest_gap_ms,
            "first_token_ms": {"p50": self.first_token.quantile(0.5), "p95": self.first_token.quantile(0.95)},
        }


@dataclass(slots=True)
class Fault:
    """One kind of fault."""

    effect: str
    count: int = 0
    applied: int = 0
    """How often bytes were changed for it. In observe mode they are not."""
    streams: int = 0
    first: str = ""
    last: str = ""
    hosts: Counter[str] = field(default_factory=Counter)
    example: Record | None = None
    """The first record of it."""

    @property
    def what(self) -> str:
        """What was done about it, in a word or two."""
        if self.effect == "repair" and not self.applied:
            return "not repaired"
        return {"repair": "repaired", "loss": "lost", "note": "noted"}.get(self.effect, self.effect)

    def as_json(self) -> dict[str, Any]:
        """In plain types."""
        example = None
        if self.example is not None:
            example = {key: self.example.get(key) for key in ("ts", "stream", "seq", "why", "raw", "replacement")}
        return {
            "effect": self.effect,
            "count": self.count,
            "applied": self.applied,
            "streams": self.streams,
            "first": self.first,
            "last": self.last,
            "hosts": dict(self.hosts.most_common(5)),
            "example": example,
        }


class Tally:
    """Adds records up."""

    def __init__(self, *, since: str | None = None, until: str | None = None, host: str | None = None) -> None:
        self._since, self._until, self._host = since, until, host
        self._open: OrderedDict[str, Record] = OrderedDict()
        self.all = Group()
        self.groups: dict[str, dict[str, Group]] = {name: {} for name in GROUPS}
        self.faults: dict[str, Fault] = {}
        self.errors: Counter[str] = Counter()
        self.gaps = Histogram()
        self.timeline = Timeline()
        self.first, self.last = "", ""
        self.lost_records = 0
        """Records that the log itself says it could not write."""

    @property
    def states(self) -> list[str]:
        """The states that occur, in order; those that a reader looks for are always among them."""
        return [state for state in STATES if self.all.states[state] or state in _SOUGHT]

    @property
    def unfinished(self) -> int:
        """Streams whose end is not in the log."""
        return len(self._open)

    def add(self, record: Record) -> None:
        """Take one record."""
        ts, kind = str(record.get("ts", "")), record["type"]
        if kind == "stream.open":
            self._opened(record)
        if (self._since and ts < self._since) or (self._until and ts > self._until):
            return
        if kind == "log.lost":
            self.lost_records += record.get("count") or 0
        elif self._wanted(record):
            if kind == "stream.close":
                self._closed(record, ts)
            elif kind in {"repair", "loss", "note"}:
                self._found(record, ts)
            elif kind == "stall":
                self.timeline.add(ts, "stalls")
        else:
            return
        self.first, self.last = min(self.first or ts, ts), max(self.last, ts)

    def _wanted(self, record: Record) -> bool:
        return self._host is None or self._host_of(record) == self._host

    def _host_of(self, record: Record) -> str:
        return str(self._open.get(str(record.get("stream")), {}).get("host") or _NONE)

    def _opened(self, record: Record) -> None:
        if self._host is None or record.get("host") == self._host:
            self._open[str(record["stream"])] = {key: record.get(key) for key in ("host", "client")}
            if len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)

    def _found(self, record: Record, ts: str) -> None:
        for kind in (record["kind"], *record.get("also", ())):
            fault = self.faults.get(kind) or self.faults.setdefault(_bounded(str(kind), self.faults), Fault(record["type"]))
            fault.count += 1
            fault.applied += record["applied"] is True
            fault.first, fault.last = fault.first or ts, ts
            fault.hosts[_bounded(self._host_of(record), fault.hosts)] += 1
            if fault.example is None:
                fault.example = record

    def _closed(self, record: Record, ts: str) -> None:
        state = state_of_record(record).value
        known = self._open.pop(str(record["stream"]), {})
        self.all.add(state, record)
        for name, groups in self.groups.items():
            value = str(known.get(name) or record.get(name) or _NONE)
            _group(groups, value).add(state, record)
        for kind in record.get("findings", {}):
            if kind in self.faults:
                self.faults[kind].streams += 1
        if error := record.get("error"):
            self.errors[_bounded(str(error), self.errors)] += 1
        if (gap := record.get("longest_gap_ms")) is not None:
            self.gaps.add(gap)
        self.timeline.add(ts, state)

    def as_json(self, reader: LogReader) -> dict[str, Any]:
        """All of it, in plain types."""
        return {
            "report": 1,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "log": {
                "files": len(reader.files),
                "records": reader.records,
                "damaged_lines": reader.damaged,
                "newer_records": reader.newer,
                "lost_records": self.lost_records,
                "first": self.first,
                "last": self.last,
            },
            "all": self.all.as_json(),
            "unfinished": self.unfinished,
            "by": {
                name: {value: group.as_json() for value, group in largest(groups, len(groups))}
                for name, groups in self.groups.items()
            },
            "faults": {kind: fault.as_json() for kind, fault in self.most_frequent(len(self.faults))},
            "errors": dict(self.errors.most_common()),
            "gaps_ms": self.gaps.as_json(),
            "timeline": self.timeline.as_json(),
        }

    def most_frequent(self, count: int) -> list[tuple[str, Fault]]:
        """The most frequent faults."""
        return sorted(self.faults.items(), key=lambda item: (-item[1].count, item[0]))[:count]


def _bounded(name: str, known: Mapping[str, object]) -> str:
    """The name, or where there are too many already, the one of all the rest."""
    return name if name in known or len(known) < _MAX_NAMES else _REST


def _group(groups: dict[str, Group], value: str) -> Group:
    """The group of that name, or the one of all the rest."""
    name = _bounded(value, groups)
    if name not in groups:
        groups[name] = Group()
    return groups[name]


def largest(groups: dict[str, Group], count: int) -> list[tuple[str, Group]]:
    """The groups with the most streams."""
    return sorted(groups.items(), key=lambda item: (-item[1].streams, item[0]))[:count]
