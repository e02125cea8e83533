"""A table of dialects, and how a request or a first frame tells which one it is of. A table never changes; another one is made."""

from __future__ import annotations

import json
from dataclasses import dataclass

from resplice.core.wire import SSE, Wire
from resplice.dialects.dialect import Dialect, Json, by_member


@dataclass(frozen=True, slots=True)
class Dialects:
    """Some dialects. Where two fit, the first one counts."""

    rows: tuple[Dialect, ...]

    def with_own(self, own: tuple[Dialect, ...]) -> Dialects:
        """A table with a user's dialects before these.

        Raises:
            ValueError: a name is taken, or there twice.

        """
        names = [dialect.name for dialect in (*own, *self.rows)]
        taken = next((name for name in names if names.count(name) > 1), None)
        if taken is not None:
            raise ValueError(f"there is a dialect {taken!r} already")
        return Dialects(own + self.rows)

    def by_name(self, name: str) -> Dialect:
        """The dialect of that name.

        Raises:
            KeyError: there is none; the message lists those that exist.

        """
        for dialect in self.rows:
            if dialect.name == name:
                return dialect
        known = ", ".join(dialect.name for dialect in self.rows)
        raise KeyError(f"unknown dialect {name!r}; known are: {known}")

    def for_request(self, path: str, body: bytes | None) -> Dialect | None:
        """The dialect that a request asks for, by the end of its path; None if the path says nothing or the body contradicts it.

        The path may carry any prefix (a gateway's mount point, a deployment) and a query. A body that is JSON
        must have the keys that the API demands, so that another service's `/messages` is left alone.
        """
        plain, _, query = path.partition("?")
        request = json_object(body)
        for dialect in self.rows:
            if any(pattern.search(plain) for pattern in dialect.paths) and (dialect.query is None or dialect.query.search(query)):
                return dialect if request is None or _fits(request, dialect) else None
        return None

    def for_frame(self, payload: Json, event: str | None, form: Wire = SSE, asked: Dialect | None = None) -> Dialect | None:
        """The dialect that a first frame belongs to, or None: the one that was asked for, or one whose body has this form."""
        if not isinstance(payload, dict):
            return None
        if asked is not None and asked.recognise(payload, event):
            return asked
        return next(
            (dialect for dialect in self.rows if dialect.wire.name == form.name and dialect.recognise(payload, event)), None
        )


def _fits(request: dict[str, Json], dialect: Dialect) -> bool:
    return not dialect.request_keys or bool(request.keys() & (dialect.request_keys | {"model", "prompt"}))


def wants_stream(dialect: Dialect | None, path: str, body: bytes | None) -> bool | None:
    """Whether a request asks for a stream, by its dialect's rules; None if it can't be told."""
    return (dialect.wants_stream if dialect else by_member)(path, json_object(body))


def json_object(body: bytes | None) -> dict[str, Json] | None:
    """The JSON object in a request's body; None for anything else."""
    if not body:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
