"""Ollama's own API, chat and generate: one JSON object on each line. https://github.com/ollama/ollama/blob/main/docs/api.md"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.echo import Hole
from resplice.core.ndjson import NDJSON
from resplice.core.wire import Events
from resplice.dialects.dialect import Dialect, Facts, Json, Role, error_message, failure_message, frame, short
from resplice.dialects.recognition import PROOFS

_COUNTS: Final = ("prompt_eval_count", "eval_count")
_OWN_KEYS: Final = frozenset({"message", "response", "done", "done_reason"})


def _recognise(value: dict[str, Json], _event: str | None) -> bool:
    has_answer = isinstance(value.get("message"), dict) or isinstance(value.get("response"), str)
    return has_answer and isinstance(value.get("done"), bool) and isinstance(value.get("model"), str)


def read(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """Tell the role of a line; see `Dialect.read`."""
    del event
    error = value.get("error")
    if error:
        facts.error = error_message(value)
        return Role.ERROR if type(error) is str else Role.ODD_ERROR
    if not _OWN_KEYS & value.keys() and (failure := failure_message(value)) is not None:
        facts.error = failure
        return Role.ODD_ERROR
    if not _OWN_KEYS & value.keys():
        return Role.UNKNOWN if value.keys() - {"model", "created_at"} else Role.HOLLOW
    if not facts.started:
        _start(value, facts)
    says_something = _read_answer(value, facts)
    if reason := short(value.get("done_reason")):
        facts.stop_reason, facts.stopped = reason, True
    if value.get("done") is True:
        facts.stopped = True
        facts.usage = {key: value[key] for key in _COUNTS if type(value.get(key)) is int} or facts.usage
        return Role.TERMINAL
    return Role.CONTENT if says_something or reason else Role.KEEPALIVE


def _start(value: dict[str, Json], facts: Facts) -> None:
    facts.started = True
    facts.model = short(value.get("model"))
    facts.created_at = short(value.get("created_at"))
    facts.shape = "chat" if "message" in value or "response" not in value else "generate"


def _read_answer(value: dict[str, Json], facts: Facts) -> bool:
    """Count what a line adds to the answer. False if it adds nothing."""
    message = value.get("message")
    source = message if type(message) is dict else value
    text = source.get("content") if source is message else source.get("response")
    if text and type(text) is str:
        facts.text_chars += len(text)
        facts.first_token = True
    calls = source.get("tool_calls")
    if calls and type(calls) is list:
        facts.tool_calls += len(calls)
        facts.first_token = True
    elif source.get("thinking"):
        facts.first_token = True
    elif not text:
        return any(content for key, content in source.items() if key not in _SILENT_KEYS)
    return True


_SILENT_KEYS: Final = frozenset({"model", "created_at", "done", "role"})


def _line(facts: Facts, **members: Json) -> Events:
    answer = {"response": ""} if facts.shape == "generate" else {"message": {"role": "assistant", "content": ""}}
    return frame({"model": facts.model or "", "created_at": facts.created_at or _EPOCH} | answer | members)


_EPOCH: Final = "1970-01-01T00:00:00Z"


def keepalive(facts: Facts) -> Events:
    """A line without text. Nothing before the first line, for what its clients ask for is not known, nor behind the last."""
    return _line(facts, done=False) if facts.started and not facts.stopped else ()


def error(facts: Facts, message: str) -> Events:
    """An error line: ollama-python and ollama-js raise it."""
    del facts
    return frame({"error": message})


def terminal(facts: Facts) -> Events:
    """A line without text that says `done`."""
    return _line(facts, done=True, done_reason=facts.stop_reason or "stop")


def streams(path: str, request: dict[str, Json] | None) -> bool | None:
    """Whether a stream is asked for. Ollama streams unless it is told not to; but many an app has a path like its own."""
    del path
    return None if request is None or "stream" not in request else request["stream"] is not False


def error_body(_status: int, message: str, _error: dict[str, Json]) -> Json:
    """The body of an error response as Ollama writes it."""
    return {"error": message}


DIALECT: Final = Dialect(
    name="ollama",
    title="Ollama",
    paths=(re.compile(r"/api/chat/?$"), re.compile(r"/api/generate/?$")),
    request_keys=frozenset({"model"}),
    named_events=False,
    done_marker=False,
    one_id=False,
    typed_prefixes=(),
    recognise=_recognise,
    proof=PROOFS["ollama"],
    read=read,
    holes={b"content": Hole.TEXT, b"response": Hole.TEXT, b"created_at": Hole.NOISE},
    keepalive=keepalive,
    error=error,
    terminal=terminal,
    finish=None,
    own_event=lambda name: not name,
    comments_after_id=True,
    fails_twice=False,
    error_names='`{"error":"…"}`',
    keepalive_names="a line without text",
    wire=NDJSON,
    reads_on=True,
    wants_stream=streams,
    error_body=error_body,
)
