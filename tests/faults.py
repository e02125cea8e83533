"""Broken streams of our own, one row a fault: what is broken, what must come out, and how the log must call it."""

from __future__ import annotations

import faults_anthropic
import faults_chat
import faults_gemini
import faults_responses
from fault_rows import CHUNK, DELTA, EMPTY, PLAIN, A, C, Exact, Honest, R, exact, honest
from resplice.core.kinds import Kind
from resplice.session.policy import Policy

import streams as s

__all__ = ["EXACT", "HONEST", "PLAIN", "Exact", "Honest"]

AI_SDK = Policy(client="ai-sdk")
CONVERT = Policy(comments="convert")
RAW_BREAKS, BAD_ESCAPES, BAD_UTF8 = (
    Policy(on=frozenset({kind})) for kind in (Kind.RAW_NEWLINE_IN_STRING, Kind.BAD_ESCAPE, Kind.INVALID_UTF8)
)
"""Guesses that somebody asked for."""
HEARTBEAT = b":keepalive\n\n"


def within(frame: bytes, place: bytes, extra: bytes) -> bytes:
    """`frame` with `extra` written in front of its first `place`."""
    at = frame.index(place)
    return frame[:at] + extra + frame[at:]


KEEPALIVE_CHUNK = s.sse(s.chat_chunk({"role": "assistant", "content": ""}, id="chatcmpl-keepalive", model="keepalive"))
TOOL = s.anthropic(s.json_delta('{"q": "a '), s.json_delta('b"}'), start=s.TOOL_START, reason="tool_use")
ZH = s.anthropic(s.text_delta("水土"))
NAME, LO = b"event: content_block_delta", s.text_delta("lo")

