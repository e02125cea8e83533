"""HTTP/2 on both sides of the bench: what a client and an upstream say to each other through it, without sockets."""

from collections import defaultdict

import h2.config
import h2.connection
import h2.events

from unit.proxy.paper import BODY, Bench

LLM = "/v1/chat/completions"


def _peer(*, client):
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client, header_encoding="utf-8"))
    peer.initiate_connection()
    return peer


class Bench2(Bench):
    """Streams are named by the client's ids; the upstream's are kept beside them."""

    def __init__(self, tctx, addon, *, reads=True):
        super().__init__(tctx, addon, b"h2")
        self.near, self.far = _peer(client=True), _peer(client=False)
        self.reads = reads
        self.bodies = defaultdict(bytes)
        self.pieces = defaultdict(list)
        self.ends = {}
        self.upstream_resets = []
        self._taken = {self.client: 0, self.server: 0}
        self._upstream = {}
        self._settle()

    def ask(self, *paths):
        """One request for each path, each answered by a head. Returns the streams' ids."""
        return [self._ask(path) for path in paths]

    def _ask(self, path):
        stream = self.near.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", path)]
        self.near.send_headers(stream, head)
        self.near.send_data(stream, BODY, end_stream=True)
        self._settle()
        self._upstream[stream] = self._newest
        kind = "text/event-stream" if path == LLM else "text/plain"
        self.far.send_headers(self._newest, [(":status", "200"), ("content-type", kind)])
        self._settle()
        return stream

    def says(self, *steps):
        """What the upstream does, all of it in one read: ``(stream, data)``, ``(stream, "end" | "reset" | "trailers")``."""
        for stream, what in steps:
            self._act(self._upstream[stream], what)
        self._settle()

    def _act(self, upstream, what):
        if what == "end":
            self.far.end_stream(upstream)
        elif what == "reset":
            self.far.reset_stream(upstream, 2)
        elif what == "trailers":
            self.far.send_headers(upstream, [("x-trailer", "1")], end_stream=True)
        else:
            self.far.send_data(upstream, what)

    def cancel(self, stream):
        self.near.reset_stream(stream, 8)
        self._settle()

    def _settle(self):
        """Let both sides hear what the other has said, until neither has more to say."""
        while True:
            near, far = self.near.data_to_send(), self.far.data_to_send()
            if near:
                self.receive(self.client, near)
            if far:
                self.receive(self.server, far)
            heard = [self._hear(self.client, self.near), self._hear(self.server, self.far)]
            if not (near or far or any(heard)):
                return

    def _hear(self, side, peer):
        data = self.sent[side][self._taken[side] :]
        self._taken[side] += len(data)
        for event in peer.receive_data(data) if data else ():
            self._note(peer, event)
        return bool(data)

    def _note(self, peer, event):
        if isinstance(event, h2.events.RequestReceived):
            self._newest = event.stream_id
        elif peer is self.far:
            if isinstance(event, h2.events.StreamReset):
                self.upstream_resets.append(event.stream_id)
            elif isinstance(event, h2.events.DataReceived):
                peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.pieces[event.stream_id].extend([event.data] if event.data else [])
            if self.reads:
                peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ends[event.stream_id] = "end"
        elif isinstance(event, h2.events.StreamReset):
            self.ends[event.stream_id] = "reset"
