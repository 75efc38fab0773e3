"""Responses cut anywhere, paused for any time, compressed: their content stays the same."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import zlib
from itertools import pairwise
from random import Random
from urllib.parse import urlsplit

import pytest

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import PATIENCE, Mock, chat, contents, events
from tests.mock_api.clients.scripted import register, wire_request

APPLICATION_DATA = 23
TAG = 17
"""Bytes of a TLS 1.3 record in addition to its plaintext: its type and its tag."""

STEPS = [{"delta": "😀"}, {"delta": "x"}, {"done": True}]


class Records:
    """A TLS client that counts the records."""

    def __init__(self, mock: Mock) -> None:
        context = ssl.create_default_context(cafile=mock.ready["ca_file"])
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        address = ("127.0.0.1", urlsplit(mock.ready["https"]).port)
        self.sock = socket.create_connection(address, timeout=PATIENCE)
        self._rest = b""
        self.sizes: list[int] = []
        """Of each record's plaintext."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._move()
            else:
                break

    def exchange(self, request: bytes, *, end: bytes) -> bytes:
        self._tls.write(request)
        answer = b""
        while not answer.endswith(end):
            try:
                answer += self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._move()
        return answer

    def _move(self) -> None:
        if self._out.pending:
            self.sock.sendall(self._out.read())
        came = self.sock.recv(65536)
        assert came
        self._in.write(came)
        self._rest += came
        while len(self._rest) >= 5:
            kind, _, size = struct.unpack(">BHH", self._rest[:5])
            if len(self._rest) < 5 + size:
                break
            if kind == APPLICATION_DATA:
                self.sizes.append(size - TAG)
            self._rest = self._rest[5 + size :]


def test_a_byte_a_record(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "segment": 1})
    client = Records(mock)
    answer = client.exchange(wire_request(headers), end=b"0\r\n\r\n")
    assert client.sizes[-len(answer) :] == [1] * len(answer)
    assert mock.wait(token, **{"for": "ended"})["bytes_sent"] == len(answer)
    client.sock.close()


def test_cuts_at_any_offset_of_the_response(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "cuts": [3, 20, 7, 21]})
    client = Records(mock)
    answer = client.exchange(wire_request(headers), end=b"0\r\n\r\n")
    assert client.sizes[-5:] == [3, 4, 13, 1, len(answer) - 21]
    client.sock.close()


def test_cuts_and_pauses_compose(mock: Mock, token: str) -> None:
    steps = [{"write": "a" * 10}, {"gate": 1}, {"write": "b" * 10}]
    script = {"steps": steps, "framing": "raw", "head": "", "segment": 8, "cuts": [9]}
    headers = register(mock, token, script)
    mock.control("POST", f"/gates/{token}", {"open": 1})
    client = Records(mock)
    assert client.exchange(wire_request(headers), end=b"b" * 10) == b"a" * 10 + b"b" * 10
    assert client.sizes[-5:] == [8, 1, 1, 6, 4]
    client.sock.close()


def test_segments_of_tcp(mock: Mock, token: str) -> None:
    script = {"steps": [{"write": "x" * 40}], "framing": "raw", "head": "", "segment": 10}
    headers = register(mock, token, script)
    sock = mock.connect()
    sock.sendall(wire_request(headers))
    came = b""
    while len(came) < 40:
        came += sock.recv(65536)
    tcp_info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    assert struct.unpack_from("I", tcp_info, 152) == (4,), "segments with data"
    sock.close()


@pytest.mark.parametrize("cut", [{"segment": 1}, {"segment": 7}, {"cuts": [1, 8, 9, 10, 60]}])
def test_cuts_change_nothing(
    mock: Mock, h1: H1Client, h2: H2Client, token: str, cut: dict[str, object]
) -> None:
    headers = register(mock, token, {"steps": STEPS, **cut})
    for _ in range(2):
        for body in (h1.chat(chat(), headers).body, h2.exchange(chat(), headers).body):
            assert contents(events(body)) == ["😀", "x"]
    for entry in mock.entries(token=token):
        assert [event["data"] for event in entry["events"]] == events(body)


def test_a_cut_stream_beside_others(mock: Mock, h2: H2Client, token: str) -> None:
    headers = register(mock, token, {"steps": [{"delta": "x" * 500}], "segment": 3})
    streams = [h2.request(chat(), headers if number % 2 else ()) for number in range(10)]
    for number, stream in enumerate(streams):
        said = contents(events(h2.finish(stream).body))
        assert said == ["x" * 500] if number % 2 else len(said) == 18


def test_jitter_is_drawn_anew_and_always_the_same(mock: Mock, h1: H1Client, token: str) -> None:
    wait = {"wait": {"from": 0.0, "to": 0.04, "seed": 7}}
    repeat = {"repeat": {"times": 8, "steps": [wait, {"delta": "x"}]}}
    headers = register(mock, token, {"steps": [repeat]})
    for _ in range(2):
        h1.chat(chat(), headers)
    gaps = []
    for entry in mock.entries(token=token):
        times = [entry["received_at"], *(event["at"] for event in entry["events"])]
        gaps.append([after - before for before, after in pairwise(times)])
    draw = Random(7)  # noqa: S311  # the mock's own, to be foreseen
    due = [draw.uniform(0.0, 0.04) for _ in range(8)]
    assert len(set(due)) == 8
    for found in gaps:
        for index in range(8):
            assert sum(found[: index + 1]) >= sum(due[: index + 1]) - 0.001


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_gzip(mock: Mock, h1: H1Client, h2: H2Client, token: str, framing: str) -> None:
    inner = [{"write": "data: b"}, {"cut": True}, {"write": "c\n\n"}]
    script = {
        "encoding": "gzip",
        "framing": framing,
        "steps": [
            {"write": "data: a\n\n"},
            {"unit": inner},
            {"cut": True},
            {"write": "data: d\n\n"},
        ],
    }
    headers = register(mock, token, script)
    for ask in (h1.chat, h2.exchange):
        reply = ask(chat(), headers)
        assert reply.headers["content-encoding"] == "gzip"
        assert gzip.decompress(reply.body) == b"data: a\n\ndata: bc\n\ndata: d\n\n"
        first = zlib.decompressobj(wbits=31).decompress(reply.parts[0])
        assert first.startswith(b"data: a\n\n"), "each write can be decompressed at once"
    for entry in mock.entries(token=token):
        assert [event["data"] for event in entry["events"]] == ["a", "bc", "d"]
