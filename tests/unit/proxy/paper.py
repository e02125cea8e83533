"""mitmproxy's HTTP layer without sockets: events in, what would be sent to each side out."""

from types import SimpleNamespace

from mitmproxy import connection
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode

BODY = b'{"model":"m","stream":true,"messages":[]}'
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Bench:
    """mitmproxy's HTTP layer between a client and a server that exist on paper only."""

    def __init__(self, tctx, addon, alpn=None):
        self.addon = addon
        self.tctx = tctx
        self.client = connection.Client(peername=("c", 1), sockname=("p", 2), state=ConnectionState.OPEN, alpn=alpn)
        self.server = connection.Server(address=("h", 80), alpn=alpn)
        self.server.state = ConnectionState.OPEN
        context = Context(self.client, tctx.options)
        context.server = self.server
        self.layer = HttpLayer(context, HTTPMode.transparent)
        self.sent = {self.client: b"", self.server: b""}
        self.writes = {self.client: [], self.server: []}
        self.closed = []
        self.timers = []
        self.hooks = []
        self.flow = None
        server = Proxyserver()
        server.connections[self.client.id] = SimpleNamespace(layer=SimpleNamespace(context=context), client=self.client)
        tctx.master.addons.add(server)
        self.give(events.Start())

    def give(self, event):
        todo = [event]
        while todo:
            for command in self.layer.handle_event(todo.pop(0)):
                todo.extend(self._obey(command))

    def _obey(self, command):
        if isinstance(command, commands.SendData):
            self.sent[command.connection] += command.data
            self.writes[command.connection].append(command.data)
        elif isinstance(command, commands.CloseConnection):
            self.closed.append(command.connection)
        elif isinstance(command, commands.RequestWakeup):
            self.timers.append(command)
        elif isinstance(command, commands.StartHook):
            self.hooks.append(command.name)
            (self.flow,) = command.args()
            getattr(self.addon, command.name, lambda _: None)(self.flow)
            return [events.HookCompleted(command)]
        return []

    def receive(self, side, data):
        self.give(events.DataReceived(side, data))

    def start(self, *pieces):
        self.receive(self.client, REQUEST)
        self.receive(self.server, CHUNKED)
        for piece in pieces:
            self.receive(self.server, chunk(piece))
        assert "responseheaders" in self.hooks

    def break_off(self, side):
        side.state = ConnectionState.CAN_WRITE
        self.give(events.ConnectionClosed(side))

    def tick(self):
        self.give(events.Wakeup(self.timers.pop()))

    @property
    def body(self):
        return self.sent[self.client].partition(b"\r\n\r\n")[2]
