"""Broken streams of our own in other forms than server-sent events: lines of JSON, and AWS's event stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fault_rows import EMPTY, PLAIN
from resplice.session.policy import Policy

import bedrock_streams as b
import ollama_streams as o
import streams as s
from faults import BAD_ESCAPES, BAD_UTF8, RAW_BREAKS, Exact, honest

OL, BI, BC = "ollama", "bedrock-invoke", "bedrock-converse"
HEARTBEAT = b":keepalive\n\n"

HEALTHY = {OL: o.OLLAMA, BI: b.INVOKE, BC: b.CONVERSE}
ALSO_HEALTHY = [
    (OL, o.GENERATE),
    (OL, o.ollama(o.TOOL)),
    (OL, o.OLLAMA.replace(b"\n", b"\r\n")),
    (OL, o.ollama(o.chat_line(""), o.HEL)),
    (OL, o.generate_line("Hello", done=True)),
    (OL, o.ollama(o.HEL.replace(b"\n", b"  \n"))),
    (OL, o.ollama(o.HEL, o.line({"model": "m", "message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False}))),
    (BI, b.INVOKE_TOOL),
    (BI, b.NOVA),
    (BI, b.LLAMA),
    (BI, b.chunk(b"plain text of an agent")),
    (BI, b.CONVERSE),
    (BC, b.converse("data: {", "}{", "\n\n", stop="max_tokens")),
    (BC, b.CONVERSE_TOOL),
    (BC, b.CONVERSE.removesuffix(b.converse_events()[-1])),
]


def readings(dialect: str, body: bytes) -> list[Any]:
    """What a client that reads this form gets, without what says nothing to it."""
    if dialect == OL:
        return [value for value in o.decode_lines(body) if not o.is_empty(value)]
    return [one for one in b.decode_messages(body) if not b.is_ping(one)]


def is_error(dialect: str, value: Any) -> bool:
    return "error" in value if dialect == OL else value[0].endswith("Exception")


def exact(name: str, broken: bytes, *kinds: str, of: bytes = o.HEL, whole: bytes | None = None, policy: Policy = PLAIN) -> Exact:
    """A row of Ollama's: `broken` stands where the healthy stream has `of`."""
    if whole is not None:
        return Exact(name, OL, broken, whole, frozenset(kinds), policy)
    assert of in o.OLLAMA, name
    return Exact(name, OL, o.OLLAMA.replace(of, broken, 1), o.OLLAMA, frozenset(kinds), policy)


def within(line: bytes, place: bytes, extra: bytes) -> bytes:
    at = line.index(place)
    return line[:at] + extra + line[at:]


def text_row(
    name: str, text: str, change: Callable[[bytes], bytes], kind: str, told: str | None = None, policy: Policy = PLAIN
) -> Exact:
    """A row in which the answer has this text, written as `change` does."""
    healthy = o.ollama(o.chat_line(told if told is not None else text))
    return exact(name, change(o.ollama(o.chat_line(text))), kind, whole=healthy, policy=policy)


def separator(name: str, character: str) -> Exact:
    line = o.chat_line(f"a{character}b")
    escaped = line.replace(character.encode(), b"\\u%04x" % ord(character))
    return exact(name, o.ollama(line), "line_separator", whole=o.ollama(escaped))


def raw_newlines(name: str, text: str) -> Exact:
    return text_row(
        name, text, lambda wire: wire.replace(b"\\n", b"\n").replace(b"\\r", b"\r"), "raw_newline_in_string", policy=RAW_BREAKS
    )


def end(name: str, dialect: str, broken: bytes, healthy: bytes, kind: str) -> Exact:
    return Exact(name, dialect, broken, healthy, frozenset({kind}))


