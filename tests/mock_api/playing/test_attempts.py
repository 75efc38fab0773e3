"""Answers that differ from request to request, and connections that end between them."""

from __future__ import annotations

import pytest

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, chat, pattern_header
from tests.mock_api.clients.scripted import read_to_end, register, wire_request

ATTEMPTS = {
    "attempts": [
        {"status": 503, "headers": {"retry-after": "0"}},
        {"status": 500},
        {"steps": [{"delta": "at last"}]},
    ]
}


def test_attempts_fail_and_then_succeed(mock: Mock, h1: H1Client, h2: H2Client, token: str) -> None:
    register(mock, token, ATTEMPTS)
    for number, client in enumerate((h1, h2)):
        headers = pattern_header(f"script:{token};t={token}-{number}")
        ask = client.chat if isinstance(client, H1Client) else client.exchange
        assert [ask(chat(), headers).status for _ in range(4)] == [503, 500, 200, 200]
        entries = mock.entries(token=f"{token}-{number}")
        assert [entry["status"] for entry in entries] == [503, 500, 200, 200]


def test_attempts_are_counted_by_token(mock: Mock, h1: H1Client, token: str) -> None:
    register(mock, token, ATTEMPTS)
    for name in ("a", "b"):
        headers = pattern_header(f"script:{token};t={token}-{name}")
        assert h1.chat(chat(), headers).status == 503
    assert h1.chat(chat(), pattern_header(f"script:{token}")).headers["retry-after"] == "0"
    assert h1.chat(chat(), pattern_header(f"script:{token}")).status == 500


def test_the_connection_is_closed_after_the_answer(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": [{"write": "x"}], "afterwards": "close"})
    for connect in (mock.connect, lambda: mock.connect_tls("http/1.1")):
        sock = connect()
        sock.sendall(wire_request(headers))
        answer = read_to_end(sock)
        assert answer.endswith(b"1\r\nx\r\n0\r\n\r\n")
        assert b"connection: close" not in answer
        sock.close()


def test_an_http2_connection_is_closed_without_goaway(mock: Mock, h2: H2Client, token: str) -> None:
    headers = register(mock, token, {"steps": [{"write": "x"}], "afterwards": "close"})
    assert h2.exchange(chat(), headers).body == b"x"
    h2.read_to_end()
    assert h2.goaway is None


@pytest.mark.parametrize("how", ["close_on_request", "reset_on_request"])
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_the_connection_ends_with_the_next_request(
    mock: Mock, token: str, how: str, protocol: str
) -> None:
    headers = register(mock, token, {"steps": [{"write": "x"}], "afterwards": how})
    sock = mock.connect()
    client = H1Client(sock) if protocol == "h1" else H2Client(sock)
    if isinstance(client, H1Client):
        assert client.chat(chat(), headers).body == b"x"
        sock.sendall(b"P")
    else:
        assert client.exchange(chat(), headers).body == b"x"
        client.fence()
        client.request(None, headers)
    if how == "close_on_request":
        assert sock.recv(65536) == b""
    else:
        with pytest.raises(ConnectionResetError):
            sock.recv(65536)
    assert len(mock.entries(token=token)) == 1
    sock.close()


def test_a_request_that_is_there_already_ends_it_at_once(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": [{"write": "x"}], "afterwards": "close_on_request"})
    sock = mock.connect()
    sock.sendall(2 * wire_request(headers))
    assert read_to_end(sock).count(b"HTTP/1.1 200") == 1
    assert len(mock.entries(token=token)) == 1
    sock.close()
