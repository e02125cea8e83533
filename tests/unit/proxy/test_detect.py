"""Which responses get a session."""

import json

import pytest
from mitmproxy import http

from resplice.proxy.detect import candidate, read_request

CHAT = "/v1/chat/completions"
STREAM = json.dumps({"model": "m-1", "stream": True, "messages": []}).encode()
WHOLE = json.dumps({"model": "m-1", "messages": []}).encode()
OTHER = b'{"question": "tide?"}'
GEMINI = "/v1beta/models/gemini-2.5-pro:streamGenerateContent"
VERTEX = "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:streamGenerateContent"
CONTENTS = b'{"contents": [{"parts": [{"text": "tide?"}]}]}'
ASSIST = b'{"model": "m-1", "project": "p", "request": {"contents": []}}'
CLAUDE = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x"
ON_VERTEX = b'{"anthropic_version": "vertex-2023-10-16", "messages": [], "max_tokens": 5, "stream": true}'
EVENTS = "text/event-stream; charset=utf-8"
LINES = "application/x-ndjson"
MESSAGES = "application/vnd.amazon.eventstream"
OLLAMA, MODEL = "/api/chat", "/model/anthropic.claude-3-haiku-20240307-v1%3A0"

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
    ("no body", "POST", CHAT, None, EVENTS, 200, None),
    ("no body, no stream", "POST", CHAT, None, "application/json", 200, False),
    ("a stored response", "GET", "/v1/responses/resp_1?stream=true", None, EVENTS, 200, "openai-responses"),
    ("a page whose path ends like an API's", "GET", "/rooms/1/messages", None, EVENTS, 200, None),
    ("a form", "POST", "/api/messages", b"--x\r\n", EVENTS, 200, None),
    ("an app's own messages", "POST", "/api/messages", b'{"text": "hi"}', EVENTS, 200, None),
    ("Claude on Vertex AI", "POST", f"{CLAUDE}:streamRawPredict", ON_VERTEX, EVENTS, 200, "anthropic-messages"),
    ("another vendor's model on Vertex AI", "POST", f"{CLAUDE}:streamRawPredict", STREAM, EVENTS, 200, None),
    ("Gemini's events, the query encoded", "POST", f"{GEMINI}?%24alt=sse", CONTENTS, EVENTS, 200, "gemini"),
    ("Gemini's events", "POST", f"{GEMINI}?alt=sse", CONTENTS, EVENTS, 200, "gemini"),
    ("Gemini's events, on Vertex AI", "POST", f"{VERTEX}?alt=sse", CONTENTS, EVENTS, 200, "gemini"),
    (
        "Gemini's events, asked for by Code Assist",
        "POST",
        "/v1internal:streamGenerateContent?alt=sse",
        ASSIST,
        EVENTS,
        200,
        "gemini",
    ),
    ("Gemini's events, under the array's type", "POST", f"{GEMINI}?key=k&alt=sse", CONTENTS, "application/json", 200, "gemini"),
    ("Gemini's array", "POST", GEMINI, CONTENTS, "application/json; charset=UTF-8", 200, "gemini-array"),
    ("Gemini's array, asked for by name", "POST", f"{GEMINI}?alt=json", CONTENTS, "application/json", 200, "gemini-array"),
    ("events where Gemini's array was asked for", "POST", GEMINI, CONTENTS, EVENTS, 200, "gemini-array"),
    ("Gemini's answer in one piece", "POST", "/v1beta/models/m:generateContent", CONTENTS, "application/json", 200, False),
    ("some event stream", "GET", "/clock", None, EVENTS, 200, None),
    ("an API of its own", "POST", "/chat", OTHER, EVENTS, 200, None),
    ("an API of its own, no stream wanted", "POST", "/chat", b'{"stream": false}', EVENTS, 200, None),
    ("an API of its own, no event stream", "POST", "/chat", OTHER, "application/json", 200, False),
    ("an error", "POST", CHAT, STREAM, EVENTS, 429, False),
    ("HEAD", "HEAD", CHAT, None, EVENTS, 200, False),
    ("a body that is no JSON", "POST", CHAT, b"\xff\xfe", EVENTS, 200, None),
    ("Ollama streams unless told not to", "POST", OLLAMA, WHOLE, LINES, 200, "ollama"),
    ("Ollama, generate", "POST", "/ollama/api/generate", b'{"model": "m", "prompt": "x"}', LINES, 200, "ollama"),
    ("Ollama, no stream wanted", "POST", OLLAMA, b'{"model": "m", "stream": false}', "application/json", 200, False),
    ("Ollama by the wrong label", "POST", OLLAMA, STREAM, "application/json", 200, "ollama"),
    ("a path like Ollama's, nothing said of a stream", "POST", OLLAMA, b'{"model": "m"}', "application/json", 200, False),
    ("a path like Ollama's, text", "POST", OLLAMA, b'{"model": "m"}', "text/plain", 200, False),
    ("a path like Ollama's, another API's events", "POST", OLLAMA, STREAM, EVENTS, 200, None),
    ("a path like Ollama's, no model", "POST", OLLAMA, b'{"messages": []}', LINES, 200, False),
    ("Bedrock invoke", "POST", f"{MODEL}/invoke-with-response-stream", b'{"max_tokens": 1}', MESSAGES, 200, "bedrock-invoke"),
    ("Bedrock converse", "POST", f"{MODEL}/converse-stream", b'{"messages": []}', MESSAGES, 200, "bedrock-converse"),
    ("Bedrock, JSON", "POST", f"{MODEL}/converse-stream", b"{}", "application/json", 200, "bedrock-converse"),
    ("Bedrock, server-sent events", "POST", f"{MODEL}/invoke-with-response-stream", b"{}", EVENTS, 200, "bedrock-invoke"),
    ("Bedrock without a stream", "POST", f"{MODEL}/converse", b'{"messages": []}', "application/json", 200, False),
    ("messages of another service", "POST", "/bucket/key?select", b"<x/>", MESSAGES, 200, False),
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
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    request = http.Request.make("POST", f"http://host{CHAT}", b"", headers)
    request.raw_content = b"no gzip"
    assert read_request(request).dialect is not None
    del request.headers["content-type"]
    assert read_request(request).dialect is None


@pytest.mark.parametrize(("body", "model"), [(STREAM, "m-1"), (b'{"model": 3}', None), (b"[" * 100_000, None), (b"", None)])
def test_the_model_is_what_the_request_says(body, model):
    assert read_request(http.Request.make("POST", f"http://host{CHAT}", body)).model == model


@pytest.mark.parametrize(("path", "model"), [(GEMINI, "gemini-2.5-pro"), (VERTEX, "gemini-2.5-pro"), ("/models/x/chat", None)])
def test_the_model_is_what_the_path_says_where_an_api_has_it_there(path, model):
    assert read_request(http.Request.make("POST", f"http://host{path}", CONTENTS)).model == model
