"""A recording through a session, whole or cut."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from resplice.core.events import Finding, Receipt
from resplice.core.kinds import Kind
from resplice.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resplice.cli.recordings import Recording
    from resplice.records.saved import Tick
    from resplice.session.policy import Policy

__all__ = ["Difference", "Played", "differences", "pieces", "play"]


@dataclass(frozen=True, slots=True)
class Played:
    """What a session made of a recording."""

    output: bytes
    findings: list[Finding]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a cut changed the result, which it never may."""

    at: int
    """The cut, in bytes from the beginning."""
    what: str


def pieces(data: bytes, length: int | None) -> Iterator[bytes]:
    """The data in pieces of that length; None: in one."""
    step = length or max(len(data), 1)
    return (data[at : at + step] for at in range(0, len(data), step))


def play(recording: Recording, policy: Policy, parts: Iterable[bytes]) -> Played:
    """Feed the parts, which are the recording's data however cut, and end the stream as the recording ended."""
    context = recording.context
    resumed = "starting_after=" in context.path
    session = Session(
        recording.dialect,
        replace(policy, client=recording.client),
        seed=context.stream_id,
        model=context.model,
        resumed=resumed,
        doubtful=recording.doubtful,
        choices=recording.choices,
    )
    session.is_read_by(context.client or "")
    out = list(_feed(session, parts, list(recording.account.ticks) if recording.account else []))
    if recording.undecodable is not None:
        out.append(session.fail(Kind.ENCODING_BROKEN, recording.undecodable))
    out.append(session.finish(recording.reason, detail=recording.detail))
    return Played(b"".join(out), session.take_findings(), session.receipt())


def _feed(session: Session, parts: Iterable[bytes], ticks: list[Tick]) -> Iterator[bytes]:
    """The parts, and in between, where time did something to the stream when it was live, the same ticks."""
    came, clock = 0, 0.0
    for part in parts:
        at = 0
        while ticks and ticks[0][0] <= came + len(part):
            until, last, now = ticks.pop(0)
            if until > came + at:
                yield session.receive_data(part[at : until - came], last)
                at = until - came
            yield session.tick(now)
            clock = now
        if at < len(part):
            yield session.receive_data(part[at:], ticks[0][1] if ticks else clock)
        came += len(part)


def differences(recording: Recording, policy: Policy, uncut: Played, tell: Callable[[int], None]) -> Iterator[Difference]:
    """Cut the recording in two at every byte, and yield each cut whose result is not that of the uncut one.

    ``tell`` is called with the number of cuts done so far.
    """
    data = recording.data
    for at in range(1, len(data)):
        what = _difference(uncut, play(recording, policy, (data[:at], data[at:])))
        if what:
            yield Difference(at, what)
        tell(at)


def _difference(one: Played, other: Played) -> str | None:
    if one == other:
        return None
    if one.output != other.output:
        pairs = zip(one.output, other.output, strict=False)
        place = next((at for at, (left, right) in enumerate(pairs) if left != right), None)
        place = min(len(one.output), len(other.output)) if place is None else place
        return f"the output is another from its byte {place:,} on"
    if one.findings != other.findings:
        return _findings_differ(one.findings, other.findings)
    changed = [field.name for field in fields(Receipt) if getattr(one.receipt, field.name) != getattr(other.receipt, field.name)]
    return f"the receipt differs: {', '.join(changed)}"


def _findings_differ(one: list[Finding], other: list[Finding]) -> str:
    for number, (left, right) in enumerate(zip(one, other, strict=False), 1):
        if left != right:
            return f"finding {number} is {right.kind} at byte {right.in_offset:,}, not {left.kind} at byte {left.in_offset:,}"
    return f"{len(other)} findings instead of {len(one)}"
