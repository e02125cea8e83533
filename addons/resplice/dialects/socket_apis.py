"""The APIs that answer over a WebSocket, as one table. Their messages are observed, never changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SocketApi:
    """One API. On each of its connections any number of responses begin and end."""

    name: str
    title: str
    path: re.Pattern[str]
    """A request path (without its query) that ends like this asks for it."""
    terminals: frozenset[str]
    """The types of the events that end a response."""
    one_at_a_time: bool
    """A response begins only when the one before it has ended."""
    error_ends: bool
    """An `error` event ends the response that is open, or the request for one."""


SOCKET_APIS: Final = (
    SocketApi(  # https://developers.openai.com/api/docs/guides/websocket-mode
        name="openai-responses",
        title="OpenAI Responses",
        path=re.compile(r"/responses/?$"),
        terminals=frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"}),
        one_at_a_time=True,
        error_ends=True,
    ),
    SocketApi(  # https://platform.openai.com/docs/api-reference/realtime-server-events
        name="openai-realtime",
        title="OpenAI Realtime",
        path=re.compile(r"/realtime/?$"),
        terminals=frozenset({"response.done"}),
        one_at_a_time=False,
        error_ends=False,
    ),
)


def socket_api(path: str) -> SocketApi | None:
    """The API that a WebSocket's request path (it may carry any prefix and a query) asks for, or None."""
    plain = path.partition("?")[0]
    return next((api for api in SOCKET_APIS if api.path.search(plain)), None)
