"""The HPACK decoder, against the hpack library as encoder and as decoder."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_api.http2 import huffman
from mock_api.http2.field_decoder import FieldDecoder
from mock_api.http2.frames import Code, Http2ConnectionError

FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b":method", b":path", b"host", b"x-a", b"x-test-pattern", b"te", b"X-B"]),
        st.binary(max_size=40),
        st.booleans(),
    ),
    max_size=12,
)


@given(st.lists(st.tuples(FIELDS, st.booleans(), st.sampled_from([None, 0, 64, 300, 4096]))))
def test_blocks_of_the_library_read_as_the_library_reads_them(
    blocks: list[tuple[list[tuple[bytes, bytes, bool]], bool, int | None]],
) -> None:
    encoder, theirs, ours = hpack.Encoder(), hpack.Decoder(), FieldDecoder()
    for fields, huffman_coded, table_size in blocks:
        if table_size is not None:
            encoder.header_table_size = table_size
        block = encoder.encode(fields, huffman=huffman_coded)
        expected = [tuple(pair) for pair in theirs.decode(block, raw=True)]
        assert [field[:2] for field in ours.decode(block)] == expected


@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_a_compression_error(block: bytes) -> None:
    try:
        expected: object = [tuple(pair) for pair in hpack.Decoder().decode(block, raw=True)]
    except hpack.HPACKError:
        expected = Code.COMPRESSION_ERROR
    try:
        fields: object = [field[:2] for field in FieldDecoder().decode(block)]
    except Http2ConnectionError as error:
        fields = error.code
    assert fields == expected


@given(st.binary(max_size=200))
def test_huffman_strings_of_the_library(data: bytes) -> None:
    coded = hpack.Encoder().huffman_coder.encode(data)
    assert huffman.decode(coded) == data


@pytest.mark.parametrize(
    "coded",
    [b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x1f\xff", b"\x18"],
    ids=["padding of 0", "padding of 8 bits", "end of string", "long padding", "half a symbol"],
)
def test_strings_that_are_not_huffman_coded(coded: bytes) -> None:
    with pytest.raises(huffman.HuffmanError):
        huffman.decode(coded)


def test_a_list_of_headers_is_limited() -> None:
    decoder = FieldDecoder()
    entry = b"\x40\x01a\x7f\x81\x1e" + b"v" * 3968
    decoder.decode(entry)
    with pytest.raises(Http2ConnectionError) as caught:
        decoder.decode(b"\xbe" * 100)
    assert caught.value.code == Code.ENHANCE_YOUR_CALM
