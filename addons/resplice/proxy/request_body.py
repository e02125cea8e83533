"""The members of a request's JSON body, read once for each request, and cheaply: other streams wait meanwhile.

A body of an agent's is megabytes of messages, of which nothing is needed here; parsed as a whole it would hold up every other
stream for a tenth of a second. Of a large one only the beginning and the end are read: that is where the scalars stand (the model,
whether to stream, how many choices), before and behind the messages. A compressed body is decompressed up to a bound.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from resplice.proxy.decode import DecodeError, for_codings

if TYPE_CHECKING:
    from mitmproxy import http

__all__ = ["Body", "read_body"]

_WHOLE: Final = 256 * 1024
"""A body up to this size is parsed."""
_EDGE: Final = 32 * 1024
"""Of a larger one, this much is read at its beginning, and as much at its end."""
_MAX_DECODED: Final = 8 * 1024 * 1024
"""A compressed body is decompressed up to this size: one megabyte can become a gigabyte."""
_TEXT: Final = json.JSONDecoder()
_KEY: Final = re.compile(r'[ \t\r\n]*[{,][ \t\r\n]*"([^"\\]{1,128})"[ \t\r\n]*:[ \t\r\n]*')
_LAST: Final = re.compile(
    rb',[ \t\r\n]*"([^"\\,]{1,128})"[ \t\r\n]*:[ \t\r\n]*(true|false|null|-?[\d.eE+-]{1,32}|"[^"\\]{0,256}")[ \t\r\n]*$'
)
"""The last member before the end of an object. A quote behind a comma that has no backslash opens a key or is in no string."""


class Body(NamedTuple):
    """What is known of a JSON object."""

    members: dict[str, Any]
    whole: bool
    """False: these are not all of its members, and containers among them may be empty."""


def read_body(request: http.Request) -> Body | None:
    """The JSON object that a request's body is; None if it is none. Where the body is not at hand, its declared type must do."""
    raw = request.raw_content
    if raw is None or request.stream:
        return Body({}, whole=False) if _is_json(request) else None
    codings = request.headers.get("content-encoding", "")
    decoded, whole = _decode(raw, codings.split(",")) if codings else (raw, True)
    if decoded is None:
        return Body({}, whole=False) if _is_json(request) else None
    return _parse(decoded) if whole and len(decoded) <= _WHOLE else _skim(decoded, whole=whole)


def _is_json(request: http.Request) -> bool:
    kind: str = request.headers.get("content-type", "")
    return "json" in kind.partition(";")[0].lower()


def _decode(raw: bytes, codings: list[str]) -> tuple[bytes | None, bool]:
    """The body as its sender wrote it, up to the bound, and whether that is all; None if it does not decode."""
    decoders = for_codings(codings)
    if decoders is None or len(decoders) > 1:
        return None, False
    out, size = [], 0
    try:
        for piece in decoders[0].decode(raw) if decoders else (raw,):
            out.append(piece)
            size += len(piece)
            if size > _MAX_DECODED:
                return b"".join(out), False
    except DecodeError:
        return None, False
    return b"".join(out), True


def _parse(body: bytes) -> Body | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return Body(value, whole=True) if isinstance(value, dict) else None


def _skim(body: bytes, *, whole: bool) -> Body | None:
    """The members at the beginning and at the end of a large object."""
    if not body[:_EDGE].lstrip().startswith(b"{"):
        return None
    members = _first_members(body[:_EDGE].decode("utf-8", "replace"))
    if whole:
        for name, value in _last_members(body[-_EDGE:]).items():
            members.setdefault(name, value)
    return Body(members, whole=False)


def _first_members(text: str) -> dict[str, Any]:
    """Up to the first value that is not complete, of which only the kind is told."""
    members: dict[str, Any] = {}
    pos = 0
    while key := _KEY.match(text, pos):
        try:
            members[key[1]], pos = _TEXT.raw_decode(text, key.end())
        except (ValueError, RecursionError):
            kind = {"[": [], "{": {}, '"': ""}.get(text[key.end() : key.end() + 1])
            return members if kind is None else members | {key[1]: kind}
    return members


def _last_members(tail: bytes) -> dict[str, Any]:
    """The scalars before the closing brace, the last first, up to a container."""
    members: dict[str, Any] = {}
    rest = tail.rstrip()
    if not rest.endswith(b"}"):
        return members
    rest = rest[:-1]
    while found := _LAST.search(rest, max(0, len(rest) - 512)):
        members.setdefault(found[1].decode("utf-8", "replace"), _scalar(found[2]))
        rest = rest[: found.start()]
    return members


def _scalar(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
