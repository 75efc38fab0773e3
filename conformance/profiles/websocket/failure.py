"""A model that fails: the client receives an error, and can go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.core.scenario import Start
from conformance.profiles.websocket.bench import ChatBench
from conformance.profiles.websocket.conversation import Conversation
from conformance.profiles.websocket.sharing import shared

HANGS = 'sandialabs/atlas-ui-3#341 "errors hang chat"'


@shared(needs=("mock",), evidence=HANGS)
async def refused(chat: Conversation) -> None:
    """The backend reports an API that answers 503 as an error; the next prompt works."""
    await chat.fails("status:503", after=0)


@shared(needs=("mock",))
async def page(chat: Conversation) -> None:
    """The backend reports an API that answers with an HTML page as an error."""
    await chat.fails("html:502", after=0)


@shared(needs=("mock",), evidence=HANGS)
async def lost(chat: Conversation) -> None:
    """The backend passes three deltas on, then reports the lost API connection."""
    await chat.fails("fin:3", after=3)


@shared(needs=("mock",))
async def broken_off(chat: Conversation) -> None:
    """The backend passes three deltas on, then reports the missing finish_reason."""
    await chat.fails("abort:3", after=3)


@shared(needs=("mock",))
async def reported(chat: Conversation) -> None:
    """The backend passes three deltas on, then the API's error."""
    await chat.fails("error:3", after=3)


@shared(needs=("mock",), alone=True, start=Start(options={"model_timeout": "0.5"}), evidence=HANGS)
async def silent(chat: Conversation) -> None:
    """The backend reports a model that is silent after three deltas for too long."""
    await chat.fails("stall:3", after=3)


Leave = Callable[[Conversation], Awaitable[Any]]
"""How a client leaves."""


async def leaves(bench: ChatBench, leave: Leave) -> None:
    """Check that a client that leaves during its answer ends the request to the model."""
    async with bench.connect() as chat:
        await chat.prepare()
        token = await chat.prompt(pattern="stall:2")
        await chat.pieces(2)
        await leave(chat)
        await bench.model.let_go(token)


async def by_fin(chat: Conversation) -> None:
    """Leave without a close frame."""
    chat.release()


async def by_reset(chat: Conversation) -> None:
    """Leave with a RST."""
    chat.reset()
