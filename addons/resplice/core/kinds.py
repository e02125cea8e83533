"""Names of faults, as they stand in the log. What each means is told in the catalogue, one row for each."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Names of faults."""

    # framing
    SPLIT_EVENT_DATA = "split_event_data"
    EVENT_WITHOUT_DATA = "event_without_data"
    MISSING_BLANK_LINE = "missing_blank_line"
    JOINED_FRAMES = "joined_frames"
    REPEATED_DATA_PREFIX = "repeated_data_prefix"
    MISSING_DATA_PREFIX = "missing_data_prefix"
    SPLIT_JSON = "split_json"
    PRETTY_JSON = "pretty_json"
    HEARTBEAT_IN_FRAME = "heartbeat_in_frame"
    COMMENT_AS_DATA = "comment_as_data"
    COMMENT_AFTER_ID = "comment_after_id"
    COMMENT = "comment"
    EMPTY_DATA = "empty_data"
    META_ONLY = "meta_only"
    UNTERMINATED_FRAME = "unterminated_frame"
    CR_LINE_END = "cr_line_end"
    JUNK_LINE = "junk_line"
    BODY_FORM = "body_form"
    OVERSIZED_EVENT = "oversized_event"
    # encoding
    BOM = "bom"
    INVALID_UTF8 = "invalid_utf8"
    CONTROL_IN_STRING = "control_in_string"
    RAW_NEWLINE_IN_STRING = "raw_newline_in_string"
    BAD_ESCAPE = "bad_escape"
    NAN_INFINITY = "nan_infinity"
    JUNK_BLANK = "junk_blank"
    JSON_IN_STRING = "json_in_string"
    # meaning
    EVENT_NAME_MISSING = "event_name_missing"
    EVENT_NAME_WRONG = "event_name_wrong"
    KEEPALIVE_ID = "keepalive_id"
    CHUNK_ID = "chunk_id"
    KEEPALIVE_FORM = "keepalive_form"
    HEARTBEAT = "heartbeat"
    FOREIGN_EVENT = "foreign_event"
    # terminals
    TERMINAL_MISSING = "terminal_missing"
    TERMINAL_DUPLICATE = "terminal_duplicate"
    TERMINAL_FOREIGN = "terminal_foreign"
    TERMINAL_EARLY = "terminal_early"
    TERMINAL_FORM = "terminal_form"
    AFTER_TERMINAL = "after_terminal"
    DUPLICATE_START = "duplicate_start"
    STOP_REASON_MISSING = "stop_reason_missing"
    # errors inside a 200
    ERROR_SHAPE = "error_shape"
    # losses
    TRUNCATED_JSON = "truncated_json"
    UNPARSABLE_DATA = "unparsable_data"
    AMBIGUOUS_FRAME = "ambiguous_frame"
    HTML_BODY = "html_body"
    JSON_BODY = "json_body"
    EMPTY_STREAM = "empty_stream"
    ANSWER_INCOMPLETE = "answer_incomplete"
    SPLICED_GENERATION = "spliced_generation"
    ENCODING_BROKEN = "encoding_broken"
    AFTER_ERROR = "after_error"
    UNDELIVERED = "undelivered"
    # notes
    UPSTREAM_ERROR = "upstream_error"
    WOULD_END = "would_end"
    INTERNAL_ERROR = "internal_error"
