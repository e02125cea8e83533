"""A bench on which requests can fail before their answers begin, and be sent again."""

import itertools

from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events

from resplice.proxy import attempts
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.paper import REQUEST, Bench

HEALTHY = FIRST + LAST + DONE
BUSY = b'{"error":{"message":"busy","type":"server_error","param":null,"code":null}}'
HTML = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nx-request-id: r-7\r\n\r\n"
HTML_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
OPENAI_ERROR = {"message", "type", "param", "code"}


def status(code, body=BUSY, *headers):
    lines = b"".join(b"%s\r\n" % header for header in headers)
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (code, lines, len(body), body)


class GateBench(Bench):
    """Connections are made and closed as mitmproxy's server makes and closes them; a script says how each attempt fares."""

    def __init__(self, tctx, addon):
        self.connects = itertools.repeat(None)
        self.hanging = []
        self.attempts = 0
        self.ended = set()
        super().__init__(tctx, addon)

    def _obey(self, command):
        if isinstance(command, commands.OpenConnection):
            return self._open(command)
        if isinstance(command, commands.CloseConnection) and command.connection not in self.ended:
            self.ended.add(command.connection)
            super()._obey(command)
            command.connection.state = ConnectionState.CLOSED
            for pending in [one for one in self.hanging if one.connection is command.connection]:
                self.hanging.remove(pending)
                command.connection.error = "connection cancelled"
                return [events.OpenConnectionCompleted(pending, "connection cancelled")]
            return [events.ConnectionClosed(command.connection)]
        return super()._obey(command)

    def _open(self, command):
        how = next(self.connects)
        self.sent.setdefault(command.connection, b"")
        self.writes.setdefault(command.connection, [])
        if how == "hangs":
            self.hanging.append(command)
            return []
        return [self._opened(command, how)]

    def _opened(self, command, error):
        command.connection.error = error
        if error is None:
            command.connection.state = ConnectionState.OPEN
            self.server = command.connection
        return events.OpenConnectionCompleted(command, error)

    def connects_at_last(self, error=None):
        self.give(self._opened(self.hanging.pop(), error))

    def ask(self):
        self.receive(self.client, REQUEST)

    def answer(self, *pieces):
        for piece in pieces:
            self.receive(self.server, piece)

    def breaks_off(self):
        self.break_off(self.server)

    def later(self, seconds):
        for one in self.waiting:
            before = one.clock
            one.clock = lambda before=before: before() + seconds
        for one in self.addon._streams.values():
            before = one._clock
            one._clock = lambda before=before: before() + seconds

    def pause(self):
        """Until the request is sent again."""
        self.later(attempts.LONGEST_WAIT)
        self.tick()

    @property
    def waiting(self):
        return list(self.addon._waiting.values())

    @property
    def requests(self):
        return sum(sent.count(REQUEST.split(b"\r\n")[0]) for side, sent in self.sent.items() if side is not self.client)

    @property
    def response(self):
        """Status, header lines, body."""
        head, _, body = self.sent[self.client].partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        return int(first.split()[1]) if first else 0, [line.lower() for line in lines], body

    @property
    def log(self):
        closes = [record for record in self.records if record["type"] == "stream.close"]
        return [(record["outcome"], record["status"]) for record in closes]

    @property
    def numbers(self):
        return [record["attempt"] for record in self.records if record["type"] == "stream.open"]


def retrying(bench, times=2, **more):
    bench.tctx.configure(bench.addon, resplice_retry=times, **more)
    return bench
