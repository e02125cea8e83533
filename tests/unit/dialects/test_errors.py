"""Errors and their HTTP status."""

import json

import pytest

from resplice.dialects import DIALECTS, by_name
from resplice.dialects.errors import is_retryable, status_of


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 529),
        ({"error": {"message": "no", "type": "tokens", "code": "rate_limit_exceeded"}}, 429),
        ({"error": {"message": "no", "code": 502}}, 502),
        ({"error": {"message": "no", "code": "429"}}, 429),
        ({"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}, 503),
        ({"error": {"message": "no", "status": "RESOURCE_EXHAUSTED"}}, 429),
        ({"object": "error", "message": "KV cache is full", "type": "ServerError", "code": 500}, 500),
        ({"error": "upstream is gone", "status": 502}, 502),
        ({"error": "upstream is gone"}, None),
        ({"detail": "no"}, None),
        ({"error": {"code": True}}, None),
        ({"error": {"code": 200}}, None),
        ({"error": {"code": 4e2}}, None),
        ({"error": {"code": "4294967296" * 1000}}, None),
        ({"error": [], "type": ["x"]}, None),
        ({}, None),
    ],
)
def test_the_status_of_an_error_is_what_it_says_or_is_known_to_have(value, status):
    assert status_of(value) == status


@pytest.mark.parametrize(
    ("status", "again"), [(200, False), (400, False), (404, False), (408, True), (409, True), (429, True), (500, True), (529, True)]
)
def test_what_the_sdks_send_again_is_retryable(status, again):
    assert is_retryable(status) is again


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("status", [400, 429, 502, 504, 529])
def test_every_dialect_has_a_body_for_an_error_status_with_the_message_in_it(dialect, status):
    body = dialect.error_body(status, "the tide\nis out", {})
    assert "the tide\\nis out" in json.dumps(body)
    [body] = body if isinstance(body, list) else [body]
    assert "error" in body or "message" in body


@pytest.mark.parametrize(
    ("dialect", "status", "kind"),
    [
        ("openai-chat", 400, "invalid_request_error"),
        ("openai-responses", 504, "server_error"),
        ("anthropic-messages", 504, "timeout_error"),
        ("anthropic-messages", 529, "overloaded_error"),
        ("anthropic-messages", 502, "api_error"),
    ],
)
def test_an_error_without_a_type_gets_the_one_that_its_status_has_in_the_api(dialect, status, kind):
    assert by_name(dialect).error_body(status, "m", {})["error"]["type"] == kind


def test_what_the_upstream_said_of_its_error_is_kept():
    said = {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded", "param": "messages", "x": {}}
    error = by_name("openai-chat").error_body(400, "too long", said)["error"]
    assert error == {key: said[key] for key in ("message", "type", "param", "code")}
    assert by_name("anthropic-messages").error_body(400, "m", {"type": "x_error"})["error"]["type"] == "x_error"
