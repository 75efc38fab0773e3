"""A user who connects is told so. Talks to CHAT_URL, by default ws://localhost:8765."""

import asyncio
import os

from conformance.ws import WSResponse, WSTest

ws_test = (
    WSTest(os.environ.get("CHAT_URL", "ws://localhost:8765"))
    .with_parameter("name", "Rob")
    .with_response(WSResponse().with_attribute("message", "Rob has connected"))
)

asyncio.run(ws_test.run())
assert ws_test.is_complete()
