"""Version 1 of the log's records, as plain dictionaries. ``schema-v1.json`` describes every field."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any, Final

from resplice import __version__
from resplice.core.events import Effect, Finding, Receipt
from resplice.records.evidence import Evidence, describe
from resplice.records.redact import clean, redact_path
from resplice.records.verdict import judge

__all__ = [
    "SCHEMA_VERSION",
    "Evidence",
    "Record",
    "StreamContext",
    "close_record",
    "encode",
    "finding_record",
    "load_schema",
    "lost_record",
    "open_record",
    "rfc3339",
    "schema_text",
    "stall_record",
]

SCHEMA_VERSION: Final = 1

type Record = dict[str, Any]

_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))

NAME_LIMIT: Final = 128
"""Characters of a name or id from the wire."""
TEXT_LIMIT: Final = 500
"""Characters of a sentence that may quote the wire."""
PATH_LIMIT: Final = 1000
USAGE_LIMIT: Final = 32
_EXACT: Final = 2**53
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What mitmproxy calls a flow: there is nothing to be taken out."""


@dataclass(frozen=True, slots=True)
class StreamContext:
    """What is known of a stream beside its bytes. No header and no prompt is in it."""

    stream_id: str
    flow_id: str
    host: str
    port: int
    method: str
    path: str
    """The query's values are taken out when it is written."""
    status: int | None
    client_http: str
    upstream_http: str
    client: str | None
    """The product token of the client's User-Agent, see ``redact.client_product``."""
    dialect: str | None
    model: str | None
    mode: str
    attempt: int = 1
    standing: str = "asked"
    """Whether the stream was ``asked`` for by its request, or ``recognised`` by an event of it."""
    source: str = "live"
    """``live``, ``saved`` (a flow loaded into mitmproxy), or ``replay`` (the command line)."""


def open_record(ctx: StreamContext, ts: float) -> Record:
    """The stream's first record, ``seq`` 0. ``ts`` is in seconds since the epoch, here and below."""
    return {
        **_head("stream.open", ctx.stream_id, ts, 0),
        "flow": ctx.flow_id if _UUID.fullmatch(ctx.flow_id) else clean(ctx.flow_id, NAME_LIMIT),
        "host": clean(ctx.host, 255),
        "port": ctx.port,
        "method": clean(ctx.method, 32),
        "path": clean(redact_path(ctx.path), PATH_LIMIT),
        "status": ctx.status,
        "client_http": clean(ctx.client_http, 16),
        "upstream_http": clean(ctx.upstream_http, 16),
        "client": _name(ctx.client),
        "dialect": ctx.dialect,
        "standing": ctx.standing,
        "model": _name(ctx.model),
        "mode": ctx.mode,
        "attempt": ctx.attempt,
        "source": ctx.source,
        "resplice": __version__,
    }


def finding_record(
    ctx: StreamContext,
    finding: Finding,
    ts: float,
    evidence: Evidence,
    applied: bool,  # noqa: FBT001 - as above
    seq: int,
) -> Record:
    """A ``repair``, ``loss`` or ``note``; ``applied`` False says that no byte was changed, as in observe mode."""
    return {
        **_head(finding.effect.value, ctx.stream_id, ts, seq),
        "dialect": ctx.dialect,
        "kind": finding.kind.value,
        "also": [kind.value for kind in finding.also],
        "why": clean(finding.why, TEXT_LIMIT),
        "applied": applied and finding.effect is not Effect.NOTE,
        "in_offset": finding.in_offset,
        "in_length": len(finding.raw),
        "out_offset": finding.out_offset,
        "out_length": len(finding.replacement),
        "evidence": evidence.value,
        "raw": describe(finding.raw, evidence),
        "replacement": describe(finding.replacement, evidence),
    }


def stall_record(
    ctx: StreamContext, ts: float, seq: int, *, silence: float, bytes_in: int, bytes_out: int, resumed: bool
) -> Record:
    """A long silence of the upstream, in seconds, and where it was. ``resumed``: the upstream spoke again."""
    return {
        **_head("stall", ctx.stream_id, ts, seq),
        "dialect": ctx.dialect,
        "silence_ms": _ms(silence),
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
        "resumed": resumed,
    }


