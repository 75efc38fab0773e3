"""The journal is true: the request, the events sent and their times, and the end."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from h2.errors import ErrorCodes

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import PATIENCE, Mock, chat, events, pattern_header

RESET = struct.pack("ii", 1, 0)


def test_an_entry_shows_the_request(mock: Mock, h1: H1Client, token: str) -> None:
    body = chat(prompt="héllo 😀", seed=2**53 + 1)
    before = time.monotonic()
    response = h1.chat(
        body, [("X-Test-Pattern", f"unicode;t={token}"), ("X-Request-Id", "r-1"), ("X-Twice", "a")]
    )
    after = time.monotonic()
    entry = mock.wait(token, **{"for": "ended"})
    assert entry["body"] == body
    assert entry["method"] == "POST"
    assert entry["path"] == "/v1/chat/completions"
    assert entry["headers"] == [
        ["host", "mock"],
        ["content-length", str(len(body))],
        ["x-test-pattern", f"unicode;t={token}"],
        ["x-request-id", "r-1"],
        ["x-twice", "a"],
    ]
    assert entry["token"] == token
    assert entry["pattern"] == "unicode"
    assert entry["status"] == 200
    assert entry["protocol"] == "http/1.1"
    assert entry["transport"] == "tcp"
    assert entry["stream"] is None
    assert entry["end"] == "finished"
    assert [event["data"] for event in entry["events"]] == events(response.body)
    times = [entry["received_at"], *(event["at"] for event in entry["events"]), entry["ended_at"]]
    assert before <= times[0]
    assert times == sorted(times)
    assert times[-1] <= after + 0.5


def test_bytes_sent_are_the_bytes_on_the_wire(mock: Mock, token: str) -> None:
    sock = mock.connect()
    request = f"POST /v1/chat/completions HTTP/1.1\r\nhost: m\r\nx-test-pattern: ;t={token}\r\n"
    body = chat()
    sock.sendall(
        f"{request}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )
    received = b""
    while data := sock.recv(65536):
        received += data
    assert mock.wait(token, **{"for": "ended"})["bytes_sent"] == len(received)


@pytest.mark.parametrize("transport", ["tcp", "tls", "unix"])
@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_protocol_and_transport(mock: Mock, transport: str, protocol: str) -> None:
    token = f"{transport}-{protocol.partition('/')[0]}"
    connect: dict[str, Callable[[], Any]] = {
        "tcp": mock.connect,
        "tls": lambda: mock.connect_tls(protocol),
        "unix": mock.connect_unix,
    }
    sock = connect[transport]()
    if protocol == "h2":
        H2Client(sock).exchange(chat(), pattern_header(f";t={token}"))
    else:
        H1Client(sock).chat(chat(), pattern_header(f";t={token}"))
    entry = mock.wait(token)
    assert (entry["transport"], entry["protocol"]) == (transport, protocol)
    assert entry["stream"] == (1 if protocol == "h2" else None)
    sock.close()


def test_requests_of_one_connection_share_its_number(mock: Mock, h1: H1Client) -> None:
    for token in ("same-1", "same-2"):
        h1.chat(chat(), pattern_header(f";t={token}"))
    other = H1Client(mock.connect())
    other.chat(chat(), pattern_header(";t=same-3"))
    numbers = [mock.wait(token)["connection"] for token in ("same-1", "same-2", "same-3")]
    assert numbers[0] == numbers[1] != numbers[2]
    other.close()


def test_keys_are_named_and_never_shown(mock: Mock, h1: H1Client, h2: H2Client, token: str) -> None:
    key = "sk-canary-1234567890"
    assert mock.control("PUT", f"/keys/{token}", {"key": key}).status == 200
    headers = [("authorization", f"Bearer {key}"), ("x-api-key", key)]
    h1.chat(chat(), [*headers, ("x-test-pattern", f";t={token}")])
    h2.exchange(chat(), [*headers, ("x-test-pattern", f";t={token}")])
    h1.chat(chat(), [("authorization", "Bearer wrong"), ("x-test-pattern", f";t={token}")])
    h1.chat(chat(), [("x-test-pattern", f";t={token}")])
    assert mock.control("DELETE", f"/keys/{token}").status == 200
    h1.chat(chat(), [*headers, ("x-test-pattern", f";t={token}")])
    entries = mock.entries(token=token)
    assert [entry["key"] for entry in entries] == [token, token, None, None, None]
    assert [entry["authorized"] for entry in entries] == [True, True, False, False, False]
    assert [entry["id"] for entry in mock.entries(key=token)] == [
        entry["id"] for entry in entries[:2]
    ]
    assert key.encode() not in mock.control("GET", f"/journal?token={token}").body
    assert ["authorization", "(withheld)"] in entries[0]["headers"]


def test_what_is_answered_from_memory_is_journalled_like_the_rest(
    mock: Mock, h1: H1Client, h2: H2Client, token: str
) -> None:
    headers = pattern_header(f"short;t={token}")
    first = h1.chat(chat(), headers)
    assert [h1.chat(chat(), headers) for _ in range(3)] == [first] * 3
    bodies = {h2.exchange(chat(), headers).body for _ in range(4)}
    assert bodies == {first.body}
    entries = mock.entries(token=token)
    assert len(entries) == 8
    told = [
        {k: v for k, v in entry.items() if k in ("body", "pattern", "status", "end", "source")}
        for entry in entries
    ]
    assert told == [told[0]] * 8
    assert [entry["stream"] for entry in entries] == [None] * 4 + [1, 3, 5, 7]
    assert len({entry["id"] for entry in entries}) == 8
    for group in (entries[:4], entries[4:]):
        assert len({entry["bytes_sent"] for entry in group}) == 1
        assert len({json.dumps([each["data"] for each in e["events"]]) for e in group}) == 1


def test_a_refused_request_is_journalled(mock: Mock, h1: H1Client, token: str) -> None:
    h1.chat(chat(), pattern_header(f"nonsense;t={token}"))
    entry = mock.wait(token)
    assert (entry["status"], entry["pattern"], entry["end"]) == (400, None, "finished")


def test_requests_beside_chat(mock: Mock, h1: H1Client, token: str) -> None:
    before = mock.mark()
    for path in ("/v1/models", "/health", "/stats", "/v1/nothing"):
        h1.exchange("GET", path, headers=pattern_header(f";t={token}"))
    entries = mock.entries(after=before)
    assert [entry["path"] for entry in entries] == ["/v1/models", "/v1/nothing"]
    assert [entry["status"] for entry in entries] == [200, 404]
    assert [entry["token"] for entry in entries] == [token, token]


# How exchanges end.


def _left(client: H1Client | H2Client, how: str) -> None:
    if how == "rst":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    if how == "half-close":
        client.sock.shutdown(socket.SHUT_WR)
    else:
        client.close()


@pytest.mark.parametrize("how", ["fin", "rst", "half-close"])
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_a_client_that_leaves_a_silent_stream(silent_mock: Mock, how: str, protocol: str) -> None:
    token = f"left-{how}-{protocol}"
    client: H1Client | H2Client
    if protocol == "h1":
        client = H1Client(silent_mock.connect())
        client.send("POST", "/v1/chat/completions", chat(), pattern_header(f";t={token}"))
        client.head()
    else:
        client = H2Client(silent_mock.connect())
        stream = client.request(chat(), pattern_header(f";t={token}"))
        client.read_until(lambda: bool(client.replies[stream].headers))
    assert silent_mock.wait(token)["end"] == "running"
    left_at = time.monotonic()
    _left(client, how)
    entry = silent_mock.wait(token, **{"for": "ended"})
    assert entry["end"] == "client_gone"
    assert entry["events"] == []
    assert left_at <= entry["ended_at"] < left_at + 2


def test_one_stream_is_reset_and_its_sibling_is_not(silent_mock: Mock) -> None:
    client = H2Client(silent_mock.connect())
    one = client.request(chat(), pattern_header(";t=reset-1"))
    two = client.request(chat(), pattern_header(";t=reset-2"))
    client.read_until(lambda: bool(client.replies[two].headers))
    client.h2.reset_stream(one, ErrorCodes.CANCEL)
    client.flush()
    assert silent_mock.wait("reset-1", **{"for": "ended"})["end"] == "client_gone"
    assert silent_mock.wait("reset-2")["end"] == "running"
    client.close()
    assert silent_mock.wait("reset-2", **{"for": "ended"})["end"] == "client_gone"


def test_a_client_that_goes_afterwards_changes_nothing(mock: Mock, token: str) -> None:
    client = H2Client(mock.connect())
    client.exchange(chat(), pattern_header(f";t={token}"))
    client.close()
    other = H2Client(mock.connect())
    other.fence()
    other.close()
    assert mock.wait(token, **{"for": "ended"})["end"] == "finished"


BIG = 40_000
"""Deltas: some 7 MB, which is more than the kernel holds for two small buffers."""


@pytest.mark.parametrize("protocol", ["h1", "h2", "tls"])
def test_a_stalled_client_stalls_its_script(mock: Mock, protocol: str) -> None:
    token = f"stalled-{protocol}"
    headers = pattern_header(f"abort:{BIG};t={token}")
    if protocol == "h2":
        client = H2Client(mock.connect(receive_buffer=8192))
        client.hold = True
        stream = client.request(chat(), headers)
        client.read_until(lambda: len(client.replies[stream].body) == 65535)
        client.fence()
    else:
        sock = mock.connect_tls() if protocol == "tls" else mock.connect(receive_buffer=8192)
        plain = H1Client(sock)
        plain.send("POST", "/v1/chat/completions", chat(), headers)
        assert select.select([sock], [], [], PATIENCE)[0]
        _until_steady(mock)
    stalled = mock.wait(token)
    assert stalled["end"] == "running"
    assert len(stalled["events"]) < BIG
    if protocol == "h2":
        assert stalled["bytes_sent"] < 65535 * 1.2
        client.hold = False
        client.h2.acknowledge_received_data(65535, stream)
        client.flush()
        body = client.finish(stream).body
        client.close()
    else:
        body = plain.receive().body
        plain.close()
    entry = mock.wait(token, **{"for": "ended"})
    assert entry["end"] == "finished"
    assert [event["data"] for event in entry["events"]] == events(body)
    assert len(entry["events"]) == BIG
    assert len({event["at"] for event in entry["events"]}) > 1


def _until_steady(mock: Mock) -> None:
    """Wait until the mock cannot send more: two looks in a row see the same count."""
    before = -1
    client = H1Client(mock.connect())
    while (now := client.exchange("GET", "/stats").json()["bytes_sent"]) != before:
        before = now
        threading.Event().wait(0.05)
    client.close()


def test_a_stalled_client_that_leaves(mock: Mock, token: str) -> None:
    client = H1Client(mock.connect(receive_buffer=8192))
    client.send("POST", "/v1/chat/completions", chat(), pattern_header(f"abort:{BIG};t={token}"))
    client.head()
    _until_steady(mock)
    client.close()
    entry = mock.wait(token, **{"for": "ended"})
    assert entry["end"] == "client_gone"
    assert 0 < len(entry["events"]) < BIG


# Waiting.


def test_wait_is_answered_when_it_happens_and_not_before(silent_mock: Mock) -> None:
    waiting = H1Client(silent_mock.connect())
    waiting.send("GET", "/_control/journal/wait?token=waited&for=ended&timeout=10")
    client = H1Client(silent_mock.connect())
    client.send("POST", "/v1/chat/completions", chat(), pattern_header(";t=waited"))
    client.head()
    assert not select.select([waiting.sock], [], [], 0.05)[0]
    client.close()
    said = waiting.receive().json()
    assert said["satisfied"]
    assert said["entries"][0]["end"] == "client_gone"
    waiting.close()


def test_wait_for_events(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock("--delay", "30")
    client = H1Client(mock.connect())
    client.send("POST", "/v1/chat/completions", chat(), pattern_header(";t=five"))
    entry = mock.wait("five", events=5)
    assert 5 <= len(entry["events"]) < 20
    assert entry["end"] == "running"
    client.receive()
    assert len(mock.wait("five", events=20)["events"]) == 20


def test_wait_times_out(mock: Mock) -> None:
    started = time.monotonic()
    said = mock.control("GET", "/journal/wait?token=never&timeout=0.1").json()
    assert said == {"entries": [], "satisfied": False}
    assert 0.1 <= time.monotonic() - started < 2


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_a_client_that_waits_and_leaves_is_forgotten(mock: Mock, protocol: str) -> None:
    sock = mock.connect()
    path = "/_control/journal/wait?token=left-waiting&timeout=10"
    if protocol == "h1":
        H1Client(sock).send("GET", path)
    else:
        client = H2Client(sock)
        client.request(None, method="GET", path=path)
        client.fence()
    sock.close()
    h1 = H1Client(mock.connect())
    assert h1.chat(chat(), pattern_header(";t=left-waiting")).status == 200
    h1.close()


def test_wait_over_h2(mock: Mock, h2: H2Client, token: str) -> None:
    path = f"/_control/journal/wait?token={token}&timeout=10"
    waiting = h2.request(None, method="GET", path=path)
    h2.fence()
    assert not h2.replies[waiting].over
    h2.exchange(chat(), pattern_header(f";t={token}"))
    assert json.loads(h2.finish(waiting).body)["satisfied"]


# The ring.


def test_the_ring_is_bounded(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock("--journal-size", "5")
    client = H1Client(mock.connect())
    for number in range(8):
        client.chat(chat(), pattern_header(f";t=n{number}"))
    said = mock.control("GET", "/journal").json()
    assert [entry["token"] for entry in said["entries"]] == ["n3", "n4", "n5", "n6", "n7"]
    assert [entry["id"] for entry in said["entries"]] == [4, 5, 6, 7, 8]
    assert said["dropped"] == 3
    assert [entry["id"] for entry in mock.entries(after=7)] == [8]
    assert mock.control("DELETE", "/journal").status == 200
    client.chat(chat(), pattern_header(";t=n8"))
    said = mock.control("GET", "/journal").json()
    assert [entry["id"] for entry in said["entries"]] == [9]
    assert said["dropped"] == 0


def test_what_fell_out_of_the_ring_is_found_by_nothing(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock("--journal-size", "5")
    mock.control("PUT", "/keys/one", {"key": "sk-one"})
    client = H1Client(mock.connect())
    key = ("authorization", "Bearer sk-one")
    for token in ("a", "b", "a", "b", "c", "a", "c"):
        client.chat(chat(), [*pattern_header(f";t={token}"), *([key] if token != "b" else [])])

    def found(query: str) -> list[int]:
        said = mock.control("GET", f"/journal?{query}").json()
        return [entry["id"] for entry in said["entries"]]

    assert [found(f"token={token}") for token in "abcd"] == [[3, 6], [4], [5, 7], []]
    assert found("key=one") == [3, 5, 6, 7]
    assert found("token=a&key=one") == [3, 6]
    assert found("token=b&key=one") == []
    assert found("key=one&after=5") == [6, 7]


def test_the_ring_is_bounded_in_bytes(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock()
    client = H1Client(mock.connect())
    for number in range(10):
        body = chat(prompt=14_000_000 * "x")
        assert client.chat(body, pattern_header(f";t=b{number}")).status == 200
    said = client.exchange("GET", "/_control/journal?token=b0").json()
    assert said["entries"] == []
    assert said["dropped"] == 1


def test_stats(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock()
    client = H1Client(mock.connect())
    body = client.chat(chat()).body
    client.chat(chat())
    stats = client.exchange("GET", "/stats").json()
    assert stats["requests"] == stats["finished"] == 2
    assert stats["client_gone"] == 0
    assert stats["bytes_sent"] > 2 * len(body)
    assert stats["connections"] == 1
    assert client.exchange("POST", "/stats/reset").status == 200
    stats = client.exchange("GET", "/stats").json()
    assert (stats["requests"], stats["finished"], stats["bytes_sent"]) == (0, 0, 0)
