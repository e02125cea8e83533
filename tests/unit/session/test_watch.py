"""What time does to a stream: heartbeats, stalls, and ends; with a clock that is made up."""

from dataclasses import dataclass, field

import pytest

from resplice.core.events import Effect, Reason, Receipt
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.pace import STALL_AFTER
from resplice.session.policy import Policy
from resplice.session.session import Session
from resplice.session.watch import FINISH_GRACE, LINGER

import streams as s
from faults import A, C, R
from streams import decode, reconstruct, run

START = {C: s.CHAT.split(b"\n\n")[0] + b"\n\n", A: s.MESSAGE_START + s.BLOCK_START, R: s.RESPONSE_CREATED + s.ITEM_ADDED}
CONTENT = {C: s.chat_text("Hel"), A: s.text_delta("Hel"), R: s.output_delta("Hel", 3)}
COMMENT = b": ping\n\n"
PINGS = {
    C: s.sse(s.chat_chunk({"role": "assistant", "content": ""})),
    A: s.PING,
    R: s.typed({"type": "keepalive", "sequence_number": 1}),
}
every_dialect = pytest.mark.parametrize("dialect", s.HEALTHY)


@dataclass
class Player:
    """A session with its clock, driven as the adapter does it."""

    dialect: str | None
    policy: Policy = field(default_factory=Policy)
    now: float = 0.0
    output: bytes = b""

    def __post_init__(self) -> None:
        self.session = Session(by_name(self.dialect) if self.dialect else None, self.policy, seed="t")

    def give(self, data: bytes) -> bytes:
        out = self.session.receive_data(data, self.now)
        self.output += out
        return out

    def wait(self, seconds: float, step: float = 0.125) -> bytes:
        """Let time pass, in ticks; stops where the stream wants to end."""
        out = b""
        for _ in range(int(seconds / step)):
            self.now += step
            out += self.session.tick(self.now)
            if self.session.wants_end:
                break
        self.output += out
        return out

    def end(self) -> Receipt:
        """Do what the session wants, or end as the upstream does."""
        reason, detail = self.session.wants_end or (Reason.UPSTREAM_END, "")
        self.output += self.session.finish(reason, self.now, detail)
        return self.session.receipt()


def names(body: bytes) -> list[str]:
    return [name or ("[DONE]" if value == "[DONE]" else "chunk") for name, value in decode(body)]


# -- heartbeats ------------------------------------------------------------------------------------

BEATS = Policy(heartbeat=1.0)


@pytest.mark.parametrize(
    ("dialect", "first", "later"),
    [
        (C, b": keepalive\n", b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]}\n\n'),
        (A, b": keepalive\n", b'event: ping\ndata: {"type": "ping"}\n\n'),
        (R, b": keepalive\n", b'event: keepalive\ndata: {"type":"keepalive","sequence_number":2}\n\n'),
    ],
)
def test_a_silent_upstream_is_covered_by_the_dialects_own_keepalive(dialect: str, first: bytes, later: bytes) -> None:
    player = Player(dialect, BEATS)
    assert player.wait(1.05) == first
    player.give(START[dialect])
    assert player.wait(0.95) == b""
    assert player.wait(0.125).endswith(later)
    assert player.wait(2.0).count(later) == 2
    [*_, finding] = player.session.take_findings()
    assert (finding.kind, finding.raw) == (Kind.HEARTBEAT, b"")


def test_a_chats_heartbeat_bears_the_streams_own_id_and_model() -> None:
    player = Player(C, BEATS)
    player.give(START[C])
    [(_, beat)] = decode(player.wait(1.05))
    assert (beat["id"], beat["model"]) == ("chatcmpl-7Qx", "tiny-1")


@every_dialect
def test_heartbeats_are_off_by_default_and_in_observe_mode(dialect: str) -> None:
    for policy in (Policy(idle_timeout=0), Policy(mode="observe", heartbeat=1, idle_timeout=5)):
        player = Player(dialect, policy)
        player.give(START[dialect])
        assert player.wait(100, 1.0) == b""
        assert player.session.wants_end is None


