"""Errors as HTTP knows them: the status that an error in a body stands for, and the bodies of error responses."""

from __future__ import annotations

from typing import Any, Final

_STATUS_KEYS: Final = ("status", "status_code", "http_status", "code")
_NAME_KEYS: Final = ("type", "code", "status")
_BY_NAME: Final = {
    # Anthropic, https://docs.anthropic.com/en/api/errors
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
    # OpenAI, https://platform.openai.com/docs/guides/error-codes
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "service_unavailable": 503,
    "service_unavailable_error": 503,
    "overloaded": 503,
    # Google, https://cloud.google.com/apis/design/errors
    "invalid_argument": 400,
    "failed_precondition": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "resource_exhausted": 429,
    "internal": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
_OPENAI_TYPES: Final = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
_SERVER_ERROR: Final = 500
_RETRYABLE: Final = frozenset({408, 409, 429})


def status_of(value: dict[str, Any]) -> int | None:
    """The HTTP status, 400 to 599, that a JSON error says it is or is known to have; None where it can't be told."""
    error = value.get("error")
    sources = [source for source in (error, value) if isinstance(source, dict)]
    for source in sources:
        for key in _STATUS_KEYS:
            if (status := _as_status(source.get(key))) is not None:
                return status
    names = (source.get(key) for source in sources for key in _NAME_KEYS)
    return next((_BY_NAME[name.lower()] for name in names if isinstance(name, str) and name.lower() in _BY_NAME), None)


def is_retryable(status: int) -> bool:
    """Whether the official SDKs send a request again after this status."""
    return status in _RETRYABLE or status >= _SERVER_ERROR


def openai_error_body(status: int, message: str, error: dict[str, Any]) -> dict[str, Any]:
    """The body of an error response as OpenAI writes it. ``error``: what the upstream said, if it did."""
    kind, code, param = error.get("type"), error.get("code"), error.get("param")
    return {
        "error": {
            "message": message,
            "type": kind if isinstance(kind, str) else _OPENAI_TYPES.get(status, "server_error"),
            "param": param if isinstance(param, str) else None,
            "code": code if isinstance(code, str | int) else None,
        }
    }


def _as_status(number: object) -> int | None:
    if isinstance(number, str) and number.isascii() and number.isdecimal() and len(number) <= 3:  # noqa: PLR2004 - digits
        number = int(number)
    return number if type(number) is int and 400 <= number <= 599 else None  # noqa: PLR2004 - client and server errors
