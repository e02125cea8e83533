"""Many events on one line: all of them, or an honest end; never a stack that overflows, never a line read again without end."""

import pytest

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.session import Session

from streams import chat, chat_text

ONE = chat_text("a").rstrip()[len(b"data: ") :]


def glued(count, between):
    session = Session(by_name("openai-chat"))
    out = session.receive_data(chat(b"data: " + between.join([ONE] * count) + b"\n\n")) + session.finish(Reason.UPSTREAM_END)
    return out, {finding.kind for finding in session.take_findings()}


@pytest.mark.parametrize("between", [b"", b"data: ", b"   data: "], ids=["nothing", "data", "blanks and data"])
def test_hundreds_of_events_on_one_line_are_all_delivered(between):
    out, kinds = glued(800, between)
    assert out.count(b'data: {"id"') == 802
    assert out.endswith(b"data: [DONE]\n\n")
    assert kinds == {Kind.JOINED_FRAMES}


def test_more_than_anybody_sends_ends_in_an_honest_error():
    out, kinds = glued(20_000, b"")
    assert out.rstrip().splitlines()[-1].startswith(b'data: {"error"')
    assert Kind.UNPARSABLE_DATA in kinds
    assert Kind.INTERNAL_ERROR not in kinds
