"""What goes through the proxy to the real SDKs: every broken stream that there is, with its exact answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

if __package__ in {None, ""}:  # pragma: no cover - for scripts
    import sys

    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from e2e import fault_files
from resplice.core.catalogue import BY_KIND, GROUPS
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.policy import Policy
from scenarios import HEALTHY, SCENARIOS, End, Scenario

import form_faults
from faults import EXACT, HONEST, Exact, Honest

if TYPE_CHECKING:
    from sdk_answers import Answer

_MINTED: Final = re.compile(rb'"(?:call|toolu)_t_')
TRANSPORT: Final = "Connections, and scenes of the demo"


@dataclass(frozen=True)
class Case:
    """One broken stream."""

    name: str
    dialect: str
    group: str
    scenario: Scenario
    healthy: Scenario | None = None
    """The stream whose answer is the exact one; none where only an error is honest."""
    answer: Answer | None = None
    """The exact answer, where there is no such stream."""
    kind: str = ""
    mints: bool = False
    """Ids of tool calls are minted, and differ from one stream to the next."""
    error_is_enough: bool = False
    policy: Policy = field(default_factory=Policy)

    @property
    def is_beside(self) -> bool:
        """It is none of our own."""
        return self.scenario.name.startswith("file/")

    @property
    def has_truth(self) -> bool:
        return self.healthy is not None or self.answer is not None


def options(policy: Policy) -> dict[str, str]:
    """The options that make this policy."""
    plain = Policy()
    changed = {
        one.name: getattr(policy, one.name) for one in fields(policy) if getattr(policy, one.name) != getattr(plain, one.name)
    }
    return {
        f"resplice_{name}": ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)
        for name, value in changed.items()
    }


def own() -> list[Case]:
    """The rows of the tables of faults."""
    healthy: dict[bytes, Scenario] = {}
    lines = [row for row in [*form_faults.EXACT, *form_faults.HONEST] if row.dialect == form_faults.OL]
    return [_of_row(number, row, healthy) for number, row in enumerate([*EXACT, *HONEST, *lines])]


def _of_row(number: int, row: Exact | Honest, healthy: dict[bytes, Scenario]) -> Case:
    truth = None
    if isinstance(row, Exact):
        name = f"healthy/{len(healthy)}"
        truth = healthy.setdefault(row.healthy, served(name, row.dialect, row.healthy))
    first = min(row.kinds, key=list(Kind).index)
    group = GROUPS[BY_KIND[Kind(first)].group]
    mints = isinstance(row, Exact) and _MINTED.search(row.healthy) is not None  # as a session with the seed of the unit tests does
    return Case(
        row.name,
        row.dialect,
        group,
        served(f"own/{number}", row.dialect, row.wire),
        truth,
        kind=first,
        mints=mints,
        policy=row.policy,
    )


def served(name: str, dialect: str, body: bytes) -> Scenario:
    """A body as its API serves it."""
    media = by_name(dialect).wire.media_types[0]
    return Scenario(name, dialect, "", (body,) if body else (), headers=(("content-type", media),))


def scenes() -> list[Case]:
    """The faulty upstream's scenarios, but for the one that never ends."""
    healthy = {one.name: one for one in SCENARIOS}
    broken = [one for one in SCENARIOS if one.end is not End.HANG and one not in HEALTHY]
    return [Case(one.name, one.dialect, TRANSPORT, one, healthy.get(one.truth)) for one in broken]


def beside() -> list[Case]:
    """The single-fault streams that lie beside this repository; none where they are absent."""
    return [
        Case(
            name,
            fault_files.dialect(name),
            fault_files.group(name),
            served(f"file/{name}", fault_files.dialect(name), body),
            answer=fault_files.truth(name),
            error_is_enough=name in fault_files.HONEST_IS_ENOUGH,
            policy=Policy(on=frozenset({fault_files.GUESSES[name]})) if name in fault_files.GUESSES else Policy(),
        )
        for name, body in fault_files.streams().items()
    ]