EXACT = [
    # names and data
    exact("the name's block is closed too early", A, DELTA.replace(b"\ndata", b"\n\ndata"), "split_event_data"),
    exact(
        "the name's block is closed too early",
        R,
        s.output_delta("Hel", 3).replace(b"\ndata", b"\n\ndata"),
        "split_event_data",
        of=s.output_delta("Hel", 3),
    ),
    exact("the name's block is closed too early", C, b"event: message\n\n" + CHUNK, "split_event_data"),
    exact("a name stands alone", A, b"event: message_start\n\n" + s.MESSAGE_START, "event_without_data", of=s.MESSAGE_START),
    exact("all names are missing", A, s.ANTHROPIC.replace(b"event: ", b"x: "), "event_name_missing", whole=s.ANTHROPIC),
    exact("a name contradicts its type", A, DELTA.replace(NAME, b"event: message"), "event_name_wrong"),
    exact("a blank stands in a type", A, DELTA.replace(b'"content_block_delta"', b'"content_ block_delta"'), "type_damaged"),
    exact("a name contradicts its type", A, DELTA.replace(NAME, b"event: content_block_stop"), "event_name_wrong"),
    # blank lines
    exact("one blank line is missing", A, DELTA[:-1], "missing_blank_line"),
    exact("one blank line is missing", C, CHUNK[:-1], "missing_blank_line"),
    exact(
        "all blank lines are missing",
        C,
        s.CHAT.replace(b"\n\n", b"\n"),
        "missing_blank_line",
        "unterminated_frame",
        whole=s.CHAT,
    ),
    exact(
        "all blank lines are missing",
        A,
        s.ANTHROPIC.replace(b"\n\n", b"\n"),
        "missing_blank_line",
        "unterminated_frame",
        whole=s.ANTHROPIC,
    ),
    exact("the last frame has no blank line", C, s.CHAT[:-1], "unterminated_frame", whole=s.CHAT),
    exact("the last frame has no line end", A, s.ANTHROPIC[:-2], "unterminated_frame", whole=s.ANTHROPIC),
    # joined frames
    exact("blanks stand where line ends should", A, DELTA[:-2] + b"    ", "joined_frames"),
    exact("nothing stands where line ends should", A, DELTA[:-2], "joined_frames"),
    exact("two objects share a line", C, CHUNK[:-2] + s.chat_text("lo")[6:], "joined_frames", of=CHUNK + s.chat_text("lo")),
    exact("a frame begins on another's line", C, CHUNK[:-2], "joined_frames"),
    exact(
        "many objects share a line, and one name",
        A,
        DELTA[:-2] + LO[len(NAME) + 7 : -2] + s.BLOCK_STOP[len(b"event: content_block_stop\ndata: ") :],
        "joined_frames",
        "event_name_missing",
        of=DELTA + LO + s.BLOCK_STOP,
    ),
    exact("a heartbeat is glued to a value", C, CHUNK[:-2] + HEARTBEAT, "joined_frames"),
    # prefixes and layout
    exact("data: stands twice", C, s.CHAT.replace(b"data: ", b"data: data: "), "repeated_data_prefix", whole=s.CHAT),
    exact("a blank stands in a field's name", C, b"da ta" + CHUNK[4:], "field_name"),
    exact("a byte order mark stands before a field", C, b"\xef\xbb\xbf" + CHUNK, "field_name"),
    exact("a line break tears a field's name", A, within(DELTA, b"ent: ", b"\n\n"), "field_name"),
    exact("a line break stands behind the prefix", C, within(CHUNK, b" {", b"\n"), "field_name"),
    exact("the line end behind a name is lost", A, DELTA.replace(b"delta\ndata", b"delta data"), "joined_frames"),
    exact("the line end behind an id is lost", C, b"id: 5" + CHUNK, "joined_frames"),
    exact("a field's name is not whole", C, CHUNK[2:], "missing_data_prefix"),
    exact(
        "one value is spread over two events of one name",
        A,
        within(DELTA, b"index", b"\n\nevent: content_block_delta\ndata: "),
        "split_json",
    ),
    exact("the last event is cut behind the stop reason", C, s.CHAT[:-5], "terminal_form", whole=s.CHAT),
    exact("the last event lost some bytes", A, s.ANTHROPIC[:-20] + b'op"}\n\n', "terminal_form", whole=s.ANTHROPIC),
    exact(
        "the last event's type is damaged",
        A,
        s.ANTHROPIC.replace(b'"message_stop"', b'"mess age_stop"'),
        "terminal_form",
        whole=s.ANTHROPIC,
    ),
    exact("a quotation mark stands in a name", A, DELTA.replace(b"event: ", b'event: "'), "event_name_wrong"),
    exact("data: is missing", C, CHUNK[6:], "missing_data_prefix"),
    exact("JSON is pretty-printed, each line prefixed", C, CHUNK.replace(b', "', b',\ndata:  "'), "pretty_json"),
    exact("JSON is pretty-printed, without prefixes", C, CHUNK.replace(b', "', b',\n  "'), "pretty_json"),
    exact("JSON is pretty-printed, without prefixes", A, DELTA.replace(b', "', b',\n  "'), "pretty_json"),
    exact("one value is spread over two frames", C, within(CHUNK, b"object", b"\n\ndata: "), "split_json"),
    exact("one value is spread over two frames within a number", C, within(CHUNK, b"0000000", b"\n\ndata: "), "split_json"),
    exact(
        "one value is spread over many frames",
        C,
        within(within(CHUNK, b'el"', b"\n\ndata: "), b'"created', b"\n\ndata: "),
        "split_json",
    ),
    exact("a chunk is encoded twice", C, s.sse(CHUNK[6:-2].decode()), "json_in_string"),
    # bytes inside strings
    exact(
        "a raw control character stands in a string",
        A,
        s.anthropic(s.text_delta("H\x1bi").replace(b"\\u001b", b"\x1b")),
        "control_in_string",
        whole=s.anthropic(s.text_delta("H\x1bi")),
    ),
    exact(
        "a raw line break stands in a string",
        C,
        s.chat(s.chat_text("a\nb").replace(b"\\n", b"\n")),
        "raw_newline_in_string",
        whole=s.chat(s.chat_text("a\nb")),
        policy=RAW_BREAKS,
    ),
    exact(
        "raw line breaks with an empty line stand in a string",
        C,
        s.chat(s.chat_text("a\n\nb").replace(b"\\n", b"\n")),
        "raw_newline_in_string",
        whole=s.chat(s.chat_text("a\n\nb")),
        policy=RAW_BREAKS,
    ),
    exact(
        "a raw CRLF stands in a string",
        A,
        s.anthropic(s.text_delta("a\r\nb").replace(b"\\r\\n", b"\r\n")),
        "raw_newline_in_string",
        whole=s.anthropic(s.text_delta("a\r\nb")),
        policy=RAW_BREAKS,
    ),
    exact(
        "a Windows path is not escaped",
        C,
        s.chat(s.chat_text("C:\\users").replace(b"\\\\", b"\\")),
        "bad_escape",
        whole=s.chat(s.chat_text("C:\\users")),
        policy=BAD_ESCAPES,
    ),
    exact(
        "a text is cut within a character",
        C,
        s.chat(s.chat_text("a?b").replace(b"?", b"\xe6\xb8")),
        "invalid_utf8",
        whole=s.chat(s.chat_text("a\ufffdb")),
        policy=BAD_UTF8,
    ),
    exact(
        "log probabilities are not numbers",
        C,
        s.chat(s.chat_text("x", logprob=-9999.0).replace(b"-9999.0", b"-Infinity")),
        "nan_infinity",
        whole=s.chat(s.chat_text("x", logprob=-9999.0)),
    ),
    exact("blanks that JSON does not know", C, CHUNK.replace(b', "model"', b',\xc2\xa0"model"'), "junk_blank"),
    exact("NULs pad the stream", C, b"\0\0\n" + CHUNK, "junk_line"),
    exact("a chunk size leaks", C, b"1a7\n" + CHUNK, "junk_line"),
    exact("a byte order mark begins the stream", A, b"\xef\xbb\xbf" + s.ANTHROPIC, "bom", whole=s.ANTHROPIC),
    exact("lines end with CR alone", A, s.ANTHROPIC.replace(b"\n", b"\r"), "cr_line_end", whole=s.ANTHROPIC),
    # heartbeats in frames
    exact("a heartbeat stands in a string", A, within(DELTA, b"el", HEARTBEAT), "heartbeat_in_frame"),
    *(
        exact(f"a heartbeat stands before {place.decode()}", C, within(CHUNK, place, HEARTBEAT), "heartbeat_in_frame")
        for place in (b'tent"', b'"choices"', b': [{"index"', b": {", b"60000000", b"tcmpl-7Qx", b"chat.com", b"ull}")
    ),
    *(
        exact(f"{name} stands before {place.decode()}", A, within(DELTA, place, event), "heartbeat_in_frame")
        for name, event in {"a comment": b"\n: note\n", "a ping": s.PING, "a bare colon": b":\n\n"}.items()
        for place in (b'dex"', b', "delta"', b'_delta", "text"')
    ),
    exact("a ping stands in a text", A, within(DELTA, b'el"', s.PING), "heartbeat_in_frame"),
    exact("a chunk size stands between tokens", C, within(CHUNK, b' "choices"', b"\r\n1f4\r\n"), "junk_line"),
    exact(
        "a heartbeat seen before stands in tool arguments",
        A,
        HEARTBEAT + TOOL.replace(b"a ", b"a " + HEARTBEAT),
        "heartbeat_in_frame",
        whole=TOOL,
    ),
    exact("a heartbeat stands between the fields", A, within(DELTA, b"data", HEARTBEAT), "heartbeat_in_frame"),
    exact("a heartbeat stands in the event line", A, within(DELTA, b"k_delta", HEARTBEAT), "heartbeat_in_frame"),
    exact("a heartbeat stands in a field's name", A, within(DELTA, b"ta: ", HEARTBEAT), "heartbeat_in_frame"),
    exact("a heartbeat stands behind the prefix", A, within(DELTA, b'{"type"', HEARTBEAT), "heartbeat_in_frame"),
    exact("a heartbeat stands between JSON tokens", A, within(DELTA, b', "index"', HEARTBEAT), "heartbeat_in_frame"),
    exact(
        "a heartbeat stands in a character",
        A,
        HEARTBEAT + ZH.replace("水".encode(), b"\xe6\xb0" + HEARTBEAT + b"\xb4"),
        "heartbeat_in_frame",
        whole=ZH,
    ),
    exact(
        "a heartbeat stands in an escape",
        A,
        HEARTBEAT + s.anthropic(s.text_delta("a\nb").replace(b"\\n", b"\\" + HEARTBEAT + b"n")),
        "heartbeat_in_frame",
        whole=s.anthropic(s.text_delta("a\nb")),
    ),
    exact(
        "a heartbeat of unknown form, seen before",
        A,
        b": tick 4\n\n" + within(DELTA, b"el", b": tick 5\n\n"),
        "heartbeat_in_frame",
    ),
    exact(
        "a heartbeat stands in every event",
        A,
        s.ANTHROPIC.replace(b'"type"', b'"ty' + HEARTBEAT + b'pe"'),
        "heartbeat_in_frame",
        whole=s.ANTHROPIC,
    ),
    # keepalives that kill
    exact("data is empty", C, b"data:\n\n" + CHUNK, "empty_data", policy=EMPTY),
    exact("data is null", C, b"data: null\n\n" + CHUNK, "empty_data", policy=EMPTY),
    exact("a comment is sent as data", C, b"data: : keepalive\n\n" + CHUNK, "comment_as_data"),
    exact("retry stands alone", C, b"retry: 3000\n\n" + s.CHAT, "meta_only", whole=s.CHAT),
    exact("an object of no meaning", C, b'data: {"type": "heartbeat"}\n\n' + CHUNK, "keepalive_form"),
    exact(
        "an event of a gateway's own", C, b'event: tool.progress\ndata: {"tool": "t"}\n\n' + CHUNK, "foreign_event", policy=AI_SDK
    ),
    exact("an event of a gateway's own, no JSON", A, b"event: gateway\ndata: hi\n\n" + DELTA, "foreign_event", policy=AI_SDK),
    exact("a ping without data", A, b'event: ping\ndata: ""\n\n' + DELTA, "keepalive_form"),
    exact(
        "a comment after an id line",
        C,
        s.CHAT.replace(CHUNK, b"id: 1\n" + CHUNK + b": ping\n\n"),
        "comment_after_id",
        whole=s.CHAT,
    ),
    # comments, for clients that can't read them
    exact("comments stand between chunks", C, b": a\n: b\n\n:\n\n" + CHUNK + HEARTBEAT, "comment", policy=CONVERT),
    exact("comments stand between events", A, HEARTBEAT + DELTA + b": x\n", "comment", policy=CONVERT),
    exact("comments stand between events", R, HEARTBEAT + s.ITEM_ADDED, "comment", of=s.ITEM_ADDED, policy=CONVERT),
    exact("comments end with CRLF", C, b": a\r\n\r\n" + CHUNK, "comment", policy=CONVERT),
    exact("a comment stands among a frame's fields", A, within(DELTA, b"data", b": x\n"), "comment", policy=CONVERT),
    exact("comments stand before the first chunk", C, HEARTBEAT * 3 + s.CHAT, "comment", whole=s.CHAT, policy=CONVERT),
    exact("comments stand behind the stop reason", C, b": x\n\ndata: [DONE]\n\n: y\n\n", "comment", of=s.DONE, policy=CONVERT),
    exact("a comment stands behind a terminal that is early", C, b"data: [DONE]\n\n: x\n\n" + CHUNK, "comment", policy=CONVERT),
    # terminals
    exact("no [DONE]", C, s.CHAT.removesuffix(b"data: [DONE]\n\n"), "terminal_missing", whole=s.CHAT),
    exact("no message_stop", A, s.ANTHROPIC.removesuffix(s.MESSAGE_STOP), "terminal_missing", whole=s.ANTHROPIC),
    exact("[DONE] in quotes", C, s.CHAT.replace(b"[DONE]", b'"[DONE]"'), "terminal_form", whole=s.CHAT),
    exact("[DONE] twice", C, s.CHAT + b"data: [DONE]\n\n", "terminal_duplicate", whole=s.CHAT),
    exact("message_stop twice", A, s.ANTHROPIC + s.MESSAGE_STOP, "terminal_duplicate", whole=s.ANTHROPIC),
    exact("[DONE] too early", C, b"data: [DONE]\n\n" + CHUNK, "terminal_early"),
    exact("message_stop too early", A, s.MESSAGE_STOP + DELTA, "terminal_early"),
    exact("events after the end", A, s.ANTHROPIC + s.PING, "after_terminal", whole=s.ANTHROPIC),
    exact("message_start twice", A, s.MESSAGE_START * 2, "duplicate_start", of=s.MESSAGE_START),
    *faults_anthropic.EXACT,
    *faults_gemini.EXACT,
    *faults_chat.EXACT,
    *faults_responses.EXACT,
]