def close_record(  # noqa: PLR0913 - all but the first three are keywords
    ctx: StreamContext,
    receipt: Receipt,
    ts: float,
    *,
    status: int | None,
    client_gone: bool,
    seq: int,
    evidence: Evidence = Evidence.SAMPLE,
    lost_records: int = 0,
) -> Record:
    """The delivery receipt.

    ``status``: of the response that the client got, None if it got none. ``client_gone``: it disconnected before the stream was
    ended. ``lost_records``: how many of this stream's records the log refused (``SidecarWriter.write`` returned False).
    """
    verdict = judge(receipt, client_gone=client_gone, source=ctx.source, mode=ctx.mode)
    return {
        **_head("stream.close", ctx.stream_id, ts, seq),
        "dialect": receipt.dialect,
        "standing": receipt.standing,
        "model": _name(receipt.model or ctx.model),
        "message_id": _name(receipt.message_id),
        "state": verdict.state.value,
        "outcome": receipt.outcome.value,
        "status": status if ctx.source == "live" else None,
        "detail": clean(receipt.detail, TEXT_LIMIT),
        "terminal": receipt.terminal,
        "stop_reason": _name(receipt.stop_reason),
        "error": _message(receipt.error, evidence),
        "healthy": receipt.healthy,
        "whole": verdict.whole,
        "delivered_whole": verdict.delivered_whole,
        "client_connected": None if ctx.source != "live" else not client_gone,
        "verdict": verdict.sentence,
        **_amounts(receipt),
        **_times(ctx, receipt, ts),
        "findings": dict(sorted(receipt.kinds.items())),
        "losses": receipt.losses,
        "socket": None if receipt.socket is None else asdict(receipt.socket),
        "lost_records": lost_records,
    }


def lost_record(*, count: int, reason: str, detail: str, since: float, ts: float, seq: int) -> Record:
    """``count`` records could not be written since ``since``. It belongs to the log, not to a stream."""
    return {
        **_head("log.lost", None, ts, seq),
        "count": count,
        "reason": reason,
        "detail": clean(detail, TEXT_LIMIT),
        "since": rfc3339(since),
    }


def encode(record: Record) -> bytes:
    """The record as one line of ASCII JSON, line end included. No control character gets through unescaped."""
    return _ENCODER.encode(record).replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) of a record, as it is packaged."""
    return resources.files("resplice.records").joinpath("schema-v1.json").read_text("utf-8")


def load_schema() -> dict[str, Any]:
    """The JSON Schema, parsed."""
    schema: dict[str, Any] = json.loads(schema_text())
    return schema


def rfc3339(ts: float) -> str:
    """Seconds since the epoch as UTC with milliseconds, e.g. ``2026-11-21T07:52:01.250Z``."""
    moment = datetime.fromtimestamp(ts, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _head(kind: str, stream: str | None, ts: float, seq: int) -> Record:
    return {"v": SCHEMA_VERSION, "type": kind, "ts": rfc3339(ts), "stream": stream, "seq": seq}


def _name(text: str | None) -> str | None:
    return None if text is None else clean(text, NAME_LIMIT)


def _message(text: str | None, evidence: Evidence) -> str | None:
    """An error's message can quote anything; whoever asked for hashes alone does not get it."""
    if text is None or evidence is not Evidence.HASH:
        return None if text is None else clean(text, TEXT_LIMIT)
    return f"[{len(text)} characters, withheld]"


def _amounts(receipt: Receipt) -> Record:
    return {
        "bytes_in": receipt.bytes_in,
        "bytes_out": receipt.bytes_out,
        "events_in": receipt.events_in,
        "events_out": receipt.events_out,
        "ledger": {
            "passed": receipt.bytes_passed,
            "replaced": receipt.bytes_replaced,
            "dropped": receipt.bytes_dropped,
            "replacement": receipt.bytes_replacement,
            "inserted": receipt.bytes_inserted,
        },
        "text_chars": receipt.text_chars,
        "tool_calls": receipt.tool_calls,
        "usage": _usage(receipt.usage),
    }


def _usage(usage: dict[str, int | float] | None) -> dict[str, int | float] | None:
    """Numbers only, and a bounded lot of them: their names come from the wire."""
    if usage is None:
        return None
    sound = [(name, number) for name, number in usage.items() if _is_count(number)]
    return {clean(name, 64): number for name, number in sound[:USAGE_LIMIT]}


def _is_count(number: object) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return -_EXACT <= number <= _EXACT  # neither infinite, nor NaN, nor beyond what JSON readers keep exactly


def _times(ctx: StreamContext, receipt: Receipt, ts: float) -> Record:
    """Durations in milliseconds. A recording has none: its bytes come all at once."""
    live = ctx.source == "live"
    since_open = {
        "first_byte_ms": receipt.first_byte_at,
        "first_token_ms": receipt.first_token_at,
        "duration_ms": receipt.closed_at,
    }
    last = receipt.last_byte_out_at
    return {
        **{name: _ms(at - receipt.opened_at) if live and at is not None else None for name, at in since_open.items()},
        "longest_gap_ms": _ms(receipt.longest_gap) if live else None,
        "stalls": receipt.stalls if live else None,
        "stalled_ms": _ms(receipt.stalled) if live else None,
        "last_byte_out": rfc3339(ts - (receipt.closed_at - last)) if live and last is not None else None,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
