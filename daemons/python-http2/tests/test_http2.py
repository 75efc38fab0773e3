"""HTTP/2 and TLS to the API, frame by frame."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Daemon, error, status, text
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from scripted_api import DONE, HEAD, chunk, read_all, read_request, read_until, until
from scripted_http2_api import Connection, Http2Api


def env(api: Http2Api) -> dict[str, str]:
    """The environment of a daemon in front of this API."""
    return {"OPENAI_API_BASE": api.base, "OPENAI_CA_FILE": str(api.ca_file)}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Http2Api]:
    api = Http2Api(tmp_path)
    yield api
    api.listener.close()


@pytest.fixture
def daemon(api: Http2Api, start: Callable[..., Daemon]) -> Daemon:
    return start(env(api), "--idle-timeout", "5", "--first-byte-timeout", "1")


def hold(_: Connection, __: int) -> None:
    """A script: say nothing."""


def test_many_streams_share_a_connection(api: Http2Api, daemon: Daemon) -> None:
    clients = [daemon.hand_off({"prompt": str(number)}) for number in range(50)]
    for client in clients:
        assert text(read_all(client)) == "hi"
        client.close()
    assert len(api.connections) == 1
    assert len(api.requests) == 50


def test_a_large_request_through_small_windows(api: Http2Api, daemon: Daemon) -> None:
    api.settings = {SettingCodes.INITIAL_WINDOW_SIZE: 1000}
    assert text(daemon.ask({"prompt": "x" * 100_000})) == "hi"
    connection, stream = api.requests[0]
    assert b"x" * 100_000 in connection.bodies[stream]


def test_the_apis_limit_on_streams(api: Http2Api, daemon: Daemon) -> None:
    api.settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 1}
    api.script = hold
    clients = [daemon.hand_off() for _ in range(4)]
    until(lambda: len(api.requests) == 4)
    assert len({id(connection) for connection, _ in api.requests}) == 4
    for connection, stream in api.requests:
        connection.answer(stream)
    for client in clients:
        assert text(read_all(client)) == "hi"
        client.close()


def test_a_reset_fails_its_stream_alone(api: Http2Api, daemon: Daemon) -> None:
    def script(connection: Connection, stream: int) -> None:
        connection.head(stream)
        connection.data(stream, chunk("a", finish="stop"))

    api.script = script
    clients = [daemon.hand_off() for _ in range(2)]
    for client in clients:
        read_until(client, b'"a"}\n\n')
    (connection, first), (_, second) = sorted(api.requests, key=lambda each: each[1])
    connection.reset(first, ErrorCodes.INTERNAL_ERROR)
    connection.data(second, DONE, end=True)
    ends = [read_all(client) for client in clients]
    assert sorted(DONE in end for end in ends) == [False, True]
    assert any(b"upstream_truncated" in end for end in ends)
    for client in clients:
        client.close()


@pytest.mark.parametrize("times", [1, 2])
def test_a_refused_stream_is_sent_again_once(api: Http2Api, daemon: Daemon, times: int) -> None:
    def script(connection: Connection, stream: int) -> None:
        if len(api.requests) <= times:
            connection.reset(stream, ErrorCodes.REFUSED_STREAM)
        else:
            connection.answer(stream)

    api.script = script
    assert status(daemon.ask()) == (200 if times == 1 else 502)
    assert len(api.requests) == 2


def test_goaway_lets_accepted_streams_finish(api: Http2Api, daemon: Daemon) -> None:
    def script(connection: Connection, stream: int) -> None:
        connection.head(stream)
        connection.data(stream, chunk("a"))

    api.script = script
    client = daemon.hand_off()
    read_until(client, b'"a"}\n\n')
    connection, stream = api.requests[0]
    connection.goaway(stream)
    api.script = lambda connection, stream: connection.answer(stream, "b")
    until(lambda: text(daemon.ask()) == "b" and len(api.connections) == 2)
    connection.data(stream, chunk("c"))
    connection.data(stream, DONE, end=True)
    assert read_all(client) == b'data: {"content":"c"}\n\n' + DONE
    client.close()
    until(lambda: connection.closed)


def test_a_stream_above_goaway_is_sent_again(api: Http2Api, daemon: Daemon) -> None:
    def script(connection: Connection, stream: int) -> None:
        if len(api.requests) == 1:
            connection.goaway(0)
        else:
            connection.answer(stream)

    api.script = script
    assert text(daemon.ask()) == "hi"
    assert len(api.connections) == 2


def test_a_request_on_a_stale_connection_is_sent_again(api: Http2Api, daemon: Daemon) -> None:
    assert text(daemon.ask()) == "hi"

    def script(connection: Connection, stream: int) -> None:
        if connection is api.connections[0]:
            connection.sock.shutdown(socket.SHUT_RDWR)
        else:
            connection.answer(stream, "again")

    api.script = script
    assert text(daemon.ask()) == "again"
    assert len(api.requests) == 3


def test_a_stalled_client_stops_its_stream_and_no_other(api: Http2Api, daemon: Daemon) -> None:
    clients = {}
    api.script = lambda connection, stream: connection.head(stream)
    for number in range(16):
        client = daemon.hand_off(small=True)
        read_until(client, b"\r\n\r\n")
        until(lambda number=number: len(api.requests) == number + 1)
        clients[api.requests[-1][1]] = client
    connection = api.requests[0][0]
    sent = dict.fromkeys(clients, 0)
    progress = True
    while progress:
        before = sum(sent.values())
        for stream in clients:
            sent[stream] += connection.fill(stream)
        threading.Event().wait(0.3)
        progress = sum(sent.values()) > before
    api.script = lambda connection, stream: connection.answer(stream, "x" * 10_000)
    assert len(text(daemon.ask())) == 10_000
    for stream, client in clients.items():
        texts = sent[stream] // len(chunk("x" * 1000))
        got = 0
        while got < texts * len(b'data: {"content":"%s"}\n\n' % (b"x" * 1000)):
            got += len(client.recv(1 << 20))
        client.close()
    assert len(api.connections) == 1


def test_a_client_that_leaves_cancels_its_stream_and_no_other(
    api: Http2Api, daemon: Daemon
) -> None:
    api.script = hold
    for _ in range(150):  # more than the streams of a connection
        client = daemon.hand_off()
        until(lambda: api.requests)
        connection, stream = api.requests.pop()
        client.close()
        until(lambda c=connection, s=stream: c.resets.get(s) == ErrorCodes.CANCEL)
    api.script = lambda connection, stream: connection.answer(stream)
    assert text(daemon.ask()) == "hi"
    assert len(api.connections) == 1


def test_a_wrong_length_costs_no_other_stream(api: Http2Api, daemon: Daemon) -> None:
    api.script = lambda connection, stream: connection.head(stream)
    other = daemon.hand_off()
    read_until(other, b"\r\n\r\n")
    for length in (10, 10_000):

        def script(connection: Connection, stream: int, length: int = length) -> None:
            connection.head(stream, ("content-length", str(length)))
            connection.data(stream, chunk("a", finish="stop"), end=True)

        api.script = script
        assert "upstream" in error(daemon.ask())["code"]
    connection, stream = api.requests[0]
    connection.data(stream, chunk("b"), pad=200)
    connection.data(stream, DONE, end=True)
    assert text(b"\r\n\r\n" + read_all(other)) == "b"
    other.close()
    assert len(api.connections) == 1


def test_an_api_that_breaks_the_protocol(api: Http2Api, daemon: Daemon) -> None:
    def script(connection: Connection, stream: int) -> None:
        connection.head(stream)
        connection.data(stream, chunk("a"))
        connection.sock.sendall(b"\0\0\x01\x06\0\0\0\0\0x")  # a PING of one byte

    api.script = script
    answer = daemon.ask()
    assert text(answer) == "a"
    assert error(answer)["type"] == "upstream_error"
    api.script = lambda connection, stream: connection.answer(stream)
    assert text(daemon.ask()) == "hi"


def test_a_silent_connection_gets_no_more_requests(api: Http2Api, daemon: Daemon) -> None:
    assert text(daemon.ask()) == "hi"
    api.script = hold
    assert status(daemon.ask()) == 504
    api.script = lambda connection, stream: connection.answer(stream)
    assert text(daemon.ask()) == "hi"


@pytest.mark.parametrize("notify", [True, False])
def test_tls_ends_with_close_notify_or_is_cut(api: Http2Api, daemon: Daemon, notify: bool) -> None:
    def plain(tls: ssl.SSLSocket) -> None:
        read_request(tls)
        tls.sendall(HEAD + b"\r\n" + chunk("a", finish="stop"))
        if notify:
            with contextlib.suppress(OSError):
                tls.unwrap()
        tls.shutdown(socket.SHUT_RDWR)

    api.plain = plain
    api.context.set_alpn_protocols(["http/1.1"])
    answer = daemon.ask()
    assert text(answer) == "a"
    assert answer.endswith(DONE) == notify
    assert (b"upstream_truncated" in answer) != notify


def test_trust(api: Http2Api, start: Callable[..., Daemon]) -> None:
    daemon = start({"OPENAI_API_BASE": api.base})
    answer = daemon.ask()
    assert status(answer) == 502
    assert error(answer)["code"] == "upstream_untrusted"
    daemon.stop()
    daemon = start({"OPENAI_API_BASE": api.base, "OPENAI_INSECURE_SSL": "true"})
    assert text(daemon.ask()) == "hi"


def test_a_handshake_that_does_not_end(api: Http2Api, start: Callable[..., Daemon]) -> None:
    daemon = start(env(api), "--connect-timeout", "0.3")
    api.plain = lambda tls: (tls.recv(1000), threading.Event().wait(3))[0] and None
    answer = daemon.ask()
    assert status(answer) == 504


def test_a_unix_socket_whose_backlog_is_full(tmp_path: Path, start: Callable[..., Daemon]) -> None:
    path = str(tmp_path / "api.sock")
    with socket.socket(socket.AF_UNIX) as api, socket.socket(socket.AF_UNIX) as filler:
        api.bind(path)
        api.listen(0)
        filler.connect(path)
        env = {"OPENAI_API_BASE": "http://localhost/v1", "OPENAI_API_SOCKET": path}
        daemon = start(env, "--connect-timeout", "0.3")
        # A request waits for one connection to fail, not for two.
        with ThreadPoolExecutor() as clients:
            answers = []
            for _ in range(4):
                answers.append(clients.submit(daemon.ask))
                time.sleep(0.1)
            assert [status(each.result(3)) for each in answers] == [504] * 4
