"""The changes of one stream in plain types, so that they can stay with a saved flow.

From them and the client's body the upstream's body can be had again: both sides of a stream are kept at the price of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from resplice.core.events import Effect, Finding
from resplice.records.redact import clean

__all__ = ["Change", "Stretch", "account", "client_side", "parting", "stretches", "upstream_side"]

type Change = Mapping[str, Any]

_WHY: Final = 500
_BEFORE: Final = 32


def account(finding: Finding, *, applied: bool, limit: int) -> dict[str, Any]:
    """One finding in plain types: ``raw`` became ``new``, at these offsets of the two bodies; or would have.

    Of either, the first ``limit`` bytes are kept.
    """
    return {
        "applied": applied and finding.effect is not Effect.NOTE,
        "effect": finding.effect.value,
        "kind": finding.kind.value,
        "also": [kind.value for kind in finding.also],
        "why": clean(finding.why, _WHY),
        "in": finding.in_offset,
        "out": finding.out_offset,
        "raw": finding.raw[:limit],
        "new": finding.replacement[:limit],
        "in_length": len(finding.raw),
        "out_length": len(finding.replacement),
    }


class Stretch(NamedTuple):
    """A run of bytes that passed, or a change."""

    passed: bytes
    """What went through as it came; empty for a change."""
    change: Change | None
    offset: int
    """In the client's body."""


def stretches(body: bytes, changes: Sequence[Change]) -> Iterator[Stretch]:
    """The client's body as a row of what passed and what was changed, in order. What was not applied is no stretch.

    A change that does not fit the body (it was cut off, or is another flow's) ends the row: the rest counts as passed.
    """
    at = 0
    for change in changes:
        start, new = change["out"], change["new"]
        if not change["applied"]:
            continue
        if start < at or body[start : start + len(new)] != new:
            break
        if start > at:
            yield Stretch(body[at:start], None, at)
        yield Stretch(b"", change, start)
        at = start + change["out_length"]
    if at < len(body):
        yield Stretch(body[at:], None, at)


def upstream_side(body: bytes, changes: Sequence[Change]) -> bytes | None:
    """What the upstream sent, from what the client got; None where too little was kept, or the two do not belong together."""
    applied = [change for change in changes if change["applied"]]
    if any(len(change["raw"]) < change["in_length"] or len(change["new"]) < change["out_length"] for change in applied):
        return None
    row = list(stretches(body, changes))
    if sum(one.change is not None for one in row) < len(applied):
        return None
    return b"".join(one.passed if one.change is None else one.change["raw"] for one in row)


def client_side(body: bytes, changes: Sequence[Change]) -> bytes:
    """What the client got, from what the upstream sent and all of the changes."""
    out, at = [], 0
    for change in changes:
        if change["applied"] and change["in"] >= at:
            out += [body[at : change["in"]], change["new"]]
            at = change["in"] + change["in_length"]
    return b"".join([*out, body[at:]])


def parting(one: bytes, other: bytes) -> int:
    """A place a little before the one where two byte strings part, from which on they are worth being shown."""
    length = min(len(one), len(other))
    same = next((at for at in range(length) if one[at] != other[at]), length)
    return max(same - _BEFORE, 0) if same > 2 * _BEFORE else 0
