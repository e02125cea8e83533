"""What one read held leaves at once, and nothing else about a stream changes: over HTTP/1 and HTTP/2, ours and others'."""

import contextlib
import random
import re

import pytest
from mitmproxy.test import taddons

from resplice.proxy import internals
from resplice.proxy.addon import Resplice
from resplice.proxy.internals import coalesce, names
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.paper import CHUNKED, END, REQUEST, Bench, chunk
from unit.proxy.paper2 import LLM, Bench2

_NAMED = re.compile(rb"stream [0-9a-f]{8}")
"""An error names its stream, by an id that is random."""
OTHER = "/clock"
TICKS = [b"tick %d\n" % number for number in range(5)]
ANSWER = [FIRST, LAST, DONE]
UPGRADE = b"GET /socket HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: tide\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: tide\r\n\r\n"


class StreamsAll:
    """An addon of somebody else's, which streams everything and sees each piece."""

    def __init__(self):
        self.pieces = []

    def responseheaders(self, flow):
        self.inner.responseheaders(flow)
        if not flow.response.stream:
            flow.response.stream = self.see

    def see(self, data):
        self.pieces.append(data)
        return data

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.fixture(autouse=True)
def _nothing_told_yet(monkeypatch):
    monkeypatch.setattr(internals, "_told", set())


@pytest.fixture
def make():
    """A bench of one kind or the other, around Resplice and an addon that streams whatever it leaves alone."""
    with contextlib.ExitStack() as stack:
        yield lambda kind, **options: _bench(stack, kind, **options)


def _bench(stack, kind, **options):
    addon, others = Resplice(), StreamsAll()
    others.inner = addon
    tctx = stack.enter_context(taddons.context(addon))
    tctx.configure(addon, resplice_log="")
    return kind(tctx, others, **options)


def outcome(bench):
    return bench.flow.metadata["resplice"]["outcome"]


# -- HTTP/1


def test_the_chunks_of_one_read_leave_in_one_write(make):
    bench = make(Bench)
    bench.start(FIRST)
    before = len(bench.writes[bench.client])
    bench.receive(bench.server, chunk(FIRST) + chunk(FIRST) + chunk(LAST))
    assert bench.writes[bench.client][before:] == [chunk(FIRST + FIRST + LAST)]


def test_what_came_with_the_head_leaves_in_one_write_too(make):
    bench = make(Bench)
    bench.receive(bench.client, REQUEST)
    bench.receive(bench.server, CHUNKED + chunk(FIRST) + chunk(LAST) + chunk(DONE) + END)
    assert bench.body == chunk(FIRST + LAST + DONE) + END
    assert outcome(bench) == "complete"


