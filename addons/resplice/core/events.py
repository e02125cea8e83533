"""What the core hands upwards: findings, and the vocabulary they are told in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from resplice.core.kinds import Kind


class Effect(StrEnum):
    """What a finding means for the client."""

    REPAIR = "repair"
    """Bytes were changed, dropped or added, and no information was lost."""

    LOSS = "loss"
    """The upstream destroyed information. What was left of it was dropped, replaced or passed raw."""

    NOTE = "note"
    """Worth a record; no byte was touched."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found in a stream, and what was done about it.

    The client's bytes are the upstream's, except that for every finding whose effect is not NOTE the
    ``len(raw)`` bytes at ``in_offset`` became ``replacement``, which starts at ``out_offset`` of the output.
    An insertion has an empty ``raw``; a drop has an empty ``replacement``.
    """

    effect: Effect
    kind: Kind
    in_offset: int
    """Absolute offset in the upstream's (decoded) body, in bytes."""
    raw: bytes
    out_offset: int
    """Absolute offset in the client's body, in bytes."""
    replacement: bytes
    why: str
    """One sentence for a person; holds nothing from the wire but names of events, fields and ids."""
    also: tuple[Kind, ...] = ()
    """Further kinds that were repaired within the same bytes."""


class Reason(StrEnum):
    """Why a stream came to its end."""

    COMPLETE = "complete"
    """The terminal event had been seen when the upstream ended the body, or left it open for no reason."""
    UPSTREAM_END = "upstream_end"
    """The upstream ended the body properly, but without the terminal event."""
    UPSTREAM_ABORT = "upstream_abort"
    """The upstream's connection or stream broke in the middle of the body."""
    CLIENT_DISCONNECT = "client_disconnect"
    CLIENT_STALLED = "client_stalled"
    """The client stayed, but stopped reading, until too much waited for it; the stream was broken off by us."""
    IDLE = "idle"
    """The upstream fell silent, or sent nothing but keepalives, for too long; the stream was ended by us."""
    HEADERS_TIMEOUT = "headers_timeout"
    """The answer's headers did not come in time; the client got a 504."""
    RETRIED = "retried"
    """The attempt failed before a byte of it had gone to the client, and the request was sent again."""
    REFUSED = "refused"
    """The request had been sent again, and the last answer is an error status, or no stream; the client got it as it came."""
    KILLED = "killed"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Stall:
    """A long silence of the upstream, and where in the stream it was."""

    silence: float
    """Seconds."""
    bytes_in: int
    bytes_out: int
    resumed: bool
    """The upstream spoke again."""


@dataclass(frozen=True, slots=True)
class SocketReceipt:
    """What is told of a WebSocket, beside what is told of any stream."""

    close_code: int | None
    """None or 1006: the connection was broken off."""
    closed_by_client: bool
    client_messages: int
    responses: int
    """How many responses began."""
    unfinished: int
    """How many were asked for, or began, and did not end."""
    failed: int
    """How many ended, and were said to have failed."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The delivery receipt: what went through a stream, from first byte to last. Times are seconds on the caller's clock."""

    dialect: str | None
    outcome: Reason
    detail: str
    """What the transport said about the end, e.g. an error message; may be empty."""
    healthy: bool
    """True when not one byte was changed, dropped or added."""
    terminal: str
    """``seen``, ``synthesised``, ``error`` (an error event ended the stream), or ``missing``."""
    stop_reason: str | None
    error: str | None
    """Message of the error event that ended the stream, whether the upstream's or ours."""
    message_id: str | None
    model: str | None
    bytes_in: int
    bytes_out: int
    events_in: int
    events_out: int
    bytes_passed: int
    bytes_replaced: int
    bytes_dropped: int
    bytes_replacement: int
    bytes_inserted: int
    text_chars: int
    tool_calls: int
    usage: dict[str, int | float] | None
    kinds: dict[str, int]
    """How many repairs, losses and notes, by kind."""
    losses: int
    repairs: int
    """How many repairs, heartbeats aside."""
    opened_at: float
    first_byte_at: float | None
    first_token_at: float | None
    last_byte_in_at: float | None
    last_byte_out_at: float | None
    longest_gap: float
    """Longest silence of the upstream, from opening to the end."""
    closed_at: float
    stalls: int
    """How many long silences there were, the last one included."""
    stalled: float
    """How long they were together."""
    standing: str = "asked"
    """How well it is known that the stream is of its API: ``asked``, ``recognised``, ``unknown``."""
    error_status: int | None = None
    """Status of the error response that the client got in place of the stream."""
    socket: SocketReceipt | None = None
    """None: the stream was the body of an HTTP response."""
