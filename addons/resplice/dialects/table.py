"""A table of dialects, and how a request or a first frame tells which one it is of. A table never changes; another one is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from resplice.core.wire import SSE, Wire
from resplice.dialects.dialect import Dialect, Json
from resplice.dialects.recognition import Members, Request, asks


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

    def for_path(self, path: str) -> Dialect | None:
        """The first dialect whose requests go to that path, which may have any prefix (a gateway's, a deployment's) and a query."""
        return next(iter(self._at(path)), None)

    def _at(self, path: str) -> Iterator[Dialect]:
        plain, _, query = path.partition("?")
        query = unquote(query)
        for dialect in self.rows:
            if any(pattern.search(plain) for pattern in dialect.paths) and (dialect.query is None or dialect.query.search(query)):
                yield dialect

    def for_request(self, path: str, body: bytes | Members | None, method: str = "POST", *, at_hand: bool = True) -> Dialect | None:
        """The dialect that a request asks for, by its method, its path and its body; None if it asks for none.

        ``body`` may be parsed already. Not ``at_hand``: it is not known, or only in part.
        """
        members = json_object(body) if isinstance(body, bytes) else body
        request = Request(method.upper(), path.partition("?")[0], members, at_hand=at_hand)
        return next((dialect for dialect in self._at(path) if _is_asked(dialect, request)), None)

    def for_frame(self, payload: Json, event: str | None, form: Wire = SSE, asked: Dialect | None = None) -> Dialect | None:
        """The dialect that an event belongs to: the one that was asked for, or one of this form whose full signature it has."""
        if not isinstance(payload, dict):
            return None
        if asked is not None and asked.recognise(payload, event):
            return asked
        return next((dialect for dialect in self.rows if dialect.wire.name == form.name and _proves(dialect, payload, event)), None)

    def resembling(self, payload: Json, event: str | None) -> Dialect | None:
        """The dialect that an event of a recording may be of: there is no request, and whoever shows it says that it is one."""
        if not isinstance(payload, dict):
            return None
        return next((dialect for dialect in self.rows if dialect.wire.name == SSE.name and dialect.recognise(payload, event)), None)


def _is_asked(dialect: Dialect, request: Request) -> bool:
    """A user's own dialect without a proof is taken at its word: its path, and where there is a body, its keys."""
    if dialect.proof is not None:
        return asks(request, dialect.proof.request)
    keys, body = dialect.request_keys, request.body
    return not keys or body is None or not request.at_hand or bool(keys & body.keys())


def _proves(dialect: Dialect, payload: dict[str, Json], event: str | None) -> bool:
    return (dialect.proof.event if dialect.proof is not None else dialect.recognise)(payload, event)


def json_object(body: bytes | None) -> dict[str, Json] | None:
    """The JSON object in a request's body; None for anything else."""
    if not body:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
