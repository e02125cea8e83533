"""The dialects, as one table, and how a request tells which one it asks for."""

from __future__ import annotations

import json
from typing import Final

from resplice.core.wire import SSE, Wire
from resplice.dialects import (
    anthropic_messages,
    bedrock,
    gemini,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
)
from resplice.dialects.dialect import Dialect, Facts, Json, Role, by_member

__all__ = ["DIALECTS", "Dialect", "Facts", "Json", "Role", "by_name", "for_frame", "for_request", "wants_stream"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    openai_chat.DIALECT,
    openai_completions.DIALECT,
    openai_responses.DIALECT,
    anthropic_messages.DIALECT,
    gemini.DIALECT,
    gemini.ARRAY,
    ollama.DIALECT,
    bedrock.INVOKE,
    bedrock.CONVERSE,
)


def by_name(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        KeyError: there is none; the message lists those that exist.

    """
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    known = ", ".join(dialect.name for dialect in DIALECTS)
    raise KeyError(f"unknown dialect {name!r}; known are: {known}")


def for_request(path: str, body: bytes | None) -> Dialect | None:
    """The dialect that a request asks for, by the end of its path; None if the path says nothing or the body contradicts it.

    The path may carry any prefix (a gateway's mount point, a deployment) and a query. A body that is JSON
    must have the keys that the API demands, so that another service's `/messages` is left alone.
    """
    plain, _, query = path.partition("?")
    request = _json_object(body)
    for dialect in DIALECTS:
        if any(pattern.search(plain) for pattern in dialect.paths) and (dialect.query is None or dialect.query.search(query)):
            return dialect if request is None or _fits(request, dialect) else None
    return None


def _fits(request: dict[str, Json], dialect: Dialect) -> bool:
    return not dialect.request_keys or bool(request.keys() & (dialect.request_keys | {"model", "prompt"}))


def wants_stream(dialect: Dialect | None, path: str, body: bytes | None) -> bool | None:
    """Whether a request asks for a stream, by its dialect's rules; None if it can't be told."""
    return (dialect.wants_stream if dialect else by_member)(path, _json_object(body))


def for_frame(payload: Json, event: str | None, form: Wire = SSE, asked: Dialect | None = None) -> Dialect | None:
    """The dialect that a first frame belongs to, or None: the one that was asked for, or one whose body has this form."""
    if not isinstance(payload, dict):
        return None
    if asked is not None and asked.recognise(payload, event):
        return asked
    return next((dialect for dialect in DIALECTS if dialect.wire.name == form.name and dialect.recognise(payload, event)), None)


def _json_object(body: bytes | None) -> dict[str, Json] | None:
    if not body:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
