"""What a row of the tables of broken streams holds."""

from __future__ import annotations

from dataclasses import dataclass

from resplice.core.kinds import Kind
from resplice.session.policy import Policy

import streams as s

A, C, R = "anthropic-messages", "openai-chat", "openai-responses"
PLAIN = Policy()
EMPTY = Policy(on=frozenset({Kind.EMPTY_DATA}))
DELTA = s.text_delta("Hel")
CHUNK = s.chat_text("Hel")


@dataclass(frozen=True)
class Exact:
    """A fault that is repaired: the client gets the events of the healthy stream."""

    name: str
    dialect: str
    wire: bytes
    healthy: bytes
    kinds: frozenset[str]
    policy: Policy = PLAIN


@dataclass(frozen=True)
class Honest:
    """A fault that destroys information: the client gets an error event."""

    name: str
    dialect: str
    wire: bytes
    kinds: frozenset[str]
    policy: Policy = PLAIN


def exact(
    name: str,
    dialect: str,
    broken: bytes,
    *kinds: str,
    of: bytes | None = None,
    whole: bytes | None = None,
    policy: Policy = PLAIN,
) -> Exact:
    """A row: `broken` stands where the healthy stream has `of`."""
    if whole is not None:
        return Exact(name, dialect, broken, whole, frozenset(kinds), policy)
    healthy = s.ALL_HEALTHY[dialect]
    part = of if of is not None else (DELTA if dialect == A else CHUNK)
    assert part in healthy, name
    return Exact(name, dialect, healthy.replace(part, broken, 1), healthy, frozenset(kinds), policy)


def honest(name: str, dialect: str, wire: bytes, *kinds: str, policy: Policy = PLAIN) -> Honest:
    return Honest(name, dialect, wire, frozenset(kinds), policy)
