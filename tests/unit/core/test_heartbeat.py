import pytest

from resplice.core.heartbeat import Evidence, Heartbeats


@pytest.mark.parametrize(
    ("line", "start", "evidence"),
    [
        (b'data: {"t":"H:keepalive', 13, Evidence.KNOWN),
        (b'data: {"t":"H: ping - 2026-01-02 03:04:05.678+00:00', 13, Evidence.KNOWN),
        (b'data: {"t":"H: OPENROUTER PROCESSING', 13, Evidence.KNOWN),
        (b'data: {"t":"note: ping me later', 16, Evidence.POSSIBLE),
        (b'data: {"t":"Steps:', 17, Evidence.POSSIBLE),
    ],
)
def test_a_tail_is_told_by_the_vocabulary(line: bytes, start: int, evidence: Evidence) -> None:
    tail = Heartbeats().tail(line)
    assert tail is not None
    assert (tail.start, tail.evidence) == (start, evidence)


@pytest.mark.parametrize("line", [b'data: {"t":"Hello', b'{"a": "b"', b""])
def test_a_line_without_a_colon_at_its_end_has_no_heartbeat(line: bytes) -> None:
    assert Heartbeats().tail(line) is None


def test_a_comment_seen_before_is_the_strongest_evidence_and_its_digits_may_vary() -> None:
    heartbeats = Heartbeats()
    heartbeats.saw(b": tick 41 of 99")
    tail = heartbeats.tail(b'data: {"t":"H: tick 42 of 99')
    assert tail is not None
    assert (tail.start, tail.evidence) == (13, Evidence.SEEN)


def test_memory_for_comments_is_bounded() -> None:
    heartbeats = Heartbeats()
    for number in range(1000):
        heartbeats.saw(b": %s" % (b"x" * number))
    assert len(heartbeats._shapes) <= 16
