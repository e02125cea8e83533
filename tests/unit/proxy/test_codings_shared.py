"""Bodies from public reports whose headers and coding contradict each other, and bombs: read where they lie, skipped where not."""

import resource
from pathlib import Path

import pytest

from resplice.core.events import Reason
from resplice.dialects import by_name
from resplice.proxy.coding import Coding
from resplice.proxy.decode import for_codings
from resplice.proxy.stream import Stream
from resplice.records.evidence import Evidence
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import StreamContext
from resplice.session.session import Session

import streams as s

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not here")


def through(dialect, body, names, size=65_536):
    stream = Stream(
        Session(by_name(dialect), seed="t"),
        StreamRecorder(
            StreamContext("s", "f", "h", 1, "POST", "/", 200, "HTTP/1.1", "HTTP/1.1", None, None, None, "repair"), Evidence.HASH
        ),
        write=(records := []).append,
        on_close=lambda _: None,
        coding=Coding(for_codings(names), sniffs=True),
        clock=lambda: 0.0,
    )
    out = b"".join(stream.feed(piece) for piece in s.cut(body, size)) + stream.finish(Reason.UPSTREAM_END)
    return out, [record.get("kind") for record in records]


@pytest.mark.parametrize("size", [65_536, 1])
@pytest.mark.parametrize(
    ("case", "names", "kind"),
    [("16-anthropic-gzip-undeclared", [], "coding_undeclared"), ("22-anthropic-stale-content-encoding", ["gzip"], "coding_stale")],
)
def test_the_answer_is_exact_and_what_was_wrong_with_the_headers_is_on_record(case, names, kind, size):
    (wire,) = (CASES / "reports" / case).glob("input.*")
    out, kinds = through("anthropic-messages", wire.read_bytes(), names, size)
    assert s.decode(out)[-1][0] == "message_stop"
    assert kind in kinds


@pytest.mark.parametrize("bomb", sorted((CASES / "hostile").glob("bomb_gzip_br_*.bin")), ids=lambda path: path.name)
def test_a_bomb_ends_in_an_honest_error_with_little_memory_and_at_once(bomb):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out, kinds = through("openai-chat", bomb.read_bytes(), ["gzip", "br"])
    assert b'"error"' in out
    assert "encoding_broken" in kinds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
