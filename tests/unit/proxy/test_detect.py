"""Which responses get a session."""

import json

import pytest
from mitmproxy import http

from resplice.proxy.detect import candidate, read_request

CHAT = "/v1/chat/completions"
STREAM = json.dumps({"model": "m-1", "stream": True, "messages": []}).encode()
WHOLE = json.dumps({"model": "m-1", "messages": []}).encode()
OTHER = b'{"question": "tide?"}'
EVENTS = "text/event-stream; charset=utf-8"

TABLE = [
    # (what, method, path, request body, content type, status, dialect or None for "any", or False for "left alone")
    ("a stream as it should be", "POST", CHAT, STREAM, EVENTS, 200, "openai-chat"),
    ("under any prefix", "POST", "/openai/deployments/x/chat/completions?api-version=1", STREAM, EVENTS, 200, "openai-chat"),
    ("messages", "POST", "/v1/messages", STREAM[:-1] + b', "max_tokens": 1}', EVENTS, 200, "anthropic-messages"),
    ("responses", "POST", "/v1/responses", STREAM[:-1] + b', "input": "x"}', EVENTS, 200, "openai-responses"),
    ("JSON by its label", "POST", CHAT, STREAM, "application/json", 200, "openai-chat"),
    ("text by its label", "POST", CHAT, STREAM, "Text/Plain", 200, "openai-chat"),
    ("a page", "POST", CHAT, STREAM, "text/html", 200, "openai-chat"),
    ("no label", "POST", CHAT, STREAM, None, 200, "openai-chat"),
    ("an image", "POST", CHAT, STREAM, "image/png", 200, False),
    ("no stream asked for", "POST", CHAT, WHOLE, "application/json", 200, False),
    ("no stream asked for, but sent", "POST", CHAT, WHOLE, EVENTS, 200, False),
    ("body not at hand", "POST", CHAT, None, EVENTS, 200, "openai-chat"),
    ("body not at hand, no stream", "POST", CHAT, None, "application/json", 200, False),
    ("asked for in the query", "GET", "/v1/responses?stream=true", None, "application/json", 200, "openai-responses"),
    ("some event stream", "GET", "/clock", None, EVENTS, 200, None),
    ("an API of its own", "POST", "/chat", OTHER, EVENTS, 200, None),
    ("an API of its own, no stream wanted", "POST", "/chat", b'{"stream": false}', EVENTS, 200, False),
    ("an API of its own, no event stream", "POST", "/chat", OTHER, "application/json", 200, False),
    ("an error", "POST", CHAT, STREAM, EVENTS, 429, False),
    ("HEAD", "HEAD", CHAT, None, EVENTS, 200, False),
    ("a body that is no JSON", "POST", CHAT, b"\xff\xfe", EVENTS, 200, "openai-chat"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_what_gets_a_session(row):
    _, method, path, body, kind, status, expected = row
    request = http.Request.make(method, f"http://host{path}", body or b"")
    response = http.Response.make(status, b"", {"content-type": kind} if kind else {})
    found = candidate(request, response, read_request(request))
    if expected is False:
        assert found is None
    else:
        assert found is not None
        assert (found.dialect and found.dialect.name) == expected


def test_a_request_body_that_its_sender_compressed_is_read():
    request = http.Request.make("POST", f"http://host{CHAT}", b"", {"content-encoding": "gzip"})
    request.content = STREAM
    assert request.raw_content != STREAM
    asked = read_request(request)
    assert (asked.llm_stream, asked.model) == (True, "m-1")


def test_a_request_body_that_does_not_decode_leaves_the_path_to_speak():
    request = http.Request.make("POST", f"http://host{CHAT}", b"no gzip", {"content-encoding": "gzip"})
    assert read_request(request).dialect is not None


@pytest.mark.parametrize(("body", "model"), [(STREAM, "m-1"), (b'{"model": 3}', None), (b"[" * 100_000, None), (b"", None)])
def test_the_model_is_what_the_request_says(body, model):
    assert read_request(http.Request.make("POST", "http://host/", body)).model == model
