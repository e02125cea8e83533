"""Content codings, undone piece by piece."""

import random
import tracemalloc
import zlib

import brotli
import pytest

from resplice.proxy.decode import MAX_STEP, DecodeError, for_codings, zstd
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
    assert b"".join(FRAMES[:3]).startswith(b"".join(got))


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


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_refused_before_it_eats_memory(coding):
    bomb = _bomb(coding)[:65_536]
    one = decoder(coding)
    sizes = []
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="grows to more than 32 MiB at once"):
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