EXACT = [
    # values and lines
    exact("all lines are glued", o.OLLAMA.replace(b"\n", b""), "joined_frames", "unterminated_frame", whole=o.OLLAMA),
    exact("two values share a line, blanks between", o.HEL[:-1] + b"  \t", "joined_frames"),
    exact("lines end with CR alone", o.OLLAMA.replace(b"\n", b"\r"), "joined_frames", whole=o.OLLAMA),
    exact("the last line has no line end", o.OLLAMA[:-1], "unterminated_frame", whole=o.OLLAMA),
    exact("a value is pretty-printed", o.HEL.replace(b', "', b',\n  "'), "pretty_json"),
    exact("a value is pretty-printed, CRLF", o.HEL.replace(b', "', b',\r\n  "'), "pretty_json"),
    exact("a comment is glued to a value", o.HEL[:-1] + b": ping\n", "joined_frames", "comment_line"),
    exact("a value is encoded twice", o.line(o.HEL[:-1].decode()), "json_in_string"),
    # framing of an event stream
    exact("the body is an event stream", b"data: " + o.OLLAMA.replace(b"\n", b"\n\ndata: ")[:-6], "sse_framing", whole=o.OLLAMA),
    exact("one line has a prefix", b"data:" + o.HEL, "sse_framing"),
    exact("a prefix stands twice", b"data: data: " + o.HEL, "sse_framing"),
    exact("events have names and ids", b"event: message\nid: 1\nretry: 5\n" + o.HEL, "sse_framing"),
    exact("a prefix is glued to a value", o.HEL[:-1] + b"data: " + o.LO, "joined_frames", "sse_framing", of=o.HEL + o.LO),
    exact("[DONE] ends the stream", o.OLLAMA + b"data: [DONE]\n\n", "terminal_foreign", whole=o.OLLAMA),
    exact("[DONE] stands bare", o.OLLAMA + b"[DONE]\n", "terminal_foreign", whole=o.OLLAMA),
    exact("a value is pretty-printed, each line prefixed", b"data: " + o.HEL.replace(b', "', b',\ndata:  "'), "pretty_json"),
    # signs of life
    exact("a comment", o.HEL + b": ping\n", "comment_line"),
    exact("a comment as data", o.HEL + b"data: : ping\n", "comment_line"),
    exact("a comment before all", b": ping\n" + o.OLLAMA, "comment_line", whole=o.OLLAMA),
    exact("blank lines", b"\n\n \r\n" + o.HEL + b"\n\n", "blank_line", "sse_framing"),
    exact("an empty object", b"{}\n" + o.HEL, "keepalive_form"),
    exact("an object of no meaning", o.HEL + b'{"model": "tiny-o"}\n', "keepalive_form"),
    exact("null", o.HEL + b"null\n", "empty_data", policy=EMPTY),
    exact("empty data", o.HEL + b"data:\n", "empty_data", policy=EMPTY),
    exact("NULs pad the stream", b"\0\0\n" + o.HEL, "junk_line"),
    exact("a chunk size leaks", b"1a7\r\n" + o.HEL, "junk_line"),
    # heartbeats in a line
    exact("a heartbeat stands in a string", within(o.HEL, b"el", HEARTBEAT), "heartbeat_in_frame"),
    exact("a heartbeat stands between tokens", within(o.HEL, b', "done"', HEARTBEAT), "heartbeat_in_frame"),
    exact("a heartbeat stands in a key", within(o.HEL, b"ntent", HEARTBEAT), "heartbeat_in_frame"),
    exact("a heartbeat of unknown form, seen before", b": tick 4\n" + within(o.HEL, b"el", b": tick 5\n\n"), "heartbeat_in_frame"),
    exact(
        "a heartbeat stands in every line",
        o.OLLAMA.replace(b'"message"', b'"mess' + HEARTBEAT + b'age"'),
        "heartbeat_in_frame",
        whole=o.OLLAMA,
    ),
    # bytes
    exact("a byte order mark begins the stream", b"\xef\xbb\xbf" + o.OLLAMA, "bom", whole=o.OLLAMA),
    text_row("a raw control character", "H\x1bi", lambda wire: wire.replace(b"\\u001b", b"\x1b"), "control_in_string"),
    raw_newlines("a raw line break", "a\nb"),
    raw_newlines("raw line breaks, one line empty", "a\n\nb"),
    raw_newlines("a raw CRLF", "a\r\nb"),
    text_row(
        "a raw line break before text like a field",
        "a\ndata: b",
        lambda w: w.replace(b"\\n", b"\n"),
        "raw_newline_in_string",
        policy=RAW_BREAKS,
    ),
    text_row("a Windows path", "C:\\users", lambda wire: wire.replace(b"\\\\", b"\\"), "bad_escape", policy=BAD_ESCAPES),
    text_row(
        "bytes that are no UTF-8", "a?b", lambda wire: wire.replace(b"?", b"\xff"), "invalid_utf8", told="a\ufffdb", policy=BAD_UTF8
    ),
    *(separator(f"U+{ord(one):04X}", one) for one in "\u2028\u2029\x85"),
    exact("blanks that JSON does not know", o.HEL.replace(b', "done"', b',\xc2\xa0"done"'), "junk_blank"),
    exact(
        "a number that JSON does not have",
        o.ollama(o.chat_line("x", logprob=None).replace(b"null", b"NaN")),
        "nan_infinity",
        whole=o.ollama(o.chat_line("x", logprob=None)),
    ),
    # the end
    exact(
        "done is missing behind the reason",
        o.HEL + o.chat_line("lo", done_reason="length"),
        "terminal_missing",
        whole=o.HEL + o.chat_line("lo", done_reason="length") + o.chat_line("", done=True, done_reason="length"),
    ),
    exact("done twice", o.OLLAMA + o.DONE, "terminal_duplicate", whole=o.OLLAMA),
    # Bedrock: text where messages were asked for
    end("Anthropic's server-sent events", BI, s.ANTHROPIC, b.INVOKE, "body_form"),
    end("Anthropic's events, and a [DONE]", BI, s.ANTHROPIC + s.DONE, b.INVOKE, "body_form"),
    end("message_stop is missing", BI, b.INVOKE.removesuffix(b.chunks(s.MESSAGE_STOP)), b.INVOKE, "terminal_missing"),
    end("messages behind the end", BI, b.INVOKE + b.INVOKE[:300], b.INVOKE, "after_terminal"),
]

