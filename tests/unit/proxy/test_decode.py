"""Content codings, undone piece by piece."""

import random
import tracemalloc
import zlib

import brotli
import pytest

from resplice.core.kinds import Kind
from resplice.proxy.coding import MAX_STEP, Coding
from resplice.proxy.decode import DecodeError, for_codings, zstd
from unit.proxy.codings import ENCODERS, encode

FRAMES = [
    b'data: {"n": %d, "text": "%s"}\n\n' % (n, bytes(random.Random(n).randrange(32, 127) for _ in range(n))) for n in range(40)
]
WHOLE = b"".join(FRAMES)
every_coding = pytest.mark.parametrize("coding", ENCODERS)


def decoder(coding):
    (one,) = for_codings([coding.removeprefix("raw-")])
    return one


def undo(one, *pieces):
    return [b"".join(one.decode(piece)) for piece in pieces]


@every_coding
def test_each_flushed_frame_comes_out_at_once(coding):
    one = decoder(coding)
    pieces = encode(coding, FRAMES)
    assert undo(one, *pieces[:-1]) == FRAMES
    assert one.open
    assert undo(one, pieces[-1]) == [b""]
    assert not one.open


@every_coding
def test_any_cut_gives_the_same_bytes(coding):
    data = b"".join(encode(coding, FRAMES))
    assert b"".join(undo(decoder(coding), *(bytes([byte]) for byte in data))) == WHOLE
    assert b"".join(undo(decoder(coding), data)) == WHOLE


@every_coding
def test_truncated_data_gives_what_came_and_says_that_it_is_open(coding):
    pieces = encode(coding, FRAMES)
    one = decoder(coding)
    assert b"".join(undo(one, *pieces[:7])) == b"".join(FRAMES[:7])
    assert one.open


@every_coding
def test_damaged_data_is_an_error_behind_the_sound_pieces(coding):
    one = decoder(coding)
    pieces = encode(coding, FRAMES)
    got = []
    with pytest.raises(DecodeError, match="data is damaged"):
        got.extend(one.decode(b"".join(pieces[:3]) + b"\xff" * 64))
    assert b"".join(got).startswith(b"".join(FRAMES[:3]))


@every_coding
def test_what_was_sound_in_the_same_read_comes_out_also_behind_earlier_ones(coding):
    one = decoder(coding)
    pieces = encode(coding, FRAMES)
    got = undo(one, *pieces[:20])
    with pytest.raises(DecodeError, match="data is damaged"):
        got.extend(one.decode(pieces[20] + pieces[21] + b"\xff" * 64))
    assert b"".join(got).startswith(b"".join(FRAMES[:22]))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_members_one_behind_the_other_are_one_body(coding):
    data = b"".join(encode(coding, FRAMES)) * 3
    for size in (1, 7, len(data)):
        one = decoder(coding)
        assert b"".join(undo(one, *(data[at : at + size] for at in range(0, len(data), size)))) == WHOLE * 3


@every_coding
def test_what_follows_the_end_of_the_data_is_ignored(coding):
    data = b"".join(encode(coding, FRAMES))
    one = decoder(coding)
    assert b"".join(undo(one, data, b"\0" * 8, b"trailing")) == WHOLE


@every_coding
def test_random_bytes_raise_nothing_but_the_one_error(coding):
    for seed in range(200):
        data = random.Random(seed).randbytes(300)
        one = decoder(coding)
        try:
            b"".join(one.decode(data))
        except DecodeError:
            continue


def _bomb(coding):
    body = bytes(200_000_000)
    if coding == "br":
        return brotli.compress(body, quality=1)
    if coding == "zstd":
        return zstd.ZstdCompressor().compress(body) if hasattr(zstd, "ZstdDecompressionReader") else zstd.compress(body)
    packer = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    return packer.compress(body) + packer.flush()


