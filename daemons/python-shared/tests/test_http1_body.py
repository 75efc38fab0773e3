"""HTTP/1.1 body framing."""

from __future__ import annotations

import pytest
from llm_api.http1_body import BadFramingError, Body, Chunked, Sized, ToEnd


def read(body: Body, *reads: bytes) -> bytes:
    return b"".join(piece for data in reads for piece in body.feed(data))


CHUNKED = b'5\r\nhello\r\n006;ext="a;b" ; x\r\n world\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n'


def test_chunks_extensions_and_trailers_cut_everywhere() -> None:
    for size in (1, 2, 3, 7, len(CHUNKED)):
        body = Chunked()
        reads = [CHUNKED[i : i + size] for i in range(0, len(CHUNKED), size)]
        assert read(body, *reads) == b"hello world0123456789"
        assert body.ended
        assert not body.leftover
        assert not Chunked().eof()


def test_bytes_after_the_body_are_left_over() -> None:
    body = Chunked()
    assert read(body, b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200") == b"a"
    assert (body.ended, body.leftover) == (True, b"HTTP/1.1 200")
    sized = Sized(2)
    assert read(sized, b"a", b"bc") == b"ab"
    assert (sized.ended, sized.leftover) == (True, b"c")


@pytest.mark.parametrize(
    "bad",
    [
        b"xyz\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"\r\n",
        b"1_0\r\n",
        b"10000000000000001\r\na",
        b"8000000000000000\r\na",
        b"1\na",
        b"1;a\nb\r\na",
        b"1\r\naX",
        b"1\r\na\n0\r\n\r\n",
        b"1\r\na\r0\r\n\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\nX-T: 1\n\r\n",
        b"1;" + b"x" * 20_000,
    ],
)
def test_bad_framing_fails_after_the_pieces_before_it(bad: bytes) -> None:
    body = Chunked()
    pieces = []

    def feed() -> None:
        for piece in body.feed(b"2\r\nok\r\n" + bad + b"\r\n" * 2):
            pieces.append(piece)

    with pytest.raises(BadFramingError):
        feed()
    assert pieces[0] == b"ok"
    assert not body.ended


def test_a_length_and_no_length() -> None:
    assert Sized(0).ended
    assert not Sized(1).eof()
    assert ToEnd().eof()
    assert read(ToEnd(), b"a", b"b") == b"ab"
