"""Two users talk to each other; the second sees the first one disconnect.

The second starts two seconds after the first, so the first is probably connected by then.
test_chat.py guarantees that with a barrier instead of a delay.
"""

import asyncio
import os

from conformance.ws import WSMessage, WSResponse, WSTest

URL = os.environ.get("CHAT_URL", "ws://localhost:8765")


async def user_1() -> None:
    ws_test = (
        WSTest(URL)
        .with_parameter("name", "user_1")
        .with_response(WSResponse().with_attribute("message", "user_1 has connected"))
        .with_response(
            WSResponse()
            .with_attribute("message", "user_2 has connected")
            .with_trigger(WSMessage().with_attribute("message", "Hello from user_1!"))
        )
        .with_response(WSResponse().with_attribute("message", "user_2: Hello from user_2!"))
    )
    await ws_test.run()
    assert ws_test.is_complete()


async def user_2() -> None:
    await asyncio.sleep(2)
    ws_test = (
        WSTest(URL)
        .with_parameter("name", "user_2")
        .with_response(WSResponse().with_attribute("message", "user_2 has connected"))
        .with_response(
            WSResponse()
            .with_attribute("message", "user_1: Hello from user_1!")
            .with_trigger(WSMessage().with_attribute("message", "Hello from user_2!"))
        )
        .with_response(WSResponse().with_attribute("message", "user_1 has disconnected"))
    )
    await ws_test.run()
    assert ws_test.is_complete()


async def both() -> None:
    await asyncio.gather(user_1(), user_2())


asyncio.run(both())
