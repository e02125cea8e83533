"""Sidecar logs of any length, as real sessions and recorders write them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from resplice.core.events import Reason
from resplice.dialects import by_name
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import Record, StreamContext, encode
from resplice.session.session import Session

from streams import chat, chat_text

BEGIN = 1_790_000_000.0
CONTEXT = StreamContext(
    stream_id="", flow_id="f", host="", port=443, method="POST", path="/v1/chat/completions", status=200, client_http="HTTP/1.1",
    upstream_http="HTTP/1.1", client="OpenAI/Python", dialect="openai-chat", model=None, mode="repair",
)  # fmt: skip
WHOLE = chat(chat_text("Hello"))
BODIES = (
    WHOLE,
    WHOLE.removesuffix(b"data: [DONE]\n\n"),
    WHOLE[:200],
    WHOLE.replace(b"\n\n", b"\n", 1),
    chat(chat_text("a"), b'data: {"error": {"message": "busy <b>now</b>"}}\n\n'),
)


def records(streams: int, *, every: float = 30.0, seed: int = 1) -> Iterator[Record]:
    """The records of so many streams, one each `every` seconds."""
    chance = random.Random(seed)
    for number in range(streams):
        context = replace(CONTEXT, stream_id=f"s{number}", host=f"host{number % 7}.example", model=f"model-{number % 3}")
        yield from one_stream(context, chance.choice(BODIES), BEGIN + number * every, gap=chance.choice((0.1, 2.0, 12.0)))


def one_stream(
    context: StreamContext, body: bytes, at: float, gap: float = 0.1, reason: Reason = Reason.UPSTREAM_END
) -> Iterator[Record]:
    """The records of one stream."""
    session, recorder = Session(by_name("openai-chat"), now=0.0, model=context.model), StreamRecorder(context)
    yield recorder.open(at)
    session.receive_data(body[:100], 0.2)
    session.receive_data(body[100:], 0.2 + gap)
    session.finish(reason, 0.3 + gap)
    for stall in session.take_stalls():
        yield recorder.stall(
            at + gap, silence=stall.silence, bytes_in=stall.bytes_in, bytes_out=stall.bytes_out, resumed=stall.resumed
        )
    for finding in session.take_findings():
        yield recorder.finding(finding, at + 0.2)
    yield recorder.close(session.receipt(), at + 0.3 + gap, client_gone=reason is Reason.CLIENT_DISCONNECT)


def log(streams: int, **kwargs: float) -> bytes:
    """A log file."""
    return b"".join(map(encode, records(streams, **kwargs)))