@every_dialect
def test_a_heartbeat_at_every_byte_stands_between_frames_only(dialect: str) -> None:
    healthy = s.HEALTHY[dialect]
    player = Player(dialect, Policy(heartbeat=0.05, idle_timeout=0, stall_timeout=0))
    for byte in healthy:
        player.wait(0.2)
        player.give(bytes([byte]))
    receipt = player.end()
    events = [event for event in decode(player.output) if not is_beat(event)]
    assert events == [event for event in decode(healthy) if not is_beat(event)]
    findings = player.session.take_findings()
    assert sum(finding.kind is Kind.HEARTBEAT for finding in findings) == len(decode(healthy))
    assert {finding.kind for finding in findings} == {Kind.HEARTBEAT}
    assert receipt.bytes_in == len(healthy) == receipt.bytes_passed
    assert receipt.bytes_out == len(player.output) == receipt.bytes_passed + receipt.bytes_inserted
    assert reconstruct(player.output, findings) == healthy
    assert run(dialect, player.output).output == player.output


@pytest.mark.parametrize("pause", [0.2, 0.3, 3.0])
@every_dialect
def test_pauses_in_odd_framing_never_tear_a_frame(dialect: str, pause: float) -> None:
    wire = s.HEALTHY[dialect].replace(b"\n", b"\r\n").replace(b"data", b": hello\r\n\r\ndata")
    player = Player(dialect, Policy(heartbeat=0.05, idle_timeout=0, stall_timeout=0))
    for byte in wire:
        player.wait(pause, pause / 2)
        player.give(bytes([byte]))
    player.end()
    assert [event for event in decode(player.output) if not is_beat(event)] == [
        event for event in decode(s.HEALTHY[dialect]) if not is_beat(event)
    ]
    assert reconstruct(player.output, player.session.take_findings()) == wire


def is_beat(event: tuple[str | None, object]) -> bool:
    """Whether a client makes nothing of an event: a heartbeat of ours, or a ping that was in the stream."""
    name, value = event
    if isinstance(value, dict) and value.get("object") == "chat.completion.chunk":
        return [choice["delta"] for choice in value["choices"]] == [{"content": ""}]
    return name in {"keepalive", "ping"}


@every_dialect
def test_no_heartbeat_follows_the_end_of_a_message(dialect: str) -> None:
    whole = Player(dialect, BEATS)
    whole.give(s.HEALTHY[dialect])
    assert whole.wait(2.5) == b""
    damaged = Player(dialect, BEATS)
    damaged.give(START[dialect] + b'data: {"x\n\n' + b'data: y"}\n\n')
    if damaged.session.ended:
        assert damaged.wait(2.5) == b""
    failed = Player(dialect, BEATS)
    failed.give(START[dialect] + s.typed({"type": "error", "error": {"type": "x", "message": "boom"}}))
    assert failed.wait(2.5) == b""


def test_no_heartbeat_passes_a_terminal_that_waits() -> None:
    player = Player(C, Policy(heartbeat=0.5))
    assert b"DONE" not in player.give(s.chat_text("x") + b"data: [DONE]\n\n")
    assert b"keepalive" not in player.wait(1.9)
    assert b'"error"' in player.wait(0.3)


def test_a_comment_or_ping_of_the_upstream_takes_the_place_of_a_heartbeat() -> None:
    player = Player(A, BEATS)
    player.give(START[A])
    for _ in range(10):
        assert player.wait(0.9) == b""
        player.give(COMMENT)


def test_a_heartbeat_makes_no_answer_unhealthy_in_its_content() -> None:
    player = Player(C, BEATS)
    player.give(START[C])
    player.wait(3.05)
    player.give(s.CHAT[len(START[C]) :])
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal, receipt.losses) == (Reason.COMPLETE, "seen", 0)
    assert receipt.kinds == {"heartbeat": 3}
    assert not receipt.healthy


# -- idle ------------------------------------------------------------------------------------------


@every_dialect
def test_an_upstream_that_falls_silent_ends_in_an_honest_error(dialect: str) -> None:
    player = Player(dialect, Policy(idle_timeout=5, heartbeat=1))
    player.give(START[dialect] + CONTENT[dialect])
    player.wait(4.95)
    assert player.session.wants_end is None
    player.wait(1)
    assert player.session.wants_end is not None
    assert player.now == 5
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal) == (Reason.IDLE, "error")
    assert "no byte came from the upstream for 5 s" in str(receipt.error)
    assert names(player.output)[-1] in {"chunk", "error", "response.failed"}
    assert "[DONE]" not in names(player.output)


