"""Frames of HTTP/2 outside of a response: GOAWAY, SETTINGS, any frame, a reset after the end."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import (
    DataFrame,
    ExtensionFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    WindowUpdateFrame,
)

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, chat
from tests.mock_api.clients.raw_frames import RawFrames
from tests.mock_api.clients.scripted import register

A, B, GATE = {"write": "a"}, {"write": "b"}, {"gate": 1}


@pytest.fixture
def raw(mock: Mock) -> Iterator[RawFrames]:
    client = RawFrames(mock.connect())
    yield client
    client.sock.close()


@pytest.mark.parametrize(("last", "number"), [("this", 3), ("all", 2**31 - 1), (77, 77)])
def test_goaway_and_the_stream_goes_on(
    mock: Mock, raw: RawFrames, token: str, last: str | int, number: int
) -> None:
    goaway = {"goaway": {"last": last, "code": 11}}
    headers = register(mock, token, {"steps": [A, goaway, GATE, B]})
    raw.send(raw.head(3, headers), raw.body(3, chat()))
    raw.read_until(lambda: bool(raw.of(GoAwayFrame)))
    (said,) = raw.of(GoAwayFrame)
    assert (said.last_stream_id, said.error_code) == (number, 11)
    raw.send(raw.head(5), raw.body(5, b"{}"), PingFrame(0, b"the.last"))
    raw.read_until(lambda: bool(raw.of(PingFrame)))
    mock.control("POST", f"/gates/{token}", {"open": 1})
    raw.read_to_end()
    assert raw.data(3) == b"ab"
    assert {frame.stream_id for frame in raw.frames} == {0, 3}, "the new stream is ignored"
    assert mock.wait(token)["end"] == "finished"


def test_goaway_that_gives_this_stream_up(mock: Mock, raw: RawFrames, token: str) -> None:
    before = register(mock, f"{token}-b", {"steps": [A, GATE, B]})
    given_up = register(mock, token, {"head": "", "steps": [{"goaway": {"last": "previous"}}, B]})
    raw.send(raw.head(1, before), raw.body(1, chat()))
    raw.read_until(lambda: raw.data(1) == b"a")
    raw.send(raw.head(3, given_up), raw.body(3, chat()))
    raw.read_until(lambda: bool(raw.of(GoAwayFrame)))
    assert raw.of(GoAwayFrame)[0].last_stream_id == 1
    mock.control("POST", f"/gates/{token}-b", {"open": 1})
    raw.read_to_end()
    assert raw.data(1) == b"ab"
    assert {frame.stream_id for frame in raw.frames} == {0, 1}
    entry = mock.wait(token, **{"for": "ended"})
    assert entry["end"] == "finished"
    assert entry["events"] == []


def test_a_reset_after_the_end(mock: Mock, raw: RawFrames, token: str) -> None:
    headers = register(mock, token, {"steps": [A], "reset_after_end": 0})
    for stream in (1, 3):
        raw.send(raw.head(stream, headers), raw.body(stream, chat()))
        raw.read_until(lambda stream=stream: len(raw.of(RstStreamFrame)) == stream // 2 + 1)
        head, *data, reset = [each for each in raw.frames if each.stream_id == stream]
        assert isinstance(head, HeadersFrame)
        assert "END_STREAM" in data[-1].flags
        assert isinstance(reset, RstStreamFrame)
        assert reset.error_code == 0


def test_more_streams_than_announced_are_refused(mock: Mock, raw: RawFrames, token: str) -> None:
    settings = {"settings": {"max_concurrent_streams": 1}}
    headers = register(mock, token, {"steps": [settings, A, GATE, B]})
    raw.send(raw.head(1, headers), raw.body(1, chat()))
    raw.read_until(lambda: len(raw.settings) == 2)
    assert raw.settings[1] == {3: 1}
    raw.send(raw.head(3, headers), raw.body(3, chat()), PingFrame(0, b"the.last"))
    raw.read_until(lambda: bool(raw.of(PingFrame)))
    assert [(each.stream_id, each.error_code) for each in raw.of(RstStreamFrame)] == [(3, 7)]
    mock.control("POST", f"/gates/{token}", {"open": 1})
    raw.read_until(lambda: raw.data(1) == b"ab")
    assert len(mock.entries(token=token)) == 1
    raw.send(raw.head(5, headers), raw.body(5, chat()))
    raw.read_until(lambda: raw.data(5) == b"ab")


def test_windows_are_granted_as_small_as_announced(mock: Mock, raw: RawFrames, token: str) -> None:
    settings = {"settings": {"initial_window_size": 1000, "max_frame_size": 20_000}}
    headers = register(mock, token, {"steps": [settings, A]})
    raw.send(raw.head(1, headers), raw.body(1, chat()))
    raw.read_until(lambda: raw.data(1) == b"a" and len(raw.settings) == 2)
    raw.send(raw.head(3), raw.body(3, b"x" * 600, end=False), PingFrame(0, b"the.last"))
    raw.read_until(lambda: bool(raw.of(PingFrame)))
    grants = [each for each in raw.of(WindowUpdateFrame) if each.stream_id]
    assert [(each.stream_id, each.window_increment) for each in grants] == [(3, 600)]
    raw.send(raw.body(3, b"x" * 1001, end=False))
    raw.read_until(lambda: bool(raw.of(RstStreamFrame)))
    assert raw.of(RstStreamFrame)[0].error_code == ErrorCodes.FLOW_CONTROL_ERROR
    raw.send(raw.head(5, [("x-long", "y" * 18_000)], end=True))
    raw.read_until(lambda: any(each.stream_id == 5 for each in raw.frames))


def test_a_window_of_nothing_stops_the_request(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": [{"settings": {"initial_window_size": 0}}, A]})
    client = H2Client(mock.connect())
    assert client.exchange(chat(), headers).body == b"a"
    client.fence()
    stream = client.open(headers)
    assert client.h2.local_flow_control_window(stream) == 0
    client.close()


def test_any_frame(mock: Mock, raw: RawFrames, token: str) -> None:
    payload = base64.b64encode(b"12345678").decode()
    steps = [
        {"frame": {"type": 6, "stream": 0, "payload_base64": payload}},
        {"frame": {"type": 0xEE, "flags": 3, "stream": "this", "payload_base64": payload}},
        {"frame": {"type": 0, "flags": 1, "stream": "this"}},
        {"frame": {"type": 3, "stream": 7, "payload_base64": "AAAACA=="}},
    ]
    headers = register(mock, token, {"steps": [A, *steps], "ending": "drop"})
    raw.send(raw.head(1, headers), raw.body(1, chat()))
    raw.read_to_end()
    frames = [each for each in raw.frames if not isinstance(each, WindowUpdateFrame)]
    kinds = [type(each) for each in frames]
    assert kinds == [HeadersFrame, DataFrame, PingFrame, ExtensionFrame, DataFrame, RstStreamFrame]
    assert frames[2].opaque_data == b"12345678"
    assert (frames[3].type, frames[3].flag_byte, frames[3].body) == (0xEE, 3, b"12345678")
    assert (frames[5].stream_id, frames[5].error_code) == (7, 8)


def test_http1_knows_nothing_of_them(mock: Mock, token: str) -> None:
    steps = [{"goaway": {"last": "this"}}, A, {"settings": {}}, {"frame": {"type": 0, "stream": 0}}]
    headers = register(mock, token, {"steps": steps, "reset_after_end": 0, "padding": 5})
    client = H1Client(mock.connect())
    for _ in range(2):
        assert client.chat(chat(), headers).body == b"a"
    client.close()
