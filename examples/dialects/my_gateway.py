"""A dialect of one's own: a gateway that streams tokens in a format which no SDK speaks.

    mitmdump -s addons/repair.py --mode reverse:http://127.0.0.1:9000 --set resplice_dialects=examples/dialects/my_gateway.py

Its stream, and what an SDK of its own would die of:

    data: {"token": "Hel", "n": 0}
    data: {"token": "lo", "n": 1}
    data: {"finish": "stop"}
    data: {"end": true}

Each function is small, says what one event means, and may know no clock, no file and no state but `facts`. All that Resplice does
for any event stream (framing, encoding, heartbeats inside events, ends, the log) is done for this one too.
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.echo import Hole
from resplice.core.wire import Events
from resplice.dialects import Dialect, Facts, Json, Role
from resplice.dialects.dialect import error_message, frame, short


def recognise(value: dict[str, Json], event: str | None) -> bool:
    """Whether a stream's first event is of this API."""
    return event is None and isinstance(value.get("token"), str)


def read(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """What an event means; what is learnt from it goes into `facts`."""
    del event  # this API names none
    if "error" in value:
        facts.error = error_message(value)
        return Role.ERROR if isinstance(value["error"], dict) else Role.ODD_ERROR
    if value.get("end") is True:
        return Role.TERMINAL
    if "finish" in value:
        facts.stop_reason, facts.stopped = short(value["finish"]), True
        return Role.CONTENT
    if isinstance(token := value.get("token"), str):
        facts.text_chars += len(token)
        facts.first_token = facts.first_token or bool(token)
        return Role.CONTENT if token else Role.KEEPALIVE
    return Role.HOLLOW if not value else Role.UNKNOWN


def keepalive(facts: Facts) -> Events:
    """An event that says nothing."""
    del facts
    return frame({"token": ""})


def error(facts: Facts, message: str) -> Events:
    """What ends a damaged stream so that its clients notice."""
    del facts
    return frame({"error": {"message": message}})


def terminal(facts: Facts) -> Events:
    """What is still missing once the stop reason was seen."""
    del facts
    return frame({"end": True})


DIALECT: Final = Dialect(
    name="my-gateway",
    title="My gateway",
    paths=(re.compile(r"/v2/generate/?$"),),
    request_keys=frozenset({"prompt"}),
    named_events=False,
    done_marker=False,
    one_id=False,
    typed_prefixes=(),
    recognise=recognise,
    read=read,
    holes={b"token": Hole.TEXT, b"n": Hole.COUNTER},
    keepalive=keepalive,
    error=error,
    terminal=terminal,
    finish=None,
    own_event=lambda _: False,
    comments_after_id=True,
    fails_twice=False,
    error_names='`{"error": …}`',
    keepalive_names="an empty token",
)
