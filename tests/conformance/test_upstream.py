"""The mock API as a process, and what can be asked of it."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from conformance.core.evidence import End
from conformance.mock.addresses import Addresses, MockApiError
from conformance.mock.client import MockClient
from conformance.mock.process import PORT, MockServer

CLIENT = httpx.Client(trust_env=False)


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with MockServer() as mock:
        yield mock.addresses


def ask(addresses: Addresses, act: Callable[[MockClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with MockClient.attach(addresses) as upstream:
            await act(upstream)

    asyncio.run(run())


def chat(addresses: Addresses, pattern: str, *, key: str = "sk-none") -> httpx.Response:
    """One request, as a daemon would make it."""
    return CLIENT.post(
        f"{addresses.http}/chat/completions",
        headers={"authorization": f"Bearer {key}", "x-test-pattern": pattern},
        json={"model": "m", "stream": True, "messages": [{"role": "user", "content": "😀"}]},
    )


def test_it_listens_everywhere_in_private(addresses: Addresses) -> None:
    path = Path(addresses.socket)
    assert path.is_socket()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "BEGIN CERTIFICATE" in Path(addresses.ca_file).read_text()
    for base, transport in (
        (addresses.http, httpx.HTTPTransport()),
        (addresses.http, httpx.HTTPTransport(uds=addresses.socket)),
    ):
        with httpx.Client(transport=transport, trust_env=False) as client:
            assert client.get(f"{base}/models").status_code == 200


def test_tls_with_its_own_ca(addresses: Addresses) -> None:
    context = ssl.create_default_context(cafile=addresses.ca_file)
    with httpx.Client(verify=context, trust_env=False) as client:
        assert client.get(f"{addresses.https}/models").status_code == 200


def test_addresses_travel_as_json(addresses: Addresses) -> None:
    assert Addresses.from_json(json.loads(json.dumps(addresses.to_json()))) == addresses
    assert addresses.places()["api_base"] == addresses.https


def test_a_request_and_its_journal_entry(addresses: Addresses) -> None:
    answer = chat(addresses, "finish:length;t=one", key="sk-1")
    assert answer.status_code == 200

    async def act(upstream: MockClient) -> None:
        (entry,) = await upstream.wait("one", state="ended", within=10)
        assert (entry.token, entry.pattern, entry.source) == ("one", "finish:length", "header")
        assert (entry.key, entry.authorized) == (None, False)
        assert (entry.protocol, entry.transport, entry.method) == ("http/1.1", "tcp", "POST")
        assert json.loads(entry.body)["messages"][0]["content"] == "😀"
        assert entry.header("Content-Type") == "application/json"
        assert entry.end is End.FINISHED
        assert entry.ended_at is not None
        assert entry.received_at <= entry.events[0].at <= entry.ended_at <= time.monotonic()
        assert entry.events[-1].data == "[DONE]"
        sent = [f"data: {each.data}" for each in entry.events]
        assert [line for line in answer.text.splitlines() if line] == sent
        assert await upstream.journal("one") == (entry,)
        assert await upstream.journal("other") == ()
        assert entry in await upstream.since(0)
        assert await upstream.since(entry.id) == ()

    ask(addresses, act)


def test_keys_attribute_requests(addresses: Addresses) -> None:
    async def act(upstream: MockClient) -> None:
        await upstream.register_key("go.default.1", "sk-two")
        await asyncio.to_thread(chat, addresses, ";t=two", key="sk-two")
        (entry,) = await upstream.by_key("go.default.1")
        assert (entry.key, entry.authorized) == ("go.default.1", True)
        assert await upstream.wait_by_key("go.default.1", state="received", within=10) == (entry,)
        assert "sk-two" not in repr(entry)
        await upstream.forget_key("go.default.1")
        await asyncio.to_thread(chat, addresses, ";t=three", key="sk-two")
        assert not (await upstream.journal("three"))[0].authorized

    ask(addresses, act)


def test_a_wait_ends_with_the_event_or_in_time(addresses: Addresses) -> None:
    async def act(upstream: MockClient) -> None:
        began = time.monotonic()
        assert await upstream.wait("never", state="received", within=0.1) == ()
        assert 0.1 <= time.monotonic() - began < 5
        waiting = [
            asyncio.create_task(upstream.wait(f"many-{number}", state="received", within=30))
            for number in range(100)
        ]
        events = asyncio.create_task(upstream.wait_events("many-7", 3, within=30))
        for number in range(100):
            assert not waiting[number].done()
            await asyncio.to_thread(chat, addresses, f";t=many-{number}")
            (entry,) = await waiting[number]
            assert entry.token == f"many-{number}"
        (entry,) = await events
        assert len(entry.events) >= 3

    ask(addresses, act)


def test_a_registered_script_and_its_gates(addresses: Addresses) -> None:
    steps = [{"delta": "a"}, {"gate": 1}, {"delta": "b"}, {"finish": "stop"}, {"done": True}]

    async def act(upstream: MockClient) -> None:
        await upstream.put_script("gated", {"steps": steps})
        answer = asyncio.create_task(asyncio.to_thread(chat, addresses, "script:gated;t=gated"))
        (entry,) = await upstream.wait_events("gated", 1, within=10)
        assert (len(entry.events), entry.end) == (1, End.RUNNING)
        await upstream.open_gate("gated", 1)
        (entry,) = await upstream.wait("gated", state="ended", within=10)
        assert (len(entry.events), entry.end) == (4, End.FINISHED)
        assert (await answer).text.endswith("data: [DONE]\n\n")
        await upstream.drop_script("gated")
        assert (await asyncio.to_thread(chat, addresses, "script:gated")).status_code == 400
        await upstream.put_script("held", {"steps": [{"delta": "a"}, {"gate": 2}], "hold": 1})
        answer = asyncio.create_task(asyncio.to_thread(chat, addresses, "script:held;t=held"))
        (entry,) = await upstream.wait("held", state="received", within=10)
        assert (entry.bytes_sent, entry.end) == (0, End.RUNNING)
        await upstream.open_gate("held", 1)
        (entry,) = await upstream.wait_events("held", 1, within=10)
        assert (len(entry.events), entry.end) == (1, End.RUNNING)
        await upstream.open_gate("held", 2)
        assert (await answer).status_code == 200
        with pytest.raises(MockApiError, match=r"PUT /_control/scripts/gated: 400: .*steps"):
            await upstream.put_script("gated", {"steps": [{"leap": 1}]})

    ask(addresses, act)


def test_a_large_answer_by_a_small_script_in_brief(addresses: Addresses) -> None:
    script = {"steps": [{"repeat": {"times": 50, "steps": [{"delta": "a"}, {"delta": "b"}]}}]}

    async def act(upstream: MockClient) -> None:
        await upstream.put_script("large", script)
        answer = await asyncio.to_thread(chat, addresses, "script:large;t=large")
        assert answer.text.count('"content":"a"') == answer.text.count('"content":"b"') == 50
        (entry,) = await upstream.journal("large")
        (brief,) = await upstream.wait("large", state="ended", within=10, brief=True)
        nothing = tuple(replace(each, data="") for each in entry.events)
        assert len(nothing) == 100
        assert brief == replace(entry, body=b"", events=nothing)
        with pytest.raises(MockApiError, match=r"steps\[0\]\.repeat: .*a field steps"):
            await upstream.put_script("large", {"steps": [{"repeat": {"times": 2}}]})

    ask(addresses, act)


def test_what_the_mock_refuses_is_an_error_in_its_words(addresses: Addresses) -> None:
    async def act(upstream: MockClient) -> None:
        with pytest.raises(MockApiError, match="PUT /_control/keys/a%2Fb: 400: a name is"):
            await upstream.register_key("a/b", "sk")
        assert await upstream.journal("fine-again") == ()

    ask(addresses, act)


def test_a_mock_that_is_gone_is_an_error() -> None:
    with MockServer() as mock:
        addresses = mock.addresses
        assert mock.describe_exit() is None

    async def act(upstream: MockClient) -> None:
        with pytest.raises(MockApiError, match=r"at 127\.0\.0\.1:\d+ cannot be asked"):
            await upstream.journal("x")

    ask(addresses, act)
    assert mock.describe_exit() == "exited with status 0"
    assert not Path(addresses.socket).exists()
    assert not Path(addresses.ca_file).parent.exists()


def test_a_kept_connection_that_the_mock_closed_is_not_used() -> None:
    """The client reconnects when the mock at the same address is another one."""
    with MockServer() as mock:
        addresses = mock.addresses
        port = int(addresses.control.split(":")[2].split("/")[0])

        async def act(upstream: MockClient) -> None:
            await upstream.journal("x")
            await asyncio.to_thread(mock.stop)
            with MockServer(port=port) as other:
                await asyncio.to_thread(lambda: other.addresses)
                assert await upstream.journal("x") == ()

        ask(addresses, act)


def test_started_on_a_loop() -> None:
    async def run() -> str:
        async with MockClient.start() as upstream:
            assert await upstream.journal("x") == ()
            return upstream.addresses.socket

    assert not Path(asyncio.run(run())).exists()


def test_the_port_can_be_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        holder.listen()
        monkeypatch.setenv(PORT, str(port))
        with (
            MockServer() as mock,
            pytest.raises(MockApiError, match=f"port {port} of 127.0.0.1 is in use") as caught,
        ):
            assert mock.addresses
        assert PORT in str(caught.value)
    with MockServer() as mock:
        assert f":{port}/" in mock.addresses.http


@pytest.mark.parametrize("value", ["http", "-1", "65536"])
def test_a_pinned_port_that_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(PORT, value)
    with pytest.raises(MockApiError, match=f"{PORT}: expected a port .*, found '{value}'"):
        MockServer()


def test_a_mock_that_does_not_start_says_why() -> None:
    with (
        MockServer(args=["--no-such-option"]) as mock,
        pytest.raises(MockApiError, match="exited with status 2 before it was ready") as caught,
    ):
        assert mock.addresses
    assert "no-such-option" in str(caught.value)


def test_it_ends_with_its_starter() -> None:
    """By its stdin, before the guardian comes to it."""
    code = (
        "from conformance.mock.process import MockServer; mock = MockServer(); mock.addresses; "
        "print(mock.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        held = os.pidfd_open(int(starter.stdout.readline()))
        starter.kill()
        assert select.select([held], [], [], 20)[0]
        os.close(held)
