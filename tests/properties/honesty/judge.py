"""One damaged stream: what each client reads of it, without Resplice and with it, and what is to be said of that."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Any

from honesty import strict
from honesty.clients import CLIENTS, Client, outcome
from honesty.healthy import Healthy, streams
from honesty.operators import Damaged, Operator
from resplice.core.events import Effect, Finding, Reason
from resplice.dialects import by_name
from resplice.session.session import Session

REASONS = {"clean": Reason.UPSTREAM_END, "abort": Reason.UPSTREAM_ABORT, "idle": Reason.IDLE}


class Verdict(StrEnum):
    """What a client has with Resplice."""

    EXACT = "exact"
    ERROR = "error"
    LOST = "error, alone exact"
    """And no other client would have been wrong without a word, as one that reads deltas where this one reads the last event."""
    SILENT = "wrong, nothing tells"
    TOLD = "wrong, something tells"
    MADE = "made wrong"


@dataclass(frozen=True)
class Result:
    """One client's."""

    client: str
    alone: str
    """`exact`, `error` or `wrong`."""
    verdict: Verdict
    read: Any = None


@dataclass
class Case:
    """A damaged stream and its results."""

    stream: str
    operator: str
    place: int
    damaged: Damaged
    output: bytes
    findings: list[Finding]
    results: list[Result]
    violations: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was changed, without how the stream ended."""
        return tuple(dict.fromkeys(str(finding.kind) for finding in self.findings if finding.effect is not Effect.NOTE))


@cache
def truth(stream: str, client: str) -> Any:
    healthy = streams()[stream]
    read = next(one for one in CLIENTS[healthy.api] if one.name == client)
    return outcome(read, healthy.body)


def repaired(api: str, pieces: list[bytes], end: str) -> tuple[bytes, list[Finding]]:
    """The client's bytes, and what was found."""
    session = Session(by_name(api), seed="t")
    output = b"".join([session.receive_data(piece) for piece in pieces])
    output += session.finish(REASONS[end])
    return output, session.take_findings()


def examine(stream: Healthy, operator: Operator, place: int, *, deep: bool) -> Case | None:
    """Damage a stream there, and judge. `deep`: the invariants that need further sessions, too."""
    damaged = operator.apply(stream, place)
    if damaged is None or (damaged.body == stream.body and damaged.end == "clean"):
        return None
    return judged(stream, operator.name, place, damaged, deep=deep)


def judged(stream: Healthy, operator: str, place: int, damaged: Damaged, *, deep: bool) -> Case:
    output, findings = repaired(stream.api, [damaged.body], damaged.end)
    results = [_judge(stream, client, damaged, output) for client in CLIENTS[stream.api]]
    if any(result.alone == "wrong" for result in results):  # who reads is not known: an error is right for all
        results = [replace(result, verdict=Verdict.ERROR) if result.verdict is Verdict.LOST else result for result in results]
    case = Case(stream.name, operator, place, damaged, output, findings, results)
    case.violations = list(_violations(stream, case, deep=deep))
    return case


def _judge(stream: Healthy, client: Client, damaged: Damaged, output: bytes) -> Result:
    true = truth(stream.name, client.name)
    alone = outcome(client, damaged.body, broken=damaged.end != "clean")
    with_it = outcome(client, output) if output != damaged.body or damaged.end != "clean" else alone
    said = "error" if alone is None else "exact" if alone == true else "wrong"
    if with_it is None:
        return Result(client.name, said, Verdict.LOST if said == "exact" else Verdict.ERROR)
    if with_it == true:
        return Result(client.name, said, Verdict.EXACT)
    if any(outcome(client, body) == with_it and strict.is_healthy(stream.api, body) for body in damaged.single):
        return Result(client.name, said, Verdict.SILENT, with_it)  # one was mended, the other can't be told
    if said != "wrong":
        seam = _only_parted(damaged.body, output) and strict.is_healthy(stream.api, output)
        return Result(client.name, said, Verdict.SILENT if seam else Verdict.MADE, with_it)
    silent = damaged.end == "clean" and strict.is_healthy(stream.api, damaged.body)
    return Result(client.name, said, Verdict.SILENT if silent else Verdict.TOLD, with_it)


def _only_parted(body: bytes, output: bytes) -> bool:
    """Whole frames that stood together were parted, and nothing else: that they are of two answers, nothing tells."""
    plain = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    frames = [frame for frame in output.replace(b"\r\n", b"\n").split(b"\n\n") if frame]
    return b"".join(frames).replace(b"\n", b"") == plain.replace(b"\n", b"") and all(
        frame.strip(b"\n") in plain for frame in frames
    )


def _violations(stream: Healthy, case: Case, *, deep: bool) -> Iterator[str]:
    if "internal_error" in case.kinds:
        yield "internal error"
    if _restored(case.output, case.findings) != case.damaged.body:
        yield "conservation"
    if not deep:
        return
    body = case.damaged.body
    place = random.Random(f"{case.stream} {case.operator} {case.place}").randrange(len(body) + 1)
    output, findings = repaired(stream.api, [body[:place], body[place:]], case.damaged.end)
    if output != case.output or _told(findings) != _told(case.findings):
        yield "cut-invariance"
    again, _ = repaired(stream.api, [case.output], "clean")
    if again != case.output:
        yield "idempotence"


def _told(findings: list[Finding]) -> list[tuple[Any, ...]]:
    """What is on record; pieces that were dropped or passed one behind the other count as one."""
    told: list[tuple[Any, ...]] = []
    for one in findings:
        if told and one.raw and told[-1][3] and (told[-1][1], told[-1][5], one.replacement) == (one.kind, b"", b""):
            told[-1] = (*told[-1][:3], told[-1][3] + one.raw, *told[-1][4:])
        else:
            told.append((one.effect, one.kind, one.in_offset, one.raw, one.out_offset, one.replacement))
    return told


def _restored(output: bytes, findings: list[Finding]) -> bytes | None:
    parts, at = [], 0
    for finding in findings:
        if finding.effect is Effect.NOTE:
            continue
        parts += output[at : finding.out_offset], finding.raw
        at = finding.out_offset + len(finding.replacement)
        if output[finding.out_offset : at] != finding.replacement:
            return None
    return b"".join([*parts, output[at:]])
