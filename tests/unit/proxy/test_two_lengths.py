"""`Content-Length` and chunked on one answer: RFC 9112 says that chunked counts; mitmproxy refuses it unless told otherwise."""

import pytest
from mitmproxy.test import taddons

from resplice.proxy.addon import Resplice
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.paper import END, HEAD, REQUEST, Bench, chunk

BOTH = HEAD + b"content-length: 17\r\ntransfer-encoding: chunked\r\n\r\n"


def answer(*pieces, **options):
    addon = Resplice()
    with taddons.context(addon) as tctx:
        bench = Bench(tctx, addon)
        tctx.configure(addon, resplice_log="", **options)
        bench.receive(bench.client, REQUEST)
        for piece in pieces:
            bench.receive(bench.server, piece)
    return bench.sent[bench.client]


@pytest.mark.parametrize("mode", ["repair", "observe"])
def test_mitmproxy_itself_refuses_such_an_answer(mode):
    sent = answer(BOTH, chunk(FIRST), resplice_mode=mode)
    assert b" 502 " in sent.partition(b"\r\n")[0]
    assert b"both transfer-encoding and content-length" in sent


def test_where_it_is_told_not_to_the_answer_is_exact_and_has_one_length():
    sent = answer(BOTH, chunk(FIRST), chunk(LAST), chunk(DONE), END, validate_inbound_headers=False)
    head, _, body = sent.partition(b"\r\n\r\n")
    assert b"content-length" not in head.lower()
    assert b"transfer-encoding: chunked" in head.lower()
    assert body == chunk(FIRST) + chunk(LAST) + chunk(DONE) + END
