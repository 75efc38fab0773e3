"""The engine's testing guide as one user story.

A developer starts the backend and the mock API and then follows the guide "Testing" of
flower-engine from its first program to its last. The README lists the two places
where a printed program needs a change.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
from conftest import KEY, PATIENCE, Backend, Mock
from websockets.asyncio.client import ClientConnection, connect

Message = dict[str, Any]

GUIDE_MODELS = (
    "google/gemini-2.0-pro-exp-02-05:free",
    "anthropic/claude-3-haiku",
    "deepseek-chat",
)


def test_a_developer_follows_the_guide(start: Callable[..., Backend], mock: Mock) -> None:
    backend = start("--variant", "documented", "--log-level", "debug")
    assert httpx.get(_site(backend), timeout=PATIENCE).status_code == 200

    asyncio.run(_guide(backend.url, mock))

    log = backend.end()
    assert '{"prompt": "Who are you?' in log, "the log has the client's messages"
    assert '"event": "chat_chunk"' in log, "the log has the engine's messages"
    assert f"request to {mock.base}" in log, "the log has the requests to the model"
    assert KEY not in log


def test_an_unset_stage_gets_the_documented_error(start: Callable[..., Backend]) -> None:
    async def error_handling(url: str) -> str:
        async with connect(url, proxy=None) as client:
            await _handshake(client)
            reply = await _ask(client, "Hello")
            return str(reply["payload"]["content"])

    empty = start("--variant", "documented", "--stage", "none")
    assert "Prepare the stage" in asyncio.run(error_handling(empty.url))
    prepared = start("--variant", "documented")
    assert "Prepare the stage" in asyncio.run(error_handling(f"{prepared.url}?stage=new"))


async def _guide(url: str, mock: Mock) -> None:
    await _run_the_test_client(url)
    await _select_a_world(url)
    await _cancel_a_story(url, mock)
    for model in GUIDE_MODELS:
        await _talk_to(url, model)
    await _measure(url)
    await asyncio.gather(*(_measure(url) for _ in range(10)))
    await _leave_without_a_prompt(url)


async def _run_the_test_client(url: str) -> None:
    """Handshake, state, prompt, thinking message, chunks, end."""
    async with connect(url, proxy=None) as client:
        ready, state = await _handshake(client)
        assert ready["payload"] == {"content": "✓ Engine ready.", "metadata": {"status": "ok"}}
        assert state["event"] == "sync_state"
        assert state["payload"]["content"] == ""
        assert state["payload"]["metadata"]["session_id"], "the stage has a session"
        thinking = await _ask(client, "Who are you?")
        assert thinking["event"] == "system_update"
        assert thinking["payload"] == {"content": "...", "metadata": {}}
        chunks, end = await _answer(client)
        assert all(chunk["payload"]["content"] for chunk in chunks)
        assert end["payload"]["metadata"] == {"total_tokens": len(chunks)}


async def _select_a_world(url: str) -> None:
    async with connect(url, proxy=None) as client:
        await _handshake(client)
        reply = await _ask(client, "/world select darkwood")
        assert reply["event"] == "system_update"
        assert "darkwood" in reply["payload"]["content"]


async def _cancel_a_story(url: str, mock: Mock) -> None:
    """The guide's cancellation program, with the two changes that the README shows."""
    steps = [{"delta": "Once "}, {"gate": 1}, {"delta": "more"}, {"finish": "stop"}, {"done": True}]
    story = mock.script("story", {"steps": steps})
    async with connect(url, proxy=None) as client:
        await _handshake(client)
        for command in ("/world select darkwood", "/character select ranger", "/session new"):
            reply = await _ask(client, command)
            assert reply["event"] == "system_update"
            assert (await _next(client))["event"] == "sync_state"
        assert (await _next(client))["event"] == "chat_history"

        await _ask(client, f"Tell me a long story {story}")  # the thinking message
        assert (await _next(client))["event"] == "chat_chunk"
        reply = await _ask(client, "/cancel")
        while reply["event"] == "chat_chunk":
            reply = await _next(client)
        assert "cancelled" in reply["payload"]["content"].lower()
        assert (await _next(client))["event"] == "chat_end"
    (request,) = await asyncio.to_thread(mock.entries, "story")
    assert request["end"] == "client_gone"


async def _talk_to(url: str, model: str) -> None:
    async with connect(url, proxy=None) as client:
        _, state = await _handshake(client)
        offered = state["payload"]["metadata"]["available_models"]
        (entry,) = [entry for entry in offered if entry["id"] == model]
        assert set(entry) == {"id", "name", "prompt_price", "completion_price"}
        reply = await _ask(client, f"/model {model}")
        assert model in reply["payload"]["content"]
        await _ask(client, "Hello, test message")
        chunks, end = await _answer(client)
        assert {chunk["payload"]["metadata"]["model"] for chunk in chunks} == {model}
        assert end["payload"]["metadata"]["total_tokens"] == len(chunks)


async def _measure(url: str) -> None:
    """The guide's program for tokens per second, which is also its load test."""
    async with connect(url, proxy=None) as client:
        await _handshake(client)
        began = time.monotonic()
        await _ask(client, "Count to 100 [[test:drip:100]]")
        chunks, end = await _answer(client)
        total = end["payload"]["metadata"]["total_tokens"]
        assert total == len(chunks) > 0
        assert total / (time.monotonic() - began) > 0


async def _leave_without_a_prompt(url: str) -> None:
    """A session that the engine began by itself is deleted if the client does not use it."""
    async with connect(url, proxy=None) as client:
        _, state = await _handshake(client)
        unused = state["payload"]["metadata"]["session_id"]
    while True:
        async with connect(url, proxy=None) as client:
            _, state = await _handshake(client)
            listed = state["payload"]["metadata"]["available_sessions"]
        if unused not in [session["id"] for session in listed]:
            return


async def _handshake(client: ClientConnection) -> tuple[Message, Message]:
    return await _next(client), await _next(client)


async def _ask(client: ClientConnection, prompt: str) -> Message:
    await client.send(json.dumps({"prompt": prompt}))
    return await _next(client)


async def _answer(client: ClientConnection) -> tuple[list[Message], Message]:
    chunks: list[Message] = []
    while (message := await _next(client))["event"] == "chat_chunk":
        chunks.append(message)
    assert message["event"] == "chat_end"
    return chunks, message


async def _next(client: ClientConnection) -> Message:
    message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
    assert isinstance(message, dict)
    return message


def _site(backend: Backend) -> str:
    return backend.url.replace("ws://", "http://").removesuffix("/ws/rpc") + "/"
