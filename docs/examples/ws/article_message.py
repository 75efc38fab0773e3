"""A user sends a message and receives it, as all users do."""

import asyncio
import os

from conformance.ws import WSMessage, WSResponse, WSTest

ws_test = (
    WSTest(os.environ.get("CHAT_URL", "ws://localhost:8765"))
    .with_parameter("name", "Rob")
    .with_response(
        WSResponse()
        .with_attribute("message", "Rob has connected")
        .with_trigger(WSMessage().with_attribute("message", "Hello, world!"))
    )
    .with_response(WSResponse().with_attribute("message", "Rob: Hello, world!"))
)

asyncio.run(ws_test.run())
assert ws_test.is_complete()