HTML = b"<!DOCTYPE html><html><head><title>502</title></head>\n<body>Bad Gateway</body></html>\n"
HALF = b.converse_events("Hel")[0] + b.converse_events("Hel")[1]
THROTTLED = b.exception("throttlingException", "slow down")
DELTA = b.converse_events("Hel")[1]


def flipped(message: bytes, place: int) -> bytes:
    """A message with one bit wrong."""
    return message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]


HEADERS = {
    "a header's name longer than all": b"\xff:event-type",
    "a header's value longer than all": b"\x01n\x07\x00\xffv",
    "a header's type that is none": b"\x01n\x0a",
    "a header's name that is no UTF-8": b"\x01\xff\x00",
    "a header twice": b"\x01n\x00\x01n\x01",
    "a header's number cut short": b"\x01n\x05\x00\x00",
}

HONEST = [
    honest("the stream ends in a line", OL, o.HEL + o.LO[:30], "truncated_json"),
    honest("a line is cut, the next is whole", OL, o.ollama(o.HEL[:40] + b"\n"), "truncated_json"),
    honest("a line is cut, the next is glued on", OL, o.ollama(o.HEL[:40] + o.LO), "truncated_json"),
    honest("a line is cut behind a prefix", OL, o.ollama(b"data: " + o.HEL[:40] + b"\n\ndata: " + o.LO), "truncated_json"),
    honest("a head is lost", OL, o.ollama(o.HEL[30:]), "unparsable_data"),
    honest("junk stands behind a value", OL, o.ollama(o.HEL[:-1] + b'yz"}\n'), "unparsable_data"),
    honest("a quotation mark is not escaped", OL, o.ollama(o.chat_line("say ~hi~ now").replace(b"~", b'"')), "unparsable_data"),
    honest("text or heartbeat, nobody can tell", OL, o.OLLAMA.replace(b"Hel", b"Note: xyz\n\nel", 1), "raw_newline_in_string"),
    honest(
        "text or a field, nobody can tell",
        OL,
        b"event: x\n" + o.ollama(o.chat_line("a\ndata: b").replace(b"\\n", b"\n")),
        "ambiguous_frame",
    ),
    honest("a comment's line end is lost", OL, o.ollama(b": ping" + o.HEL), "unparsable_data"),
    honest("a field's line end is lost", OL, o.ollama(b"id: 5" + o.HEL), "unparsable_data"),
    honest("plain text", OL, b"upstream connect error\n", "unparsable_data"),
    honest("an HTML page", OL, HTML, "html_body"),
    honest("an HTML page in the stream", OL, o.HEL + HTML, "html_body"),
    honest("nothing at all", OL, b"", "empty_stream"),
    honest("nothing but blanks", OL, b" \n\n", "empty_stream"),
    honest("done is missing", OL, o.HEL + o.LO, "answer_incomplete"),
    honest("an array", OL, o.ollama(o.HEL, b"[1]\n"), "unparsable_data"),
    honest("an error as Ollama writes it", OL, o.HEL + b'{"error":"boom"}\n', "upstream_error"),
    honest("an error as OpenAI writes it", OL, o.HEL + o.line({"error": {"message": "boom"}}), "error_shape"),
    honest("an error over many lines", OL, b'{\n  "error": {\n    "message": "boom"\n  }\n}\n', "error_shape"),
    honest("an exception", BC, HALF + THROTTLED, "upstream_error"),
    honest("an exception in the place of an answer", BI, THROTTLED, "upstream_error"),
    honest("an exception that nobody knows", BI, b.exception("someNewException", "x"), "upstream_error"),
    honest("a payload is damaged", BC, HALF + flipped(DELTA, len(DELTA) - 9) + b.CONVERSE, "checksum_mismatch"),
    honest("a message's checksum is damaged", BC, HALF + flipped(DELTA, len(DELTA) - 1) + b.CONVERSE, "checksum_mismatch"),
    honest("a header is damaged", BC, flipped(DELTA, 20), "checksum_mismatch"),
    honest("a length is damaged", BC, HALF + flipped(DELTA, 2) + b.CONVERSE, "checksum_mismatch"),
    honest("a prelude's checksum is damaged", BC, HALF + flipped(DELTA, 9), "checksum_mismatch"),
    honest("a byte is lost", BC, HALF + DELTA[:40] + DELTA[41:] + b.CONVERSE, "checksum_mismatch"),
    *(
        honest(f"headers: {name}", BC, HALF + b.sealed(head, b"{}") + b.CONVERSE, "checksum_mismatch")
        for name, head in HEADERS.items()
    ),
    honest("the stream ends in a message", BC, HALF + DELTA[:-1], "truncated_message"),
    honest("the stream ends in a prelude", BI, b.chunks(s.MESSAGE_START) + b"\0\0", "truncated_message"),
    honest("the stream ends before its stop reason", BC, HALF, "answer_incomplete"),
    honest(
        "the stream ends before its stop reason",
        BI,
        b.chunks(s.MESSAGE_START + s.BLOCK_START + s.text_delta("Hel")),
        "answer_incomplete",
    ),
    honest(
        "a model of Amazon's ends before its stop reason", BI, b.chunk({"messageStart": {"role": "assistant"}}), "answer_incomplete"
    ),
    honest(
        "a second message in the first",
        BI,
        b.chunks(s.MESSAGE_START) + b.chunks(s.ANTHROPIC.replace(b"msg_01", b"msg_02")),
        "spliced_generation",
    ),
    honest("nothing at all", BI, b"", "empty_stream"),
    honest("an HTML page", BI, HTML, "html_body"),
    honest("Anthropic's server-sent events", BC, s.ANTHROPIC, "error_shape"),
    honest("a JSON error", BC, b'{"message": "Too many tokens"}', "error_shape"),
    honest("a JSON error over many lines", BI, b'{\n  "Message": "Too many tokens"\n}\n', "error_shape"),
    honest("a JSON answer", BI, b'{"id": "m", "type": "message", "role": "assistant", "content": []}', "json_body"),
    honest("server-sent events that break off", BI, s.ANTHROPIC[:-200], "answer_incomplete"),
]
