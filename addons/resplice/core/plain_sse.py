"""Server-sent events for clients that read nothing but `data: `, one line of JSON, one blank line: Google's SDKs.

They cut the body at blank lines, or line by line, and parse what they find as JSON. All else that the standard allows, a missing
blank behind the colon, comments, names, further blank lines, makes them fail, or silently skip an event.
https://github.com/googleapis/python-genai/blob/main/google/genai/_api_client.py
"""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from resplice.core.json_line import SEPARATORS, escape_separators
from resplice.core.kinds import Kind
from resplice.core.wire import SSE, Body, Event, Wire, sse

_PLAIN: Final = re.compile(rb"data: [^\r\n]++(?:\n\n|\r\n\r\n?)")
_UNSPACED: Final = re.compile(rb"data:[^\r\n]++(?:\n\n|\r\n\r\n?)")

_ERROR: Final = re.compile(rb'\{[ \t]*"error"[ \t]*:')
_EPILOGUE: Final = b": the stream failed\n"
"""Stands behind an error event. @google/generative-ai knows no errors in streams, and takes what came before one for the whole
answer; but it fails on whatever is no event behind the last one. All other clients have raised the error, or skip a comment."""


def fault(raw: bytes, body: Body) -> Kind | None:
    """What these clients can't read of an event that is legal."""
    del body
    if _PLAIN.fullmatch(raw):
        return Kind.LINE_SEPARATOR if SEPARATORS.search(raw) else None
    return Kind.DATA_WITHOUT_SPACE if _UNSPACED.fullmatch(raw) else Kind.UNREADABLE_LINE


def render(event: Event, body: Body) -> bytes:
    """An event in the upstream's line ends, which are CRLF as a rule: splitters that look for one kind miss what has another."""
    payload = escape_separators(event.payload)
    out = sse(Event(None, payload), body) + (_EPILOGUE if _ERROR.match(payload) else b"")
    return out if body.newline == b"\n" else out.replace(b"\n", b"\r\n")


PLAIN_SSE: Final[Wire] = dataclasses.replace(
    SSE, render=render, filler=b"data: {}\r\n\r\n", closing=b"\r\n\r\n", fault=fault, plain=True
)