def test_what_waited_for_a_hook_leaves_in_pieces_of_a_bounded_size(make):
    bench = make(Bench)
    bench.receive(bench.client, REQUEST)
    bench.receive(bench.server, CHUNKED + b"".join(chunk(FIRST) for _ in range(1000)))
    sizes = [int(write.partition(b"\r\n")[0], 16) for write in bench.writes[bench.client][1:]]
    assert sum(sizes) == 1000 * len(FIRST)
    assert max(sizes) <= 65535
    assert len(sizes) == -(-1000 // (65535 // len(FIRST)))


def test_the_end_that_came_in_the_same_read_comes_behind_the_data(make):
    bench = make(Bench)
    bench.start()
    bench.receive(bench.server, chunk(FIRST) + chunk(LAST) + chunk(DONE) + END)
    assert bench.body == chunk(FIRST + LAST + DONE) + END
    assert bench.hooks[-1] == "response"
    assert outcome(bench) == "complete"


def test_a_damaged_chunk_in_the_same_read_comes_behind_the_data(make):
    bench = make(Bench)
    bench.start()
    bench.receive(bench.server, chunk(FIRST) + chunk(LAST) + b"no size\r\n")
    assert bench.body.startswith(chunk(FIRST + LAST))
    assert bench.body.endswith(END)
    assert outcome(bench) == "upstream_abort"


def test_where_mitmproxy_itself_fails_what_came_before_is_delivered(make):
    bench = make(Bench)
    bench.start()
    with pytest.raises(NotImplementedError, match="trailers"):
        bench.receive(bench.server, chunk(FIRST) + chunk(LAST) + b"0\r\nx-trailer: 1\r\n\r\n")
    assert bench.body == chunk(FIRST + LAST)


def test_the_next_response_on_the_connection_is_gathered_if_it_is_ours_and_only_then(make):
    bench = make(Bench)
    bench.start()
    bench.receive(bench.server, b"".join(map(chunk, ANSWER)) + END)
    bench.receive(bench.client, b"GET /clock HTTP/1.1\r\nhost: h\r\n\r\n")
    bench.receive(bench.server, CHUNKED.replace(b"event-stream", b"plain"))
    bench.receive(bench.server, b"".join(map(chunk, TICKS)) + END)
    assert bench.addon.pieces == [*TICKS, b""]
    before = len(bench.writes[bench.client])
    bench.receive(bench.client, REQUEST)
    bench.receive(bench.server, CHUNKED)
    bench.receive(bench.server, b"".join(map(chunk, ANSWER)) + END)
    assert bench.writes[bench.client][before + 1 :] == [chunk(b"".join(ANSWER)), END]
    (connection,) = (layer for side, layer in bench.layer.connections.items() if side is bench.server)
    assert connection.handle_event.__self__._original.__self__ is connection, "it is wrapped once"


def test_a_response_that_is_not_streamed_is_buffered_as_ever(make):
    bench = make(Bench)
    bench.start()
    bench.receive(bench.server, chunk(FIRST) + chunk(LAST) + chunk(DONE) + END)
    bench.addon.responseheaders = lambda flow: None
    bench.receive(bench.client, REQUEST)
    before = len(bench.sent[bench.client])
    bench.receive(bench.server, CHUNKED + chunk(b"a") + chunk(b"b") + END)
    assert bench.sent[bench.client][before:].endswith(b"\r\n\r\n" + chunk(b"ab") + END)


def test_a_connection_that_had_a_stream_of_ours_can_be_upgraded(make):
    bench = make(Bench)
    bench.server.timestamp_start = 1.0
    bench.start(*ANSWER)
    bench.receive(bench.server, END)
    bench.receive(bench.client, UPGRADE)
    bench.receive(bench.server, UPGRADED + b"first words")
    bench.receive(bench.server, b" and more")
    bench.receive(bench.client, b"an answer")
    assert bench.sent[bench.client].endswith(b"\r\n\r\nfirst words and more")
    assert bench.sent[bench.server].endswith(b"an answer")


# -- HTTP/2


def test_the_frames_of_several_streams_in_one_read_leave_in_one_piece_for_each(make):
    bench = make(Bench2)
    a, b, c = bench.ask(LLM, LLM, LLM)
    bench.says((a, FIRST), (b, FIRST), (c, FIRST), (b, LAST), (a, LAST), (c, LAST), (b, DONE))
    assert dict(bench.pieces) == {a: [FIRST + LAST], b: [FIRST + LAST + DONE], c: [FIRST + LAST]}


def test_an_end_in_the_same_read_comes_behind_the_data_whatever_kind_it_is(make):
    bench = make(Bench2)
    a, b, c = bench.ask(LLM, LLM, LLM)
    bench.says(
        (a, FIRST), (b, FIRST), (c, FIRST), (a, LAST), (a, DONE), (a, "end"), (b, "reset"), (c, LAST), (c, DONE), (c, "trailers")
    )
    assert bench.bodies[a] == b"".join(ANSWER)
    assert bench.bodies[b].startswith(FIRST + b'data: {"error"')
    assert bench.bodies[c] == b"".join(ANSWER)
    assert bench.ends == {a: "end", b: "end", c: "end"}
    assert bench.layer.streams == {}


def test_a_stream_of_somebody_elses_on_the_same_connection_gets_each_of_its_pieces(make):
    bench = make(Bench2)
    ours, other = bench.ask(LLM, OTHER)
    bench.addon.pieces.clear()
    bench.says(*[step for tick in TICKS for step in ((ours, FIRST), (other, tick))])
    assert bench.bodies[ours] == FIRST * len(TICKS)
    assert bench.pieces[other] == TICKS


def test_empty_frames_are_no_end(make):
    bench = make(Bench2)
    (a,) = bench.ask(LLM)
    bench.says((a, b""), (a, FIRST), (a, b""), (a, LAST), (a, b""))
    bench.says((a, b""))
    bench.says((a, DONE), (a, "end"))
    assert bench.pieces[a] == [FIRST + LAST, DONE]


def test_a_stream_that_we_end_in_the_middle_of_a_read_costs_its_siblings_nothing(make):
    bench = make(Bench2)
    a, b = bench.ask(LLM, LLM)
    bench.says((a, FIRST), (b, FIRST), (a, b'data: {"cut\n\n'), (b, LAST), (a, LAST), (b, DONE), (b, "end"), (a, DONE))
    assert bench.bodies[b] == b"".join(ANSWER)
    assert b'data: {"error"' in bench.bodies[a]
    assert bench.ends == {a: "end", b: "end"}
    assert len(bench.upstream_resets) == 1
    assert LAST not in bench.bodies[a]


def test_a_stream_that_the_client_cancels_is_forgotten(make):
    bench = make(Bench2)
    a, b = bench.ask(LLM, LLM)
    bench.cancel(a)
    bench.says((b, FIRST), (b, LAST), (b, DONE), (b, "end"))
    assert bench.pieces[b] == [b"".join(ANSWER)]
    assert bench.layer.connections[bench.server].handle_event.__self__._ours == set()


def test_the_upstreams_window_is_opened_again_by_as_much_as_came(make):
    bench = make(Bench2)
    (a,) = bench.ask(LLM)
    for _ in range(40):
        bench.says(*[(a, FIRST * 100)] * 5)
    assert bench.bodies[a] == FIRST * 100 * 5 * 40


# -- defects, ours and mitmproxy's


def test_a_defect_of_ours_lets_pieces_pass_as_they_come(make, monkeypatch, caplog):
    bench = make(Bench)
    bench.start()
    monkeypatch.setattr(coalesce, "_joined", lambda _: 1 / 0)
    for _ in range(2):
        bench.receive(bench.server, chunk(FIRST) + chunk(LAST))
    assert bench.body == (chunk(FIRST) + chunk(LAST)) * 2
    assert caplog.text.count("ZeroDivisionError") == 1


def test_an_event_that_looks_different_lets_pieces_pass_as_they_come(make, monkeypatch, caplog):
    class Strange:
        def __contains__(self, _):
            raise AttributeError("stream_id")

        def clear(self):
            pass

    bench = make(Bench)
    bench.start()
    bench.layer.connections[bench.server].handle_event.__self__._ours = Strange()
    bench.receive(bench.server, chunk(FIRST) + chunk(LAST))
    assert bench.body == chunk(FIRST) + chunk(LAST)
    assert "AttributeError" in caplog.text


def test_a_queue_that_looks_different_is_left_alone(make, monkeypatch, caplog):
    monkeypatch.setattr(coalesce, "_in_pieces", lambda _: 1 / 0)
    bench = make(Bench)
    bench.receive(bench.client, REQUEST)
    bench.receive(bench.server, CHUNKED + chunk(FIRST) + chunk(LAST))
    assert bench.body == chunk(FIRST) + chunk(LAST)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("name", names.GATHERING[:2])
def test_where_mitmproxy_is_built_differently_this_is_told_once_and_pieces_pass_as_they_come(make, monkeypatch, caplog, name):
    monkeypatch.setattr(names, name, None)
    bench = make(Bench)
    bench.start()
    bench.receive(bench.server, chunk(FIRST) + chunk(LAST))
    assert bench.body == chunk(FIRST) + chunk(LAST)
    assert caplog.text.count("bursts are not gathered") == 1


def test_this_mitmproxy_has_all_that_gathering_needs():
    assert names.absent(names.GATHERING) == []


# -- the same, whatever comes


def _story(rng, streams):
    """What an upstream does: frames of ours and of others, cut anywhere, ends of all kinds. Reads are lists of steps."""
    left = {stream: b"".join([FIRST, *[FIRST] * rng.randrange(4), LAST, DONE]) for stream in streams}
    reads = [[]]
    while left:
        stream = rng.choice(list(left))
        size = rng.choice((0, 1, 7, len(FIRST), 400, 2000))
        data, left[stream] = left[stream][:size], left[stream][size:]
        reads[-1].append((stream, data))
        if not left[stream] or rng.random() < 0.02:
            del left[stream]
            reads[-1].append((stream, rng.choice(("end", "reset", "trailers"))))
        if rng.random() < 0.2:
            reads.append([])
    return reads


def _play(make, seed):
    rng = random.Random(seed)
    bench = make(Bench2)
    streams = bench.ask(*[rng.choice((LLM, LLM, OTHER)) for _ in range(rng.randrange(1, 6))])
    for read in _story(rng, streams):
        bench.says(*read)
    assert bench.layer.streams == {}
    bodies = {stream: _NAMED.sub(b"stream", body) for stream, body in bench.bodies.items()}
    return bodies, bench.ends


@pytest.mark.parametrize("seed", range(40))
def test_every_stream_is_the_same_with_and_without(make, monkeypatch, seed):
    with_it = _play(make, seed)
    monkeypatch.setattr(internals, "_gather", lambda *_: None)
    assert _play(make, seed) == with_it
