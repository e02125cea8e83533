from __future__ import annotations

import base64
import hashlib

import pytest

from resplice.records.evidence import HEAD, TAIL, Evidence, describe

KEY = b"sk-" + b"aB3" * 10


@pytest.mark.parametrize("evidence", list(Evidence))
def test_no_bytes_have_no_account(evidence: Evidence):
    assert describe(b"", evidence) is None


@pytest.mark.parametrize("evidence", list(Evidence))
def test_the_hash_is_that_of_all_the_bytes(evidence: Evidence):
    data = KEY * 1000
    account = describe(data, evidence)
    assert account
    assert account["sha256"] == hashlib.sha256(data).hexdigest()


def test_hash_evidence_holds_no_content():
    account = describe(b"a private word", Evidence.HASH)
    assert account
    assert set(account) == {"sha256"}


def test_a_short_sample_is_the_whole_text():
    data = "data: {“a”}\n\n".encode()
    account = describe(data, Evidence.SAMPLE)
    assert account
    assert account["text"] == "data: {“a”}\n\n"
    assert set(account) == {"sha256", "text"}


def test_a_long_sample_is_head_and_tail_and_says_what_is_missing():
    data = bytes(range(97, 123)) * 100
    account = describe(data, Evidence.SAMPLE)
    assert account
    assert account["text"].encode() == data[:HEAD]
    assert account["tail"].encode() == data[-TAIL:]
    assert account["omitted"] == len(data) - HEAD - TAIL


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_a_sample_is_not_cut_inside_a_character(character: str, shift: int):
    data = b"x" * shift + character.encode() * 1000
    account = describe(data, Evidence.SAMPLE)
    assert account
    assert set(account) == {"sha256", "text", "omitted", "tail"}
    shown = len(account["text"].encode()) + len(account["tail"].encode())
    assert shown + account["omitted"] == len(data)


def test_bytes_that_are_no_utf8_are_shown_escaped_and_in_base64():
    account = describe(b"a\xff\xfeb", Evidence.SAMPLE)
    assert account
    assert account["text"] == r"a\xff\xfeb"
    assert base64.b64decode(account["text_base64"]) == b"a\xff\xfeb"


def test_only_the_part_that_is_no_utf8_is_in_base64():
    account = describe(b"a" * 600 + b"\xff", Evidence.SAMPLE)
    assert account
    assert "text_base64" not in account
    assert base64.b64decode(account["tail_base64"]).endswith(b"a\xff")


def test_a_row_of_continuation_bytes_is_sampled_as_it_is():
    account = describe(b"\x80" * 2000, Evidence.SAMPLE)
    assert account
    assert base64.b64decode(account["text_base64"]) == b"\x80" * HEAD


@pytest.mark.parametrize("place", [0, 100, 240, 255, 256, 300, 900, 1000])
def test_a_secret_is_in_no_sample_wherever_it_stands(place: int):
    data = b"." * place + KEY + b"\xff" + b"." * (1100 - place)
    account = describe(data, Evidence.SAMPLE)
    assert account
    shown = b"".join(base64.b64decode(account[name]) for name in account if name.endswith("base64"))
    shown += account["text"].encode() + account["tail"].encode()
    assert b"aB3" not in shown


def test_full_evidence_is_every_byte_as_it_was():
    data = KEY + b"\xff\x00" * 5000
    account = describe(data, Evidence.FULL)
    assert account
    assert base64.b64decode(account["base64"]) == data
