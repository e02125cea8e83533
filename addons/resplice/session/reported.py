"""Error events that the upstream itself sent."""

from __future__ import annotations

from resplice.core.events import Effect
from resplice.core.items import Frame
from resplice.core.kinds import Kind
from resplice.core.members import edited
from resplice.session.failure import Failure
from resplice.session.stream import MAX_MESSAGE, Stream


def report(stream: Stream, item: Frame) -> bytes:
    """The upstream's own error event."""
    why = "the upstream reported an error in its stream"
    item = _alone(stream, item)
    stream.facts.failed = True
    stream.passed_error = message = message_of(stream.facts.error)
    is_well_formed = not (item.kinds or stream.converts)
    stream.failure = stream.failure or Failure(Kind.UPSTREAM_ERROR, why, message, item.value, is_well_formed)
    stream.ledger.note(Kind.UPSTREAM_ERROR, why)
    return stream.deliver(item)


def _alone(stream: Stream, item: Frame) -> Frame:
    """The error without what some SDK reads in its place."""
    others = stream.dialect.not_beside_error if stream.dialect else ()
    alone = {key: value for key, value in item.value.items() if key not in others}
    if len(alone) == len(item.value):
        return item
    payload = edited(item.payload, item.value, alone)
    return item._replace(value=alone, mended=payload, kinds=(*item.kinds, Kind.ERROR_SHAPE))


def report_odd(stream: Stream, item: Frame) -> bytes:
    """An error in a shape that SDKs ignore: they would report what came before it as the whole answer."""
    stream.passed_error = message = message_of(stream.facts.error)
    also = tuple(kind for kind in item.kinds if kind is not Kind.ERROR_SHAPE)
    why = "an error in a shape that SDKs ignore"
    return stream.end_with_error(Effect.REPAIR, Kind.ERROR_SHAPE, item.raw, why, also=also, message=message, value=item.value)


def message_of(error: str | None) -> str:
    """What the upstream said of its error, as far as it is told."""
    return (error or "the upstream reported an error in its stream")[:MAX_MESSAGE]
