"""HTTP/2 as h2's client speaks it; h2's server side must find the same requests in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client, ask_oracle
from tests.mock_api.clients.mock import Mock, chat, contents, events, pattern_header, sent_events


def agree(mock: Mock, client: H2Client, tokens: list[str]) -> None:
    """The journal and h2's server side read the same requests from the client's bytes."""
    verdict = ask_oracle(client.sent)
    assert verdict.error is None
    received = []
    for token in tokens:
        entry = mock.wait(token)
        headers = [(name, value) for name, value in entry["headers"] if name != "host"]
        received.append((entry["method"], entry["path"], headers, entry["body"]))
    assert received == verdict.requests


def test_many_requests_at_once(mock: Mock, h2: H2Client) -> None:
    tokens = [f"many-{number}" for number in range(120)]
    patterns = ["", "unicode", "short", "long", "abort:5", "finish:length"]
    asked = {
        h2.request(chat(prompt=token), pattern_header(f"{patterns[index % 6]};t={token}")): index
        for index, token in enumerate(tokens)
    }
    for stream, index in asked.items():
        reply = h2.finish(stream)
        assert reply.status == 200
        assert reply.reset is None
        assert reply.body == b"".join(sent_events(patterns[index % 6]))
    agree(mock, h2, tokens)


def test_the_preface_may_come_in_pieces(mock: Mock) -> None:
    sock = mock.connect()

    class Dripping:
        def sendall(self, data: bytes) -> None:
            for at in range(len(data)):
                sock.sendall(data[at : at + 1])

        def recv(self, size: int) -> bytes:
            return sock.recv(size)

    client = H2Client(Dripping())  # type: ignore[arg-type]
    reply = client.exchange(chat(), pattern_header("short;t=dripping"))
    assert reply.status == 200
    agree(mock, client, ["dripping"])
    sock.close()


def test_continuation_padding_and_priority(mock: Mock, h2: H2Client) -> None:
    headers = [("x-big", "x" * 40_000), ("x-more", "é" * 10_000), *pattern_header(";t=continued")]
    assert h2.exchange(chat(), headers).status == 200
    options = {"priority_weight": 7, "priority_depends_on": 0, "priority_exclusive": True}
    assert h2.exchange(chat(), pattern_header(";t=priority"), **options).status == 200
    padded = h2.open(pattern_header(";t=padded"))
    body = chat()
    h2.h2.send_data(padded, body[:10], pad_length=255)
    h2.h2.send_data(padded, body[10:], pad_length=0, end_stream=True)
    h2.flush()
    assert h2.finish(padded).status == 200
    agree(mock, h2, ["continued", "priority", "padded"])


def test_trailers(mock: Mock, h2: H2Client) -> None:
    stream = h2.open(pattern_header(";t=trailers"))
    h2.h2.send_data(stream, chat())
    h2.h2.send_headers(stream, [("x-checksum", "1")], end_stream=True)
    h2.flush()
    assert h2.finish(stream).status == 200
    agree(mock, h2, ["trailers"])


def test_big_requests_are_granted_windows(mock: Mock, h2: H2Client) -> None:
    body = chat(prompt="é" * 1_000_000)
    for token in ("big-1", "big-2", "big-3"):
        assert h2.exchange(body, pattern_header(f";t={token}")).status == 200
    agree(mock, h2, ["big-1", "big-2", "big-3"])


def test_a_body_that_is_too_big(h2: H2Client) -> None:
    assert h2.exchange(17_000_000 * b"x").reset == ErrorCodes.ENHANCE_YOUR_CALM
    assert h2.exchange(chat()).status == 200


# Flow control.


def test_a_small_stream_window_is_kept_to(mock: Mock) -> None:
    client = H2Client(mock.connect(), settings={SettingCodes.INITIAL_WINDOW_SIZE: 100})
    client.hold = True
    stream = client.request(chat(), pattern_header("long"))
    client.fence()
    assert len(client.replies[stream].body) == 100
    client.hold = False
    client.h2.acknowledge_received_data(100, stream)
    client.flush()
    body = client.finish(stream).body
    assert body == b"".join(sent_events("long"))
    client.close()


def test_a_window_of_nothing_lets_the_head_through(mock: Mock) -> None:
    client = H2Client(mock.connect(), settings={SettingCodes.INITIAL_WINDOW_SIZE: 0})
    client.hold = True
    stream = client.request(chat(), pattern_header(";t=nothing"))
    client.fence()
    assert client.replies[stream].status == 200
    assert client.replies[stream].parts == []
    assert mock.wait("nothing")["events"] == []
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 300})
    client.flush()
    client.fence()
    assert len(client.replies[stream].body) == 300
    assert mock.wait("nothing")["end"] == "running"
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 50})
    client.flush()
    client.fence()
    client.h2.increment_flow_control_window(250, stream)
    client.flush()
    client.fence()
    assert len(client.replies[stream].body) == 300, "the window is below zero, then zero"
    client.h2.increment_flow_control_window(100_000, stream)
    client.flush()
    assert len(contents(events(client.finish(stream).body))) == 18
    agree(mock, client, ["nothing"])
    client.close()


def test_the_connection_window_is_shared(mock: Mock) -> None:
    client = H2Client(mock.connect(), settings={SettingCodes.INITIAL_WINDOW_SIZE: 10**6})
    client.hold = True
    streams = [client.request(chat(), pattern_header(f"long;t=shared-{n}")) for n in range(12)]
    client.fence()
    received = sum(len(client.replies[stream].body) for stream in streams)
    assert received == 65535
    client.hold = False
    client.h2.increment_flow_control_window(10**6)
    client.flush()
    expected = b"".join(sent_events("long"))
    assert [client.finish(stream).body for stream in streams] == [expected] * 12
    agree(mock, client, [f"shared-{n}" for n in range(12)])
    client.close()


def test_a_stalled_stream_holds_up_no_other(mock: Mock) -> None:
    client = H2Client(mock.connect())
    client.h2.increment_flow_control_window(10**7)
    client.flush()
    client.hold = True
    stalled = client.request(chat(), pattern_header("abort:1000"))
    client.read_until(lambda: len(client.replies[stalled].body) == 65535)
    for _ in range(3):
        assert client.exchange(chat(), pattern_header("short")).ended
    assert not client.replies[stalled].over
    client.h2.increment_flow_control_window(10**6, stalled)
    client.flush()
    assert len(events(client.finish(stalled).body)) == 1000
    client.close()


# The connection.


def test_ping(h2: H2Client) -> None:
    h2.fence()
    h2.fence()
    assert h2.pongs == [b"00000000", b"00000001"]


def test_settings_are_acknowledged(mock: Mock, h2: H2Client) -> None:
    h2.exchange(chat(), pattern_header("short"))
    h2.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 0, SettingCodes.MAX_FRAME_SIZE: 2**20})
    h2.flush()
    h2.fence()
    assert h2.settings_acked == 2
    assert h2.exchange(chat(), pattern_header("unicode")).status == 200
    h2.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 4096})
    h2.flush()
    assert h2.exchange(chat(), pattern_header("unicode")).status == 200


def test_what_we_announce(h2: H2Client) -> None:
    h2.fence()
    settings = h2.h2.remote_settings
    assert settings.max_concurrent_streams == 1000
    assert settings.initial_window_size == 1024 * 1024
    assert h2.h2.outbound_flow_control_window == 16 * 1024 * 1024


def test_more_streams_than_allowed_are_refused(silent_mock: Mock) -> None:
    client = H2Client(silent_mock.connect())
    client.fence()
    client.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 2000
    client.h2.remote_settings.acknowledge()
    streams = [client.request(chat(), pattern_header(";t=crowd")) for _ in range(1001)]
    assert client.finish(streams[-1]).reset == ErrorCodes.REFUSED_STREAM
    assert not any(client.replies[stream].over for stream in streams[:-1])
    client.h2.reset_stream(streams[0], ErrorCodes.CANCEL)
    again = client.request(chat(), pattern_header(";t=crowd"))
    client.fence()
    assert client.replies[again].status == 200
    client.close()


def test_a_client_that_sends_goaway_is_served_to_the_end(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock("--delay", "5")
    client = H2Client(mock.connect())
    stream = client.request(chat(), pattern_header(";t=leaving"))
    client.fence()
    goaway = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8)
    client.send_raw(goaway)
    assert len(events(client.finish(stream).body)) == 20
    client.read_to_end()
    assert mock.wait("leaving")["end"] == "finished"


def test_plain_and_h2_share_the_port(mock: Mock, h2: H2Client, h1: H1Client) -> None:
    assert h1.chat(chat()).body == h2.exchange(chat()).body


def test_alpn(mock: Mock) -> None:
    assert mock.connect_tls("h2", "http/1.1").selected_alpn_protocol() == "h2"
    assert mock.connect_tls("http/1.1").selected_alpn_protocol() == "http/1.1"
    without = mock.connect_tls()
    assert without.selected_alpn_protocol() is None
    assert H1Client(without).chat(chat()).status == 200
    assert H2Client(mock.connect_tls()).exchange(chat()).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_methods(h2: H2Client, method: str) -> None:
    reply = h2.exchange(None, method=method, path="/v1/models")
    assert reply.status == (200 if method == "GET" else 405)
    assert bool(reply.body) == (method == "GET")


def test_host_or_authority_stands_in_the_journal(mock: Mock, h2: H2Client, token: str) -> None:
    h2.exchange(chat(), pattern_header(f";t={token}"))
    assert mock.wait(token)["headers"][0] == ["host", "mock"]


def test_a_header_table_that_changes(mock: Mock, h2: H2Client) -> None:
    """Blocks are remembered only as long as the table that they refer to is the same."""
    tokens = []
    for number in range(40):
        token = f"table-{number}"
        tokens.append(token)
        headers = [("x-fixed", "same"), ("x-slow", str(number // 7)), ("x-fast", str(number % 3))]
        for _ in range(2):
            h2.exchange(chat(), [*headers, *pattern_header(f";t={token}")])
    verdict = ask_oracle(h2.sent)
    received = [
        [tuple(pair) for pair in entry["headers"] if pair[0] != "host"]
        for token in tokens
        for entry in mock.entries(token=token)
    ]
    assert received == [headers for _, _, headers, _ in verdict.requests]
    assert len(received) == 80
