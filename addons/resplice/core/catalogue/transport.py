"""What is noticed beside a stream's bytes: time, and connections."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import GITHUB, Fault
from resplice.core.kinds import Kind

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.WOULD_END,
        "notes",
        "in observe mode: the upstream was silent for too long, or left the body open behind its terminal event",
        "nothing; in repair mode the stream would have been ended at this point",
        "nothing is changed",
        GITHUB + "microsoft/vscode/pull/321671",
    ),
    Fault(
        Kind.ANOTHER_API,
        "notes",
        "a request that asks for one API's stream, and not one event of it in the answer: Meta's Llama API, llama.cpp's own",
        "nothing; what came passed as it came, and how it ends is not judged",
        "nothing is changed",
        "https://llama.developer.meta.com/docs/api/chat/",
    ),
    Fault(
        Kind.MESSAGE_MALFORMED,
        "sockets",
        "a text message that is no JSON object: clients close the connection, or lose the event silently",
        "it passes; the log has it",
        "nothing is changed",
        "https://platform.openai.com/docs/api-reference/realtime-server-events",
        dialects=("openai-responses", "openai-realtime"),
    ),
    Fault(
        Kind.RESPONSE_UNFINISHED,
        "sockets",
        "the connection was closed, or the next response began, before a response's terminal event: "
        "`websocket closed by server before response.completed`",
        "nothing; the log says which response, who closed, and with what code",
        "nothing is changed: the client sees its connection end",
        GITHUB + "openai/codex/issues/20739",
        dialects=("openai-responses", "openai-realtime"),
    ),
    Fault(
        Kind.ABNORMAL_CLOSE,
        "sockets",
        "a close code other than 1000, 1001 and 1005, or no close frame at all",
        "nothing; the log has code and side",
        "nothing is changed",
        "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1",
        dialects=("openai-responses", "openai-realtime"),
    ),
)