def test_the_default_is_ten_minutes_of_silence_however_long_the_stream() -> None:
    player = Player(A)
    player.give(START[A])
    for _ in range(10):
        player.wait(599, 1.0)
        assert player.session.wants_end is None
        player.give(CONTENT[A])
    player.wait(601, 1.0)
    assert player.session.wants_end


@every_dialect
def test_a_frame_that_was_cut_by_the_silence_is_no_part_of_the_answer(dialect: str) -> None:
    player = Player(dialect, Policy(idle_timeout=5))
    player.give(START[dialect] + CONTENT[dialect][:-20])
    player.wait(6)
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal) == (Reason.IDLE, "error")
    assert all(isinstance(value, dict) for _, value in decode(player.output))


def test_an_upstream_without_a_byte_ends_too() -> None:
    player = Player(C, Policy(idle_timeout=5))
    player.wait(6)
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal, receipt.kinds) == (Reason.IDLE, "error", {"empty_stream": 1})


def test_bytes_of_which_nothing_can_be_made_yet_are_a_sign_of_life() -> None:
    player = Player(C, Policy(idle_timeout=5))
    for _ in range(5):
        player.wait(4)
        player.session.heard(player.now)
    assert player.session.wants_end is None


def test_a_stream_of_no_known_dialect_is_never_ended() -> None:
    player = Player(None, Policy(idle_timeout=1, stall_timeout=1, heartbeat=1))
    player.give(b"data: tick\n\n")
    assert player.wait(100, 1.0) == b""
    assert player.session.wants_end is None


# -- keepalives alone ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ping", [COMMENT, b"ping", b"data:\n\n", b"retry: 9\n\n"], ids=["comments", "pings", "empty data", "fields"]
)
@every_dialect
def test_keepalives_alone_reset_the_idle_clock_but_not_the_other(dialect: str, ping: bytes) -> None:
    player = Player(dialect, Policy(idle_timeout=5, stall_timeout=20, on=frozenset({Kind.EMPTY_DATA})))
    player.give(START[dialect] + CONTENT[dialect])
    for _ in range(6):
        player.give(PINGS[dialect] if ping == b"ping" else ping)
        player.wait(3)
        assert player.session.wants_end is None
    player.give(COMMENT)
    player.wait(4)
    assert player.session.wants_end is not None
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal) == (Reason.IDLE, "error")
    assert "nothing but keepalives" in receipt.detail


@every_dialect
def test_content_between_the_pings_keeps_a_stream_alive(dialect: str) -> None:
    player = Player(dialect, Policy(stall_timeout=10))
    player.give(START[dialect])
    for _ in range(10):
        player.give(PINGS[dialect])
        player.wait(4)
        player.give(CONTENT[dialect])
        player.wait(4)
    assert player.session.wants_end is None


def test_keepalive_chunks_of_the_shape_of_content_are_no_content() -> None:
    player = Player(C, Policy(stall_timeout=10))
    player.give(START[C] + s.chat_text("x") * 100)
    for _ in range(4):
        player.wait(3)
        player.give(s.chat_text(""))
    assert player.session.wants_end
    assert player.session.receipt().text_chars == 100


# -- ends that do not come -------------------------------------------------------------------------


@pytest.mark.parametrize("pings", [False, True])
@every_dialect
def test_a_body_that_stays_open_behind_its_terminal_is_ended_as_complete(dialect: str, pings: bool) -> None:
    player = Player(dialect, Policy(idle_timeout=0))
    player.give(s.HEALTHY[dialect])
    while player.session.wants_end is None and player.now < 60:
        player.wait(1)
        if pings:
            player.give(COMMENT)
    assert LINGER <= player.now <= LINGER + 1.1
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal, receipt.losses) == (Reason.COMPLETE, "seen", 0)
    assert player.output.removesuffix(COMMENT).startswith(s.HEALTHY[dialect])


@pytest.mark.parametrize(("dialect", "terminal"), [(C, b"data: [DONE]\n\n"), (A, s.MESSAGE_STOP)])
def test_a_finished_answer_without_its_terminal_gets_it_after_a_grace(dialect: str, terminal: bytes) -> None:
    player = Player(dialect, Policy(idle_timeout=0))
    player.give(s.HEALTHY[dialect].removesuffix(terminal))
    player.wait(FINISH_GRACE - 0.1)
    assert player.session.wants_end is None
    player.wait(1)
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal, receipt.losses) == (Reason.IDLE, "synthesised", 0)
    assert decode(player.output) == decode(s.HEALTHY[dialect])