HALF_A = s.MESSAGE_START + s.BLOCK_START + DELTA
HALF_C = s.chat(CHUNK).split(CHUNK)[0] + CHUNK
HTML = b"<!DOCTYPE html><html><head><title>502</title></head>\n<body>Bad Gateway</body></html>\n"

HONEST = [
    honest("a value is cut and the next header glued on", A, s.ANTHROPIC.replace(b'"Hel"}}\n\n', b'"He', 1), "truncated_json"),
    honest(
        "a value is cut outside a string",
        C,
        s.CHAT.replace(b'"Hel"}, "finish_reason": null}]}\n\n', b"\n", 1),
        "truncated_json",
    ),
    honest("a value is cut, a blank line follows", C, s.CHAT.replace(b'el"}, "finish_reason": null}]}', b"", 1), "truncated_json"),
    honest("tool arguments are cut", A, TOOL.replace(b'b\\"}"}}\n\n', b"", 1), "truncated_json"),
    honest("the stream ends in a value", C, HALF_C[:-20], "truncated_json"),
    honest("the stream ends in a name", A, HALF_A + b"event: content_bl", "event_without_data"),
    honest("the stream ends before its stop reason", A, HALF_A, "answer_incomplete"),
    honest("the stream ends before its stop reason", C, HALF_C, "answer_incomplete"),
    honest("the stream ends before its end", R, s.RESPONSE_CREATED + s.ITEM_ADDED, "answer_incomplete"),
    honest("[DONE] without a stop reason", C, HALF_C + b"data: [DONE]\n\n", "stop_reason_missing"),
    honest("message_stop without a stop reason", A, HALF_A + s.BLOCK_STOP + s.MESSAGE_STOP, "stop_reason_missing"),
    honest("a head is lost", C, s.CHAT.replace(CHUNK, CHUNK[30:], 1), "unparsable_data"),
    honest("a quotation mark is not escaped", C, s.chat(s.chat_text("say ~hi~ now").replace(b"~", b'"')), "unparsable_data"),
    honest("an HTML page", C, HTML, "html_body"),
    honest("an HTML page in the stream", A, HALF_A + HTML, "html_body"),
    honest("nothing at all", A, b"", "empty_stream"),
    honest("[DONE] and nothing else", C, b"data: [DONE]\n\n", "empty_stream"),
    honest(
        "a JSON answer that says nothing of its end",
        A,
        b'{"id": "m", "type": "message", "role": "assistant", "content": []}',
        "json_body",
    ),
    honest("a JSON answer", C, b'{"object": "chat.completion", "choices": [{"message": {"content": "x"}}]}', "json_body"),
    honest("a second message in the first", A, HALF_A + s.ANTHROPIC.replace(b"msg_01", b"msg_02"), "spliced_generation"),
    honest(
        "the same message again, from its beginning",
        A,
        HALF_A + s.MESSAGE_START + s.BLOCK_START + s.text_delta("Hello"),
        "spliced_generation",
    ),
    honest("the same response again", R, s.RESPONSE_CREATED + s.output_delta("Hel", 3) + s.RESPONSES, "spliced_generation"),
    honest(
        "a second completion behind the first",
        C,
        s.CHAT.removesuffix(b"data: [DONE]\n\n") + s.CHAT.replace(b"chatcmpl-7Qx", b"chatcmpl-8"),
        "spliced_generation",
    ),
    honest("a second completion in the first", C, HALF_C + s.CHAT.replace(b"chatcmpl-7Qx", b"chatcmpl-8"), "spliced_generation"),
    honest(
        "a heartbeat before text that reads data:",
        C,
        s.chat(s.chat_text("say ~data: x").replace(b"~", b":keepalive\n\n")),
        "ambiguous_frame",
    ),
    honest(
        "raw line breaks in text that reads data:",
        C,
        s.chat(s.chat_text("Use:\n\ndata: hello\n\nok").replace(b"\\n", b"\n")),
        "ambiguous_frame",
    ),
    honest("data is empty", C, s.chat(b"data: \n\n", CHUNK), "empty_data"),
    honest("data is null", A, s.ANTHROPIC.replace(DELTA, NAME + b"\ndata: null\n\n"), "empty_data"),
    honest("data is hollow", A, s.ANTHROPIC.replace(DELTA, NAME + b"\ndata: {}\n\n"), "unparsable_data"),
    honest("data is a bare string", C, s.chat(b'data: "Hel"\n\n', CHUNK), "unparsable_data"),
    honest("a name is cut", A, s.ANTHROPIC.replace(DELTA, b"event: content_bl\n\n"), "event_without_data"),
    *(
        honest(f"a frame is cut to {cut!r}", C, s.chat(cut + b"\n\n", CHUNK), kind)
        for cut, kind in {
            b"d": "unparsable_data",
            b"dat": "unparsable_data",
            b"data": "empty_data",
            b"data: ": "empty_data",
        }.items()
    ),
    honest("one prefix stands twice", C, s.chat(CHUNK, b"data: " + CHUNK), "unparsable_data"),
    honest("the first prefix stands twice", C, b"data: " + s.CHAT, "unparsable_data"),
    honest("the names of two events are glued", A, s.ANTHROPIC.replace(DELTA, b"event: content_b" + DELTA), "unparsable_data"),
    honest("a name stands before another", A, s.ANTHROPIC.replace(DELTA, NAME + b"\n" + DELTA), "event_without_data"),
    honest("a field's name is lost", C, s.chat(CHUNK[4:]), "unparsable_data"),
    honest("a comment's line end is lost", C, s.chat(b": ping" + CHUNK), "unparsable_data"),
    honest("a field's name is lost behind a value", C, s.chat(CHUNK[:-2] + s.chat_text("lo")[4:]), "unparsable_data"),
    honest("a raw line break", C, s.chat(s.chat_text("a~b").replace(b"~", b"\n")), "raw_newline_in_string"),
    honest(
        "a raw line break, and an empty line", A, s.anthropic(s.text_delta("a~b").replace(b"~", b"\n\n")), "raw_newline_in_string"
    ),
    honest("a backslash that escapes nothing", C, s.chat(s.chat_text("a~d").replace(b"~", b"\\")), "bad_escape"),
    honest("bytes that are no UTF-8", C, s.chat(s.chat_text("a~b").replace(b"~", b"\xe6\xb8")), "invalid_utf8"),
    honest("a NUL in a text", C, s.chat(s.chat_text("a~b").replace(b"~", b"\0")), "unparsable_data"),
    honest(
        "a number that is none, and no log probability",
        C,
        s.chat(s.chat_text("x", p=1.5).replace(b"1.5", b"NaN")),
        "unparsable_data",
    ),
    *(
        honest(f"{name} in {place}", C, s.CHAT.replace(text, text[:3] + odd + text[3:], 1), "unparsable_data")
        for name, odd in {"a line break": b"\n", "a NUL": b"\0", "a TAB": b"\t", "a bad byte": b"\xff"}.items()
        for place, text in {
            "a key": b"content",
            "an id": b"chatcmpl-7Qx",
            "a word": b"assistant",
            "a number": b"1760000000",
        }.items()
        if (name, place) != ("a TAB", "a number")
    ),
    honest("junk stands behind a value", C, s.chat(CHUNK[:-2] + b'yz"}\n\n'), "unparsable_data"),
    honest(
        "a type is damaged",
        A,
        s.ANTHROPIC.replace(b'"type": "content_block_delta"', b'"type": "content_bck_delta"', 1),
        "unparsable_data",
    ),
    honest(
        "a type's name is damaged",
        A,
        s.ANTHROPIC.replace(b'{"type": "content_block_delta"', b'{"ype": "content_block_delta"', 1),
        "unparsable_data",
    ),
    honest(
        "a Unicode escape is cut",
        C,
        s.chat(b'data: {"choices": [{"index": 0, "delta": {"content": "caf\\u00e"}}]}\n\n'),
        "unparsable_data",
    ),
    honest("a delta without its data", A, s.ANTHROPIC.replace(DELTA, NAME + b"\n\n"), "event_without_data"),
    honest("text or heartbeat, nobody can tell", A, s.ANTHROPIC.replace(b"Hel", b"Note: xyz\n\nel", 1), "raw_newline_in_string"),
    honest("a heartbeat that the stream has not sent", C, s.chat(s.chat_text("a~b").replace(b"~", HEARTBEAT)), "ambiguous_frame"),
    honest("text that may read data:", C, s.chat(s.chat_text("a~b").replace(b"~", b"\n\ndata: ")), "ambiguous_frame"),
    honest("a comment that says nothing", C, b":\n\n" + s.chat(s.chat_text("So~1").replace(b"~", b":\n\n")), "ambiguous_frame"),
    honest("a payload behind a colon", C, s.chat(CHUNK[4:], CHUNK), "unparsable_data"),
    honest("an error as vLLM writes it", C, HALF_C + s.sse({"object": "error", "message": "boom", "code": 400}), "error_shape"),
    honest("an error beside choices", C, HALF_C + s.sse({"error": {"message": "boom"}, "choices": []}), "error_shape"),
    honest("an error as a string", C, HALF_C + s.sse({"error": "boom"}), "error_shape"),
    honest("an error as a named event", C, HALF_C + s.sse({"message": "boom"}, "error"), "error_shape"),
    honest("an error as a field", C, HALF_C + b'error: {"code": 400, "message": "boom"}\n\n', "error_shape"),
    honest("an error as a detail", C, HALF_C + s.sse({"detail": "boom"}), "error_shape"),
    honest("an error without its frame", C, HALF_C + b'{"error": {"message": "boom"}}\n', "missing_data_prefix"),
    honest(
        "an error without its frame, over many lines",
        C,
        HALF_C + b'{\n  "error": {\n    "message": "boom"\n  }\n}\n',
        "missing_data_prefix",
    ),
    honest(
        "an error without its name",
        A,
        HALF_A + s.sse({"type": "error", "error": {"type": "api_error", "message": "boom"}}),
        "event_name_missing",
    ),
    honest("an error in OpenAI's shape", A, HALF_A + s.sse({"error": {"message": "boom"}}), "error_shape"),
    honest(
        "an error injected into an open value",
        R,
        s.RESPONSE_CREATED + b'data: {"type":"response.outp\n{"type":"error","code":"x","message":"boom"}\n\n',
        "truncated_json",
    ),
    *faults_anthropic.HONEST,
    *faults_gemini.HONEST,
    *faults_chat.HONEST,
    *faults_responses.HONEST,
]
