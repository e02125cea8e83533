"""Broken Gemini streams of our own, in both forms: rows of the table in `faults`."""

from __future__ import annotations

import json

import gemini_streams as g
from fault_rows import EMPTY, PLAIN, Exact, honest
from resplice.session.policy import Policy

G, J = "gemini", "gemini-array"
FRAME, LAST = g.sse(g.HEL), g.sse(g.END)
PRETTY = b"data: " + json.dumps(g.HEL, indent=1).encode()
ESC = g.sse(g.text("\x1b")).replace(b"\\u001b", b"\x1b")
SEPARATED = g.sse(g.text("a\u2028b\u2029c\x85d"))
HALF = g.sse(g.text("a@")).replace(b"@", b"\\ud83d")
HALVES = HALF + g.sse(g.text("@b")).replace(b"@", b"\\ude00") + LAST
WHOLE = g.stream(g.text("a"), g.text("\U0001f600b")) + LAST
NEVER = g.sse({"candidates": [{"content": {"role": "model", "parts": [{"text": "\ufffd"}]}, "index": 0}]})
TABS = g.array(g.text("a\tb"), g.END)
BARE_ERROR = json.dumps(g.ERROR, indent=2).encode()


def exact(name: str, broken: bytes, *kinds: str, of: bytes = FRAME, healthy: bytes = g.GEMINI, policy: Policy = PLAIN) -> Exact:
    """A row: `broken` stands where the event stream has `of`."""
    assert of in healthy, name
    return Exact(name, G, healthy.replace(of, broken, 1), healthy, frozenset(kinds), policy)


def array(name: str, wire: bytes, *kinds: str, healthy: bytes = g.GEMINI_ARRAY) -> Exact:
    """A row: `wire` comes where a JSON array was asked for."""
    return Exact(name, J, wire, healthy, frozenset(kinds))


EXACT = [
    # what the standard allows and Google's SDKs die of
    exact("no blank stands behind the colon", FRAME.replace(b"data: ", b"data:"), "data_without_space"),
    exact("an event has a name", b"event: message\r\n" + FRAME, "unreadable_line"),
    exact("an event has an id", b"id: 7\r\n" + FRAME, "unreadable_line"),
    exact("a comment stands between events", b": ping\r\n\r\n" + FRAME, "comment"),
    exact("a comment stands in an event's block", b": ping\r\n" + FRAME, "comment"),
    exact("a comment stands behind an event's data", FRAME[:-2] + b": ping\r\n\r\n", "comment"),
    exact("a blank line comes first", b"\r\n" + FRAME, "extra_blank_line"),
    exact("blank lines stand between events", FRAME + b"\r\n\r\n", "extra_blank_line"),
    exact("an event has no data", b"event: ping\r\n\r\n" + FRAME, "event_without_data"),
    exact("an event says nothing", b"data: null\r\n\r\n" + FRAME, "empty_data", policy=EMPTY),
    exact("retry stands alone", b"retry: 3000\r\n\r\n" + FRAME, "meta_only"),
    Exact("a line separator stands in a string", G, SEPARATED + LAST, SEPARATED + LAST, frozenset({"line_separator"})),
    exact("the stream ends with [DONE]", LAST + b"data: [DONE]\r\n\r\n", "terminal_foreign", of=LAST),
    exact("a foreign event comes in between", b'event: tick\r\ndata: {"n": 1}\r\n\r\n' + LAST, "foreign_event", of=LAST),
    # what breaks the standard
    exact("JSON is pretty-printed, each line prefixed", PRETTY.replace(b"\n", b"\ndata: ") + b"\n\n", "pretty_json"),
    exact("JSON is pretty-printed, without prefixes", PRETTY + b"\n\n", "pretty_json"),
    exact("two objects share a line", FRAME[:-4] + g.sse(g.LO)[6:], "joined_frames", of=FRAME + g.sse(g.LO)),
    exact("one blank line is missing", FRAME[:-2], "missing_blank_line"),
    exact("the last frame has no blank line", LAST[:-2], "unterminated_frame", of=LAST),
    exact("lines end in CR", FRAME.replace(b"\r\n", b"\r"), "cr_line_end"),
    Exact("a control character stands in a string", G, ESC + LAST, g.sse(g.text("\x1b")) + LAST, frozenset({"control_in_string"})),
    exact("a byte order mark comes first", b"\xef\xbb\xbf" + FRAME, "bom"),
    exact("several events come as an array", g.sse([g.HEL, g.LO]), "joined_frames", of=FRAME + g.sse(g.LO)),
    Exact("a character is cut between two events", G, HALVES, WHOLE, frozenset({"lone_surrogate"})),
    Exact("half of a character is all that came", G, HALF + LAST, g.sse(g.text("a")) + LAST + NEVER, frozenset({"lone_surrogate"})),
    # another form than was asked for
    Exact("an array comes where events were asked for", G, g.GEMINI_ARRAY, g.GEMINI, frozenset({"body_form"})),
    Exact("one response comes, unstreamed", G, json.dumps(g.END, indent=2).encode(), LAST, frozenset({"missing_data_prefix"})),
    array("events come where an array was asked for", g.GEMINI, "body_form"),
    array("events with [DONE] come where an array was asked for", g.GEMINI + b"data: [DONE]\n\n", "body_form"),
    array("one response comes, without an array", json.dumps(g.END).encode(), "body_form", healthy=g.array(g.END)),
    # arrays
    array("the closing bracket is missing", g.GEMINI_ARRAY[:-3], "terminal_missing"),
    array("a comma is missing", g.GEMINI_ARRAY.replace(b"\r\n,\r\n", b"\r\n", 1), "body_form"),
    array("a comma stands twice", g.GEMINI_ARRAY.replace(b"\r\n,\r\n", b",,", 1), "body_form"),
    array("elements come as lines", b"\n".join(json.dumps(one).encode() for one in g.CHUNKS), "body_form", "terminal_missing"),
    array("the array ends and goes on", g.GEMINI_ARRAY.replace(b"\r\n,\r\n", b"]\r\n[", 1), "terminal_early", "body_form"),
    array("another bracket closes the array", g.GEMINI_ARRAY + b"]", "terminal_duplicate"),
    array("a second array follows", g.GEMINI_ARRAY + g.array(g.HEL), "after_terminal", "terminal_duplicate"),
    array("a byte order mark comes first", b"\xef\xbb\xbf" + g.GEMINI_ARRAY, "bom"),
    array("a tab stands in a string", TABS.replace(b"\\t", b"\t"), "control_in_string", healthy=TABS),
]  # fmt: skip

