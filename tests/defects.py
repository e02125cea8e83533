"""Defects on purpose: an exception at any call of the product's functions, or where one returns, so that what it did is done.

The profiler of the interpreter is the tool: no list of functions has to be kept, and none can be forgotten.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple, Self


class DefectError(Exception):
    """What fails."""


class Place(NamedTuple):
    """A call of a function, or its return."""

    code: CodeType
    event: str

    def __str__(self) -> str:
        return f"{self.event} of {self.code.co_qualname}"


class Probe:
    """Watches the calls that `step` makes, of functions that `wanted` picks; raises at one of them."""

    def __init__(self, wanted: Callable[[CodeType], bool], at: int | None = None) -> None:
        self.places: list[Place] = []
        self.raised = False
        self._wanted = wanted
        self._at = at
        self._begun: dict[int, FrameType] = {}
        self._collects = gc.isenabled()

    def __enter__(self) -> Self:
        gc.disable()  # a collection calls what waits for the end of other tests' objects, in the middle of this run
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        if self._collects:
            gc.enable()

    def _look(self, frame: FrameType, event: str, _arg: Any) -> None:
        code = frame.f_code
        if event not in {"call", "return"} or not self._wanted(code):
            return
        if code.co_flags & _GENERATOR:  # it is called again each time that it goes on, and returns each time that it yields
            if event == "return" or id(frame) in self._begun:
                return
            self._begun[id(frame)] = frame
        self.places.append(Place(code, event))
        if len(self.places) - 1 == self._at:
            self.raised = True
            raise DefectError("on purpose")


_GENERATOR = 0x20


def places(run: Callable[[], Any], wanted: Callable[[CodeType], bool]) -> list[Place]:
    """All of them that a run comes by, in order."""
    with Probe(wanted) as probe:
        run()
    return probe.places


def chosen(row: list[Place], most: int) -> list[int]:
    """Which of them to try: of each place the first few times, and the last."""
    times: dict[Place, list[int]] = {}
    for number, place in enumerate(row):
        times.setdefault(place, []).append(number)
    return sorted({number for numbers in times.values() for number in [*numbers[: most - 1], numbers[-1]]})


def in_turn(row: list[Place], most: int, turn: int) -> list[int]:
    """Of each place one of the calls above, another one in each turn."""
    times: dict[Place, list[int]] = {}
    for number in chosen(row, most):
        times.setdefault(row[number], []).append(number)
    return [numbers[turn % len(numbers)] for numbers in times.values()]
