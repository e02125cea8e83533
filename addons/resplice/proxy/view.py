"""The content view "LLM stream", for requests and responses of LLM APIs, open ones and saved ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mitmproxy import contentviews, http

from resplice.dialects import for_request
from resplice.records.page import request_page, response_page
from resplice.records.saved import both_sides, changes_of, verdict_of
from resplice.session.answer import read_body
from resplice.session.conversation import read_conversation

if TYPE_CHECKING:
    from mitmproxy.contentviews import Metadata

__all__ = ["StreamView"]

_FIRST: Final = 2.0
"""Before mitmproxy's own views of JSON and of text."""
_NEVER: Final = -1.0
_MOST: Final = 8 * 1024 * 1024
"""Bytes of a body that are shown: the page is made while everything else waits."""


class StreamView(contentviews.Contentview):
    """The conversation, the damage, and who is to blame."""

    name = "LLM stream"
    syntax_highlight = "none"

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The body as a page of text.

        Raises:
            ValueError: the body is none of an LLM API; mitmproxy says so, or takes another view.

        """
        flow, message = metadata.flow, metadata.http_message
        if isinstance(flow, http.HTTPFlow) and message is flow.request:
            return _request(data)
        return _response(flow, data)

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """First for the flows of LLM APIs, else never."""
        flow, message = metadata.flow, metadata.http_message
        if not isinstance(flow, http.HTTPFlow) or not data:
            return _NEVER
        if message is flow.request:
            return _FIRST if for_request(flow.request.path, data, flow.request.method) is not None else _NEVER
        return _FIRST if message is flow.response and verdict_of(flow.metadata) is not None else _NEVER


def _request(data: bytes) -> str:
    conversation = read_conversation(data)
    if conversation is None:
        raise ValueError("The body is no request to an LLM API.")
    return request_page(conversation)


def _response(flow: Any, data: bytes) -> str:
    about = verdict_of(flow.metadata) if isinstance(flow, http.HTTPFlow) else None
    dialect = about["dialect"] if about is not None else _asked(flow)
    if dialect is None:
        raise ValueError("The body is no stream of an LLM API.")
    changes = changes_of(flow.metadata) if about is not None else []
    body, _ = both_sides(about, changes, data) if about is not None else (data, None)
    shown = body[:_MOST]
    return response_page(read_body(shown, dialect), {**(about or {}), "changes": changes, "length": len(body)}, shown)


def _asked(flow: Any) -> str | None:
    if not isinstance(flow, http.HTTPFlow):
        return None
    found = for_request(flow.request.path, flow.request.raw_content, flow.request.method)
    return None if found is None else found.name
