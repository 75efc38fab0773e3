"""A user connects and receives the announcement. CHAT_URL is ws://localhost:8765 by default."""

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
