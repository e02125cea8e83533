"""What is measured: one agent, one case, one series, without Resplice or with it. Kept, so that a run may be made in parts."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from typing import NamedTuple

from agents.answers import TRUTH, Case
from agents.programs import FOLDER, Agent, Shown, version
from agents.upstream import Run, Upstream
from processes import REPOSITORY, Mitmdump

KEPT = FOLDER / "cells.json"
PATIENCE = {False: 80.0, True: 30.0}
"""Seconds that an agent has for its answer, where the fault comes once, and where it comes every time."""
AT_ONCE = 3
_TRIES = 3
"""An agent whose tool is not ready when it first asks has not been shown the fault, and is asked anew."""
LOOP = 15
"""So many requests for one answer are no patience any more."""
RANKS = ("wrong run", "loops", "wrong", "twice", "goes on", "hangs", "tries on", "error", "exact")
"""What a cell may be called, the worst first."""
MEANINGS = {
    "exact": "the model's answer, and each of its calls executed once",
    "error": "the agent says that it failed",
    "tries on": "it was still asking again, ever more slowly, when it was stopped",
    "hangs": "nothing came of it until it was stopped",
    "twice": "the right answer, but a complete call of the broken stream was executed, and again when it was asked for anew",
    "goes on": "a complete call of the broken stream was executed, and the conversation goes on from its result, "
    "where a model would call what is missing",
    "wrong": "success is reported, and the answer is not the model's",
    "loops": f"more than {LOOP} requests for one answer",
    "wrong run": "a tool was executed that the model had not finished calling",
}


type Json = dict[str, object]


class Place(NamedTuple):
    """Where in the table a cell stands."""

    agent: Agent
    case: Case
    every: bool
    resplice: bool


@dataclass(frozen=True)
class Cell:
    """What came of it."""

    verdict: str
    says: str
    asked: int
    """Requests for the answer that has the fault."""
    calls: tuple[str, ...]
    seconds: float

    @property
    def rank(self) -> int:
        """The higher the better."""
        return RANKS.index(self.verdict)

    @property
    def was_stopped(self) -> bool:
        """It did not come to an end by itself."""
        return self.verdict in {"hangs", "tries on"}

    @property
    def honest(self) -> bool:
        """Nobody takes it for the answer who has none."""
        return self.rank >= RANKS.index("goes on")


class Cells:
    """Measures cells, some at once, and keeps them."""

    def __init__(self, upstream: Upstream, without: Mitmdump, with_it: Mitmdump) -> None:
        self._upstream = upstream
        self._proxies = {False: without, True: with_it}
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._lock = threading.Lock()
        self._runs = count(1)
        self._kept: dict[str, dict[str, object]] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
        self._marks = {False: _digest("tests/agents"), True: _digest("tests/agents", "addons")}
        self._futures: dict[Place, Future[Cell]] = {}

    def start(self, places: Iterable[Place]) -> None:
        """Begin to measure what is not kept."""
        for place in places:
            if place not in self._futures:
                self._futures[place] = self._pool.submit(self._cell, place)

    def __getitem__(self, place: Place) -> Cell:
        self.start([place])
        return self._futures[place].result()

    def kept(self, place: Place) -> Cell | None:
        """A cell that was measured with the same agent, the same cases and, with Resplice, the same code."""
        return self._found(self._key(place), place)

    def shown(self, place: Place) -> Cell | None:
        """The cell for the page: where this code has not been measured, the one that was measured last, with the same cases."""
        begin, mark, side = self._key(place).rsplit("/", 2)
        if not place.resplice:
            return self.kept(place)
        others = [key for key in self._kept if key.startswith(f"{begin}/") and key.endswith(f"/{side}")]
        found = (self._found(key, place) for key in (f"{begin}/{mark}/{side}", *reversed(others)))
        return next((cell for cell in found if cell is not None), None)

    def _found(self, key: str, place: Place) -> Cell | None:
        """What is kept under that key, if the fault was shown, and the agent had the time that it has today."""
        found = self._kept.get(key)
        cell = None if found is None else Cell(**found)  # type: ignore[arg-type]
        if cell is None or not cell.asked or (cell.was_stopped and cell.seconds < PATIENCE[place.every]):
            return None
        return cell

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _cell(self, place: Place) -> Cell:
        if (found := self.kept(place)) is not None:
            return found
        for _ in range(_TRIES):
            with self._lock:
                key = f"run-{next(self._runs)}"
                run = self._upstream.runs[key] = Run(place.case, place.every)
            shown = place.agent.ask(self._proxies[place.resplice], key, PATIENCE[place.every])
            if run.asked:
                break
        cell = Cell(judge(place.case, shown, run.asked), shown.says, run.asked, shown.calls, round(shown.seconds, 1))
        if not run.asked:
            return cell  # this machine is too slow for it; nothing was measured
        with self._lock:
            self._kept[self._key(place)] = asdict(cell)
            KEPT.write_text(json.dumps(self._kept, indent=0), "utf-8")
        return cell

    def _key(self, place: Place) -> str:
        agent, case, every, resplice = place
        series = "every time" if every else "once"
        return "/".join([agent.name, version(agent), case.name, series, self._marks[resplice], "with" if resplice else "without"])


def judge(case: Case, shown: Shown, asked: int) -> str:
    """How the end of a run is to be called: the first that applies."""
    calls = [json.loads(call) for call in shown.calls]
    says_it = shown.says.endswith(TRUTH) if case.calls else shown.says == TRUTH
    applies = {
        "wrong run": any(call not in case.calls for call in calls),
        "loops": asked > LOOP,
        "tries on": shown.hung and asked > 1,
        "hangs": shown.hung,
        "error": not shown.answered,
        "exact": says_it and _in_order(calls) == _in_order(case.calls),
        "twice": says_it and bool(calls) and all(call in calls for call in case.calls),
        "goes on": says_it and bool(calls) and calls == list(case.calls[: len(calls)]),
        "wrong": True,
    }
    return next(word for word, does in applies.items() if does)


def _in_order(calls: Iterable[Json]) -> list[str]:
    """Agents execute several calls at once."""
    return sorted(json.dumps(call, sort_keys=True) for call in calls)


def _digest(*folders: str) -> str:
    """Of all code in them."""
    names = sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py") if path.name not in _READERS)
    return hashlib.sha256(b"".join(path.read_bytes() for path in names)).hexdigest()[:12]


_READERS = {"table.py", "cells.py", "test_agents.py", "test_codex_websocket.py"}
"""They read what was measured, and do not change it."""