HONEST = [
    honest("the stream ends without a finish reason", G, g.stream(g.HEL, g.LO), "answer_incomplete"),
    honest("one of two candidates does not finish", G, g.stream(g.HEL, g.text("", index=1), g.END), "answer_incomplete"),
    honest("the stream ends within a frame", G, g.GEMINI[:-200], "truncated_json"),
    honest("there is no event", G, b"", "empty_stream"),
    honest("a page comes", G, b"<!DOCTYPE html>\n<title>502</title>", "html_body"),
    honest("an error stands behind good frames, as bare JSON", G, g.stream(g.HEL) + BARE_ERROR, "missing_data_prefix"),
    honest("an error stands alone, as bare JSON", G, BARE_ERROR, "missing_data_prefix"),
    honest("an error stands in an array", G, g.stream(g.HEL) + g.sse([g.ERROR]), "error_shape"),
    honest("an error has no code", G, g.stream(g.HEL) + g.sse({"error": {"message": "boom"}}), "error_shape"),
    honest("an error is a string", G, g.stream(g.HEL) + g.sse({"error": "boom"}), "error_shape"),
    honest("an error is no event's first member", G, g.stream(g.HEL) + g.sse({"responseId": "x", **g.ERROR}), "error_shape"),
    honest("an error is named", G, g.stream(g.HEL) + b"event: error\r\n" + g.sse({"message": "boom"}), "error_shape"),
    honest("an error is an array's element", J, g.array(g.HEL, g.ERROR)[:-3], "upstream_error", "terminal_missing"),
    honest("an error of the upstream's comes as an array", G, g.array(g.ERROR), "body_form", "upstream_error"),
    honest("the array ends within an element", J, g.GEMINI_ARRAY[:-200], "truncated_json"),
    honest("the array ends without a finish reason", J, g.array(g.HEL, g.LO), "stop_reason_missing"),
    honest("the array breaks off without a finish reason", J, g.array(g.HEL, g.LO)[:-3], "answer_incomplete"),
    honest("the array is empty", J, b"[]", "empty_stream"),
    honest("the array's bracket is all that came", J, b"[", "empty_stream", "junk_line"),
    honest("there is no element", J, b"", "empty_stream"),
    honest("a page comes where an array was asked for", J, b"<html><title>502</title></html>", "html_body"),
    honest("text stands between elements", J, g.GEMINI_ARRAY.replace(b"\r\n,\r\n", b"\r\n,upstream reset,", 1), "unparsable_data"),
    honest("an element is no JSON", J, g.GEMINI_ARRAY.replace(b'"role"', b"role", 1), "unparsable_data"),
]  # fmt: skip
