"""What is said over a WebSocket: responses that are open, ends, damage; with a clock that is made up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resplice.core.events import Effect, Reason, Receipt
from resplice.core.kinds import Kind
from resplice.dialects.socket_apis import SOCKET_APIS, socket_api
from resplice.session.pace import STALL_AFTER
from resplice.session.socket_follower import SocketFollower

RESPONSES, REALTIME = SOCKET_APIS
NORMAL, AWAY, ABORTED, BROKEN = 1000, 1001, 1006, 1011


class Talk:
    """A WebSocket that is followed, and its clock."""

    def __init__(self, api=RESPONSES, **more):
        self.follower = SocketFollower(api, 0.0, **more)
        self.now = 0.0

    def client(self, *values: object) -> "Talk":
        return self._say(values, from_client=True)

    def server(self, *values: object) -> "Talk":
        return self._say(values, from_client=False)

    def _say(self, values: tuple[object, ...], *, from_client: bool) -> "Talk":
        for value in values:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.follower.receive(data, from_client=from_client, is_text=True, now=self.now)
        return self

    def wait(self, seconds: float) -> "Talk":
        self.now += seconds
        return self

    def close(self, code: int | None = NORMAL, *, by_client: bool = True, **more) -> Receipt:
        self.follower.close(code, by_client=by_client, now=self.now, **more)
        return self.follower.receipt()

    @property
    def kinds(self) -> list[Kind]:
        return [finding.kind for finding in self.follower.take_findings()]


CREATE = {"type": "response.create", "model": "tiny-r", "input": "tide?"}


def created(name="resp_1"):
    return {"type": "response.created", "response": {"id": name, "model": "tiny-r"}}


def delta(text):
    return {"type": "response.output_text.delta", "delta": text}


def ended(kind="response.completed", name="resp_1", status="completed", **more):
    return {"type": kind, "response": {"id": name, "status": status, "usage": {"total_tokens": 5}, **more}}


ANSWER = (created(), delta("Hel"), delta("lo"), ended())
FAILED = {"error": {"code": "server_error", "message": "no luck"}}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/responses", "openai-responses"),
        ("/backend-api/codex/responses?x=1", "openai-responses"),
        ("/v1/realtime?model=gpt-realtime", "openai-realtime"),
        ("/openai/realtime", "openai-realtime"),
        ("/v1/chat/completions", None),
        ("/socket", None),
    ],
)
def test_an_api_is_known_by_the_end_of_its_path(path, name):
    api = socket_api(path)
    assert (api.name if api else None) == name


def test_a_whole_answer_is_told_with_its_amounts():
    talk = Talk().client(CREATE).wait(1).server(*ANSWER)
    receipt = talk.close()
    assert talk.kinds == []
    assert (receipt.outcome, receipt.terminal, receipt.stop_reason) == (Reason.COMPLETE, "seen", "completed")
    assert (receipt.model, receipt.message_id, receipt.text_chars, receipt.usage) == ("tiny-r", "resp_1", 5, {"total_tokens": 5})
    assert (receipt.events_in, receipt.socket.client_messages, receipt.socket.responses) == (4, 1, 1)
    assert receipt.bytes_in == receipt.bytes_out == receipt.bytes_passed == sum(len(json.dumps(one)) for one in ANSWER)
    assert receipt.healthy
    assert receipt.first_token_at == 1


def test_many_answers_on_one_connection_are_added_up():
    talk = Talk()
    for number in range(3):
        talk.client(CREATE).server(created(f"r{number}"), delta("abc"), ended(name=f"r{number}"))
    receipt = talk.close()
    assert (receipt.socket.responses, receipt.text_chars, receipt.usage) == (3, 9, {"total_tokens": 15})
    assert receipt.terminal == "seen"


@pytest.mark.parametrize(
    ("code", "by_client", "outcome", "extra"),
    [
        (NORMAL, False, Reason.UPSTREAM_END, []),
        (AWAY, True, Reason.CLIENT_DISCONNECT, []),
        (ABORTED, False, Reason.UPSTREAM_ABORT, [Kind.ABNORMAL_CLOSE]),
        (None, False, Reason.UPSTREAM_ABORT, [Kind.ABNORMAL_CLOSE]),
        (ABORTED, True, Reason.CLIENT_DISCONNECT, [Kind.ABNORMAL_CLOSE]),
        (BROKEN, False, Reason.UPSTREAM_END, [Kind.ABNORMAL_CLOSE]),
    ],
)
def test_a_connection_that_ends_within_an_answer_leaves_it_unfinished(code, by_client, outcome, extra):
    talk = Talk().client(CREATE).server(created(), delta("Hel"))
    receipt = talk.close(code, by_client=by_client)
    assert (receipt.outcome, receipt.terminal, receipt.losses, receipt.socket.unfinished) == (outcome, "missing", 1, 1)
    findings = talk.follower.take_findings()
    assert [finding.kind for finding in findings] == [*extra, Kind.RESPONSE_UNFINISHED]
    assert "'resp_1' did not end" in findings[-1].why
    assert ("client" if by_client else "server") in findings[-1].why
    assert findings[-1].effect is Effect.LOSS


def test_an_answer_that_was_asked_for_and_never_began_is_unfinished_too():
    talk = Talk().client(CREATE)
    receipt = talk.close(ABORTED, by_client=False)
    assert (receipt.outcome, receipt.socket.responses, receipt.socket.unfinished) == (Reason.UPSTREAM_ABORT, 0, 1)
    assert Kind.RESPONSE_UNFINISHED in talk.kinds


@pytest.mark.parametrize(
    ("code", "outcome"), [(NORMAL, Reason.COMPLETE), (ABORTED, Reason.UPSTREAM_ABORT), (BROKEN, Reason.COMPLETE)]
)
def test_an_end_between_answers_loses_nothing(code, outcome):
    talk = Talk().client(CREATE).server(*ANSWER)
    receipt = talk.close(code, by_client=False)
    assert (receipt.outcome, receipt.losses, receipt.terminal) == (outcome, 0, "seen")
    assert talk.kinds == ([] if code == NORMAL else [Kind.ABNORMAL_CLOSE])


def test_one_answer_that_begins_before_the_other_has_ended_shows_that_its_end_is_missing():
    talk = Talk().client(CREATE).server(created("a"), created("b"), ended(name="b"))
    assert talk.kinds == [Kind.RESPONSE_UNFINISHED]
    receipt = talk.close()
    assert (receipt.socket.responses, receipt.socket.unfinished, receipt.terminal) == (2, 1, "missing")


def test_realtime_answers_may_be_open_at_the_same_time():
    talk = Talk(REALTIME).server(created("a"), created("b"), ended("response.done", "a"), ended("response.done", "b"))
    assert talk.kinds == []
    assert talk.close().socket.unfinished == 0


@pytest.mark.parametrize("message", [b"{", b"", b"[1]", b'"x"', b"null", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_a_message_that_is_no_json_object_is_a_loss_and_its_bytes_are_on_record(message):
    talk = Talk().client(CREATE).server(created(), message, ended())
    [finding] = talk.follower.take_findings()
    assert (finding.kind, finding.effect, finding.raw, finding.replacement) == (
        Kind.MESSAGE_MALFORMED,
        Effect.LOSS,
        message,
        message,
    )
    assert finding.in_offset == finding.out_offset == len(json.dumps(created()))
    assert talk.close().losses == 1


def test_what_the_client_says_is_never_in_the_log():
    talk = Talk().client(b"{my secret")
    [finding] = talk.follower.take_findings()
    assert (finding.kind, finding.effect, finding.raw) == (Kind.MESSAGE_MALFORMED, Effect.NOTE, b"")
    assert "secret" not in finding.why
    assert talk.close().losses == 0


def test_large_and_binary_messages_are_counted_and_not_looked_at():
    talk = Talk(max_message=100).server(b"{" * 101)
    talk.follower.receive(b"\0\1", from_client=False, is_text=False, now=0.0)
    assert talk.kinds == []
    assert (talk.close().events_in, talk.follower.receipt().bytes_in) == (2, 103)


@pytest.mark.parametrize("end", [ended("response.failed", status="failed", **FAILED), {"type": "error", **FAILED}])
def test_an_answer_that_failed_and_said_so_is_no_loss(end):
    talk = Talk().client(CREATE).server(created(), end)
    receipt = talk.close()
    assert talk.kinds == [Kind.UPSTREAM_ERROR]
    assert (receipt.outcome, receipt.terminal, receipt.error, receipt.losses) == (Reason.COMPLETE, "error", "no luck", 0)
    assert (receipt.socket.failed, receipt.socket.unfinished) == (1, 0)


def test_an_error_of_realtime_leaves_the_answer_open():
    talk = Talk(REALTIME).server(created(), {"type": "error", **FAILED})
    assert talk.close(by_client=False).socket.unfinished == 1


def test_an_error_answers_the_question_that_it_refuses():
    talk = Talk().client(CREATE).server({"type": "error", "status": 400, **FAILED})
    receipt = talk.close()
    assert (receipt.socket.unfinished, receipt.error, receipt.losses) == (0, "no luck", 0)


def test_only_silence_while_an_answer_is_due_is_a_stall():
    talk = Talk().wait(500).client(CREATE).wait(STALL_AFTER + 2).server(*ANSWER)
    [stall] = talk.follower.take_stalls()
    assert (stall.silence, stall.resumed) == (STALL_AFTER + 2, True)
    talk.wait(500).client(CREATE).wait(1).server(created("b")).wait(30)
    receipt = talk.close(ABORTED, by_client=False)
    [last] = talk.follower.take_stalls()
    assert (last.silence, last.resumed, receipt.longest_gap, receipt.stalls) == (30, False, 30, 2)
    quiet = Talk().client(CREATE).server(*ANSWER).wait(500)
    assert (quiet.close().longest_gap, quiet.follower.take_stalls()) == (0, [])


def test_what_is_remembered_is_bounded():
    talk = Talk(REALTIME)
    for number in range(1000):
        talk.server(created(f"r{number}"), ended("response.done", "x", usage={f"u{number}": 1}))
    assert len(talk.follower._open) <= 64
    assert len(talk.follower._usage) <= 64


def test_a_connection_that_the_proxy_gives_up_is_told_as_that():
    talk = Talk().client(CREATE).server(created())
    receipt = talk.close(AWAY, by_client=False, because=Reason.SHUTDOWN)
    assert (receipt.outcome, receipt.socket.unfinished) == (Reason.SHUTDOWN, 1)


@pytest.mark.parametrize(
    "kind", [None, 7, [], "response.created", "response.completed", "error", "x.text.delta", "response.output_item.added"]
)
@pytest.mark.parametrize("rest", [{}, {"response": 7, "item": 7, "delta": 7, "error": 7}, {"response": {"id": [], "usage": []}}])
def test_no_message_whatever_raises(kind, rest):
    for api in SOCKET_APIS:
        talk = Talk(api).client({"type": kind, **rest}).server({"type": kind, **rest}, {"type": kind, **rest})
        assert talk.close().events_in == 2


TYPES = ["response.create", "response.created", "response.completed", "response.done", "error", "x.text.delta", "ping"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "status", "usage", "type"]), inner),
    max_leaves=8,
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | VALUES}, optional=dict.fromkeys(("response", "item", "delta", "error"), VALUES)
)


@given(
    st.sampled_from(SOCKET_APIS),
    st.lists(
        st.tuples(st.booleans(), st.binary(max_size=20) | MESSAGES.map(lambda value: json.dumps(value).encode())), max_size=20
    ),
    st.sampled_from([NORMAL, ABORTED, None]),
    st.booleans(),
)
def test_whatever_is_said_every_byte_is_counted_and_every_loss_is_told(api, messages, code, by_client):
    talk = Talk(api)
    for from_client, data in messages:
        talk.follower.receive(data, from_client=from_client, is_text=True, now=talk.now)
        talk.wait(1)
    receipt = talk.close(code, by_client=by_client)
    findings = talk.follower.take_findings()
    assert receipt.bytes_in == receipt.bytes_out == sum(len(data) for from_client, data in messages if not from_client)
    assert receipt.losses == sum(finding.effect is Effect.LOSS for finding in findings)
    assert all(finding.raw == finding.replacement for finding in findings)
    assert receipt.socket.unfinished <= receipt.losses
