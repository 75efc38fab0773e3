"""Scripts as the bytes of HTTP/1.1 responses."""

from __future__ import annotations

from mock_api.http1.response import compile_response
from mock_api.language.script import Ending, Framing, Informational, Script
from mock_api.language.steps import Cut, Gate, Raw, Unit, Write


def test_http1_bytes() -> None:
    script = Script(steps=(Unit((Write(b"da"), Cut(), Write(b"ta:x\n\n"))), Write(b"!")))
    response = compile_response(script, keep_alive=True, chunks=True, body=True)
    assert response.schedule.kept is not None
    first, second = response.schedule.kept
    assert first.data == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nda"
    assert second.data == b"ta:x\n\n\r\n1\r\n!\r\n0\r\n\r\n"
    assert second.marks == (6,)
    assert not response.close


def _http1(script: Script) -> list[bytes]:
    response = compile_response(script, keep_alive=True, chunks=True, body=True)
    return [segment.data for segment in response.schedule.play()[0]]


def test_raw_http1_bytes() -> None:
    steps = (Raw(b"5;a=b\r\n"), Write(b"x"), Gate(1), Raw(b"junk"))
    headers = (("content-length", "5"),)
    assert _http1(Script(steps=steps, framing=Framing.RAW, headers=headers)) == [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n5;a=b\r\nx",
        b"junk",
    ]
    chunked = Script(steps=(Write(b"x"), Raw(b"zz\r\n")), trailers=(("x-sum", "1"),))
    assert _http1(chunked)[0].endswith(b"\r\n\r\n1\r\nx\r\nzz\r\n0\r\nx-sum: 1\r\n\r\n")


def test_heads_of_http1() -> None:
    steps = (Write(b"x"),)
    own = Script(steps=steps, head=b"HTTP/1.0 200\r\n\r\n", framing=Framing.CLOSE)
    assert _http1(own) == [b"HTTP/1.0 200\r\n\r\nx"]
    assert _http1(Script(head=b"", framing=Framing.RAW)) == [b""]
    hints = Informational(103, (("link", "a"),))
    assert _http1(Script(informational=(Informational(100), hints), framing=Framing.LENGTH)) == [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    ]


def test_an_aborted_response_has_no_end() -> None:
    script = Script(steps=(Write(b"x"),), ending=Ending.ABORT)
    response = compile_response(script, keep_alive=True, chunks=True, body=True)
    (segment,) = response.schedule.play()[0]
    assert segment.data.endswith(b"1\r\nx\r\n")
    assert response.close
