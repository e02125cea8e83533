import pytest

from resplice.core.kinds import Kind
from resplice.core.mender import mend
from resplice.core.payload import strict

MENDED = [
    (b'{"text": "a\x1bb"}', b'{"text": "a\\u001bb"}', {Kind.CONTROL_IN_STRING}),
    (b'{"text": "a\tb"}', b'{"text": "a\\tb"}', {Kind.CONTROL_IN_STRING}),
    (b'{"text": "a\nb"}', b'{"text": "a\\nb"}', {Kind.RAW_NEWLINE_IN_STRING}),
    (b'{"text": "a\r\nb"}', b'{"text": "a\\r\\nb"}', {Kind.RAW_NEWLINE_IN_STRING}),
    (b'{"text": "C:\\users"}', b'{"text": "C:\\\\users"}', {Kind.BAD_ESCAPE}),
    (b'{"text": "\\d\\\\d"}', b'{"text": "\\\\d\\\\d"}', {Kind.BAD_ESCAPE}),
    (
        b'{"logprob": NaN, "top_logprobs": [{"x": -Infinity}], "avgLogprobs": Infinity}',
        b'{"logprob": null, "top_logprobs": [{"x": -9999.0}], "avgLogprobs": null}',
        {Kind.NAN_INFINITY},
    ),
    (b'{"text": "NaN",\xc2\xa0"n": 1}', b'{"text": "NaN", "n": 1}', {Kind.JUNK_BLANK}),
    (b'{\n  "a": 1\n}', b'{   "a": 1 }', {Kind.PRETTY_JSON}),
    (b'{"text": "\xe6\xb8"}', b'{"text": "\xef\xbf\xbd"}', {Kind.INVALID_UTF8}),
    (b'{"text": "\xe6x\x07"}', b'{"text": "\xef\xbf\xbdx\\u0007"}', {Kind.INVALID_UTF8, Kind.CONTROL_IN_STRING}),
]


@pytest.mark.parametrize(("broken", "whole", "kinds"), MENDED)
def test_a_payload_is_mended_in_the_narrowest_way(broken: bytes, whole: bytes, kinds: set[Kind]) -> None:
    mended = mend(broken)
    assert mended is not None
    assert (mended.payload, set(mended.kinds)) == (whole, kinds)


@pytest.mark.parametrize(("broken", "whole", "kinds"), MENDED)
def test_what_was_mended_needs_no_mending(broken: bytes, whole: bytes, kinds: set[Kind]) -> None:
    mended = mend(whole)
    assert mended is not None
    assert (mended.payload, mended.kinds) == (whole, ())


@pytest.mark.parametrize(
    "payload", [b'{"f": "printf(\\"a\\\\n\\")"}', b'{"f": "\\\\n\\u000a"}', b'{"u": "\xe2\x80\xa8"}', b'{"s": "\\ud83d"}']
)
def test_valid_json_is_never_touched(payload: bytes) -> None:
    mended = mend(payload)
    assert mended is not None
    assert mended.payload is payload


@pytest.mark.parametrize("payload", [b'{"text": "say "hi" now"}', b'{"a": 1', b'{"a": }', b"{1: 2}", b'{"a": 1}}'])
def test_what_has_no_safe_repair_is_not_repaired(payload: bytes) -> None:
    assert mend(payload) is None


@pytest.mark.parametrize("odd", [b"\n", b"\r\n", b"\0", b"\t", b"\x1b", b"\xff", b"\\d"])
@pytest.mark.parametrize(
    "payload",
    [
        b'{"con~tent": "x"}',
        b'{"id": "a~b", "content": "x"}',
        b'{"type": "a~b"}',
        b'{"finish_reason": "st~op"}',
        b'{"n": 1~2}',
        b'{"n": tr~ue}',
        b'{"arguments": "{~}"}',
        b'{"type": "response.function_call_arguments.delta", "delta": "{~}"}',
    ],
)
def test_nothing_is_mended_but_the_text_of_the_model(payload: bytes, odd: bytes) -> None:
    assert mend(payload.replace(b"~", odd)) is None


@pytest.mark.parametrize("odd", [b"\n", b"\0", b"\xef\xbb\xbf", b"\x0c", b"\xc2\xa0"])
@pytest.mark.parametrize("payload", [b'{"n":~7}', b'{"n"~:7}', b"[7,~12]", b"[7~]", b'{~"a":"b"~}'])
def test_between_tokens_everything_blank_is_a_blank(payload: bytes, odd: bytes) -> None:
    mended = mend(payload.replace(b"~", odd))
    assert mended is not None
    assert mended.value == strict(payload.replace(b"~", b""))


@pytest.mark.parametrize("payload", [b'{"score": NaN}', b'{"arguments": {"x": NaN}}', b'{"usage": {"total_tokens": -Infinity}}'])
def test_a_number_that_is_none_has_no_repair_but_as_a_log_probability(payload: bytes) -> None:
    assert mend(payload) is None


def test_a_nul_in_a_text_may_be_padding_and_has_no_repair() -> None:
    assert mend(b'{"text": "a\0b"}') is None
