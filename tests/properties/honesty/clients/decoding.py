"""How the SDKs cut a body into events, and make payloads of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_BREAK = re.compile(rb"\r\n|\r|\n")


class ClientError(Exception):
    """An SDK raises its own error."""


def parsed(text: str) -> Any:
    return json.loads(text)


def _refuse(word: str) -> Any:
    raise ValueError(word)


def parsed_js(text: str) -> Any:
    """`JSON.parse`: no NaN, no Infinity."""
    return json.loads(text, parse_constant=_refuse)


def member(value: Any, name: str) -> Any:
    """A member of what an SDK handed out, None where it is not there; of a plain value there are none."""
    if type(value) is dict:
        return value.get(name)
    if value is None or isinstance(value, str | int | float | list):
        raise AttributeError(name)
    return getattr(value, name, None)


def joined(text: str) -> str:
    """A text that came in deltas: two halves of a character are one."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def lines(body: bytes) -> list[bytes]:
    return _BREAK.split(body)


def _events(body: bytes, broken: bool) -> Iterator[tuple[str | None, str]]:
    """As openai-python and anthropic-python dispatch them: with an id or a retry, even without data."""
    event: str | None = None
    last_id: str | None = None
    retry = False
    data: list[str] = []
    found = lines(body)
    last = found.pop()
    for raw in found:
        line = raw.decode()
        if not line:
            if event or data or last_id or retry:
                yield event or None, "\n".join(data)
            event, data, retry = None, [], False
            continue
        if line[0] == ":":
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            event = value
        elif field == "id":
            last_id = last_id if "\0" in value else value
        elif field == "retry":
            retry = retry or _is_number(value)
    if broken:
        raise ClientError("connection")
    last.decode()


def _is_number(value: str) -> bool:
    try:
        int(value)
    except ValueError:
        return False
    return True


def openai_python(body: bytes, broken: bool) -> Iterator[Any]:
    """The payloads until `[DONE]`."""
    for event, data in _events(body, broken):
        if data.startswith("[DONE]"):
            return
        value = parsed(data)
        if isinstance(value, dict) and value.get("error"):
            raise ClientError("error")
        yield {"data": value, "event": event} if event and event.startswith("thread.") else value


def anthropic_python(body: bytes, broken: bool) -> Iterator[Any]:
    """The payloads of events that have a name."""
    for event, data in _events(body, broken):
        if event == "error":
            raise ClientError("error")
        if event is None or event == "ping" or not data:
            continue
        yield parsed(data)


def node(body: bytes, broken: bool) -> Iterator[tuple[str | None, str]]:
    """Events as the Node SDKs of OpenAI and Anthropic cut them: an id or a retry is nothing, bad bytes are replaced."""
    event: str | None = None
    data: list[str] = []
    found = lines(body)
    if not broken:
        found = found if found[-1] else found[:-1]
    else:
        found.pop()
    for raw in found:
        line = raw.decode("utf-8", "replace").removeprefix("\ufeff")
        if not line:
            if event or data:
                yield event, "\n".join(data)
                event, data = None, []
            continue
        if line[0] == ":":
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            event = value
    if broken:
        raise ClientError("connection")