def test_a_bomb_in_a_bomb_is_refused_by_what_went_in():
    outer = brotli.compress(_bomb("gzip"))
    assert len(outer) < 2_000
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="grows to more than 1100 times its size"):
            sum(map(len, Coding(for_codings(["gzip", "br"])).decode(outer)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_STEP


def test_events_that_say_the_same_a_hundred_thousand_times_are_no_bomb():
    body = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n' * 400_000
    coding, went = Coding(for_codings(["gzip"])), 0
    data = zlib.compress(body, 6, wbits=31)
    for at in range(0, len(data), 4096):
        went += sum(map(len, coding.decode(data[at : at + 4096])))
    assert went == len(body)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_refused_before_it_eats_memory(coding):
    bomb = _bomb(coding)[:65_536]
    one = Coding(for_codings([coding]))
    sizes = []
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="grows to more than"):
            sizes.extend(map(len, one.decode(bomb)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(sizes) <= MAX_STEP
    assert peak < 2 * MAX_STEP


def test_codings_are_undone_in_reverse_order():
    inner = zlib.compress(WHOLE)
    outer = brotli.compress(inner)
    decoders = for_codings(["deflate", " BR "])
    out = b"".join(decoders[0].decode(outer))
    assert b"".join(decoders[1].decode(out)) == WHOLE


@pytest.mark.parametrize("names", [[], [""], ["identity"], ["none", " "]])
def test_no_coding_needs_no_decoder(names):
    assert for_codings(names) == []


def test_an_unknown_coding_has_no_decoder():
    assert for_codings(["gzip", "compress"]) is None


def test_three_codings_are_more_than_anybody_applies():
    assert for_codings(["gzip", "br", "gzip"]) is None


# -- where the headers are wrong

EVENT = b'event: message_start\ndata: {"type": "message_start"}\n\n'


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_data_that_no_header_declares_is_known_by_its_magic_number(coding, size):
    data = b"".join(encode(coding, FRAMES))
    undone = Coding(sniffs=True)
    got = undo(undone, *(data[at : at + size] for at in range(0, len(data), size)))
    assert b"".join(got) == WHOLE
    assert undone.note[0] is Kind.CODING_UNDECLARED


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("names", [["gzip"], ["br"], ["deflate"], ["zstd"], ["gzip", "br"]])
@pytest.mark.parametrize(
    "body", [EVENT, b": ping\n\n" + EVENT, b'\n\ndata: {"id": 1}\n\n', b'{"model": "m"}\n', b"\xef\xbb\xbfdata: 1\n\n"]
)
def test_text_under_a_header_that_names_a_coding_is_text(body, names, size):
    undone = Coding(for_codings(names), sniffs=True)
    got = undo(undone, *(body[at : at + size] for at in range(0, len(body), size)))
    assert b"".join(got) == body
    assert undone.note[0] is Kind.CODING_STALE
    assert not undone.open
    assert not undone.active


@every_coding
def test_what_the_headers_say_rightly_is_not_doubted(coding):
    for seed in range(200):
        body = random.Random(seed).randbytes(20) + WHOLE[: seed * 7]
        undone = Coding(for_codings([coding.removeprefix("raw-")]), sniffs=True)
        got = undo(undone, *(bytes([byte]) for byte in b"".join(encode(coding, [body]))))
        assert b"".join(got) == body
        assert undone.note is None


@pytest.mark.parametrize("body", [b"d", b"\x1f", b"(", b"{", b"\n\n"])
def test_a_body_too_short_to_tell_passes_at_its_end(body):
    for names in ([], ["br"], ["gzip"]):
        undone = Coding(for_codings(names), sniffs=True)
        got = b"".join(undone.decode(body)) if not (names == ["gzip"] and body == b"\x1f") else b""
        assert got + undone.end() in {body, b""}


def test_without_being_asked_for_nothing_is_told_by_the_first_bytes():
    data = b"".join(encode("gzip", FRAMES))
    assert undo(Coding(), data) == [data]
    with pytest.raises(DecodeError):
        undo(Coding(for_codings(["gzip"])), EVENT)