def test_usage_that_comes_late_is_not_lost() -> None:
    player = Player(C)
    usage = s.sse(s.chat_chunk({}) | {"choices": [], "usage": {"total_tokens": 7}})
    player.give(s.CHAT.removesuffix(b"data: [DONE]\n\n"))
    player.wait(FINISH_GRACE - 1)
    player.give(usage + b"data: [DONE]\n\n")
    assert player.end().usage == {"total_tokens": 7}


def test_an_error_of_the_upstream_behind_which_nothing_comes_is_the_end() -> None:
    player = Player(A)
    player.give(START[A] + s.typed({"type": "error", "error": {"type": "overloaded_error", "message": "boom"}}))
    player.wait(FINISH_GRACE + 1)
    receipt = player.end()
    assert (receipt.outcome, receipt.terminal, receipt.error) == (Reason.IDLE, "error", "boom")
    assert names(player.output).count("error") == 1


# -- stalls ----------------------------------------------------------------------------------------


def test_long_silences_are_told_with_their_place() -> None:
    player = Player(A, Policy(heartbeat=5))
    player.give(START[A])
    player.wait(STALL_AFTER - 1)
    player.give(CONTENT[A])
    assert player.session.take_stalls() == []
    player.wait(20)
    player.give(COMMENT)
    [stall] = player.session.take_stalls()
    assert stall.silence == pytest.approx(20)
    assert stall.resumed
    assert stall.bytes_in == len(START[A] + CONTENT[A])
    assert stall.bytes_out > stall.bytes_in
    player.wait(12)
    receipt = player.end()
    [last] = player.session.take_stalls()
    assert (last.silence, last.resumed) == (pytest.approx(12), False)
    assert (receipt.stalls, receipt.stalled, receipt.longest_gap) == (2, pytest.approx(32), pytest.approx(20))


def test_stalls_are_told_in_observe_mode_too() -> None:
    player = Player(A, Policy(mode="observe"))
    player.give(START[A])
    player.wait(11)
    player.give(CONTENT[A])
    assert player.session.has_findings
    assert len(player.session.take_stalls()) == 1


def test_the_path_alone_makes_no_heartbeat_of_a_dialect_and_a_strange_format_gets_none() -> None:
    player = Player(A, Policy(heartbeat=1, idle_timeout=60, stall_timeout=60))
    assert player.wait(1.05) == b": keepalive\n"
    player.give(s.CHAT[: len(START[C])])
    assert player.wait(1.05) == b""  # another API's, and nobody asked for it
    strange = Player(A, Policy(heartbeat=1, idle_timeout=5, stall_timeout=5))
    strange.give(s.sse({"jsonrpc": "2.0", "result": {}}))
    assert strange.wait(50, 1.0) == b""
    assert strange.session.wants_end is None


# -- observe mode ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "pings", "why"),
    [
        (CONTENT, b"", "no byte came from the upstream for 5 s"),
        (CONTENT, COMMENT, "nothing but keepalives came from the upstream for 20 s"),
        (s.HEALTHY, b"", f"the body was still open {LINGER:g} s behind its terminal event"),
    ],
    ids=["idle", "stalled", "open"],
)
@every_dialect
def test_in_observe_mode_an_end_that_would_have_been_made_is_noted_once(
    dialect: str, given: dict[str, bytes], pings: bytes, why: str
) -> None:
    player = Player(dialect, Policy(mode="observe", idle_timeout=5, stall_timeout=20, heartbeat=1))
    wire = (b"" if given is s.HEALTHY else START[dialect]) + given[dialect]
    player.give(wire)
    for _ in range(20):
        player.wait(3)
        wire += player.give(pings)
    assert player.output == wire
    assert player.session.wants_end is None
    [finding] = player.session.take_findings()
    assert (finding.kind, finding.effect, finding.raw, finding.replacement) == (Kind.WOULD_END, Effect.NOTE, b"", b"")
    assert why in finding.why
    assert player.end().outcome in {Reason.UPSTREAM_END, Reason.COMPLETE}


def test_in_observe_mode_a_stream_in_good_order_is_noted_for_nothing() -> None:
    player = Player(A, Policy(mode="observe", idle_timeout=5, stall_timeout=20))
    for frame in s.ANTHROPIC.split(b"\n\n")[:-1]:
        player.give(frame + b"\n\n")
        player.wait(2.5)
    assert player.end().kinds == {}
