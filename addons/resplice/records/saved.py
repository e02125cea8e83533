"""What of a stream's run stays with its flow, in plain types: written when the stream ends, read when the flow comes from a file.

Nothing in a file can be relied on: what is not as it should be counts as not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from resplice.core.events import Effect, Finding, Reason
from resplice.core.kinds import Kind
from resplice.records.changes import Change, client_side, upstream_side
from resplice.records.check import is_record
from resplice.records.schema import Record
from resplice.records.states import State
from resplice.session.policy import Policy

__all__ = ["CHANGES", "RUN", "VERDICT", "Account", "Tick", "account_of", "both_sides", "changes_of", "run_of", "verdict_of"]

VERDICT: Final = "resplice"
"""Where a flow's metadata holds the stream's account of itself."""
CHANGES: Final = "resplice_changes"
"""Where it holds what was changed."""
RUN: Final = "resplice_run"
"""Where it holds the records, and what else is needed for the same run once more."""

type Tick = tuple[int, float, float]
"""A tick that did something: how many bytes had come, when the last of them, and its own time, in seconds since the opening."""

_VERDICT_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "state": str,
    "summary": str,
    "stream": str,
    "dialect": str,
    "model": str,
    "mode": str,
    "outcome": str,
    "findings": dict,
    "repairs": int,
    "losses": int,
    "verdict": (str, type(None)),
}
_CHANGE_TYPES: Final[dict[str, type]] = {
    "applied": bool,
    "effect": str,
    "kind": str,
    "also": list,
    "why": str,
    "in": int,
    "out": int,
    "raw": bytes,
    "new": bytes,
    "in_length": int,
    "out_length": int,
}
_UNREPEATABLE: Final = frozenset({Kind.ATTEMPT_DROPPED.value, Kind.INTERNAL_ERROR.value})


def verdict_of(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The verdict that a flow carries; None where it carries none."""
    found = metadata.get(VERDICT)
    if not isinstance(found, dict) or not _fits(found, _VERDICT_TYPES) or found["state"] not in State:
        return None
    counts = found["findings"].items()
    return found if all(isinstance(kind, str) and isinstance(count, int) for kind, count in counts) else None


def changes_of(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The changes that a flow carries."""
    found = metadata.get(CHANGES)
    if not isinstance(found, list | tuple):
        return []
    sound = all(isinstance(one, dict) and _fits(one, _CHANGE_TYPES) and one["effect"] in Effect for one in found)
    return list(found) if sound and all(isinstance(kind, str) for one in found for kind in one["also"]) else []


def _fits(found: Mapping[str, Any], types: Mapping[str, type | tuple[type, ...]]) -> bool:
    return all(isinstance(found.get(name), kind) for name, kind in types.items())


def run_of(policy: Policy, records: Sequence[Record], ticks: Sequence[Tick]) -> dict[str, Any]:
    """A run in plain types."""
    chosen = {one.name: getattr(policy, one.name) for one in fields(Policy) if getattr(policy, one.name) != one.default}
    return {
        "records": list(records),
        "policy": {name: sorted(map(str, value)) if isinstance(value, frozenset) else value for name, value in chosen.items()},
        "ticks": [list(tick) for tick in ticks],
    }


@dataclass(frozen=True, slots=True)
class Account:
    """A stream's live run, as a saved flow tells it."""

    stream: str
    dialect: str
    client: bytes
    """What the client got."""
    upstream: bytes | None
    """What the upstream sent; None where too little is kept."""
    findings: list[Finding]
    records: list[Record]
    """As the log had them; the first is the opening, the last one the receipt."""
    policy: Policy
    reason: Reason
    detail: str
    ticks: list[Tick]
    undecodable: str | None
    """Why the upstream's body could not be decoded beyond what came."""

    @property
    def close(self) -> Record:
        """The receipt."""
        return self.records[-1]

    @property
    def repeatable(self) -> bool:
        """The same bytes can be put through a session once more."""
        kinds = {str(kind) for kind in self.close["findings"]}
        return self.upstream is not None and self.close["status"] in {200, None} and not kinds & _UNREPEATABLE


def account_of(metadata: Mapping[str, Any], body: bytes | None) -> Account | None:
    """The live run of a stream whose flow came from a file; None where the flow does not tell, or was not live."""
    verdict, changes = verdict_of(metadata), changes_of(metadata)
    if verdict is None or verdict.get("source") != "live" or not isinstance(metadata.get(RUN), dict):
        return None
    try:
        return _account(verdict, changes, metadata[RUN], body or b"")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        return None


def _account(verdict: dict[str, Any], changes: list[dict[str, Any]], run: dict[str, Any], body: bytes) -> Account:
    records = [dict(record) for record in run["records"]]
    opening, close = records[0], records[-1]
    own = opening["type"] == "stream.open" and close["type"] == "stream.close" and close["stream"] == verdict["stream"]
    if not own or not all(map(is_record, records)):
        raise ValueError("the records are not those of one stream")
    client, upstream = both_sides(verdict, changes, body)
    whole = upstream is not None and len(upstream) == close["bytes_in"]
    broken = (change["why"] for change in changes if change["kind"] == Kind.ENCODING_BROKEN)
    return Account(
        stream=verdict["stream"],
        dialect=verdict["dialect"],
        client=client,
        upstream=upstream if whole else None,
        findings=[_finding(change) for change in changes],
        records=records,
        policy=_policy(run["policy"]),
        reason=Reason.UPSTREAM_END if close["outcome"] == Reason.COMPLETE and not close["detail"] else Reason(close["outcome"]),
        detail=str(close["detail"]),
        ticks=[_tick(*tick) for tick in run["ticks"]],
        undecodable=next(broken, None),
    )


def both_sides(verdict: Mapping[str, Any], changes: Sequence[Change], body: bytes) -> tuple[bytes, bytes | None]:
    """What the client got, and what the upstream sent or None, of a stream whose flow holds one of the two."""
    if verdict.get("mode") == "observe":
        return body, body
    if verdict.get("body") == "upstream":
        return client_side(body, changes), body
    known = verdict.get("kept_bytes") is None and verdict.get("changes_kept") is True
    return body, upstream_side(body, changes) if known else None


def _finding(change: Mapping[str, Any]) -> Finding:
    also = tuple(Kind(kind) for kind in change["also"])
    effect, kind = Effect(change["effect"]), Kind(change["kind"])
    return Finding(effect, kind, change["in"], change["raw"], change["out"], change["new"], change["why"], also)


def _policy(chosen: Mapping[str, Any]) -> Policy:
    default = Policy()
    read: dict[str, Any] = {}
    for name, value in chosen.items():
        usual = getattr(default, name)
        read[name] = frozenset(map(Kind, value)) if isinstance(usual, frozenset) else type(usual)(value)
    return Policy(**read)


def _tick(came: float, last: float, now: float) -> Tick:
    if not (math.isfinite(last) and math.isfinite(now)):
        raise ValueError("a time without end")
    return int(came), float(last), float(now)
