"""Sentences of RFC 6455, and of WebSocket servers in general, for the profiles' contracts."""

from __future__ import annotations

from conformance.core.clause import must, should

TEXT = must(
    "take text cut into fragments anywhere; close with 1007 on text that is not UTF-8 "
    "(RFC 6455 5.6, 8.1)"
)
FRAMES = must("fail the connection with 1002 on a frame that breaks RFC 6455 5")
PING = must(
    "answer a ping with its payload, also during an answer and between fragments (RFC 6455 5.5.2)"
)
CLOSE = must(
    "answer a close with a close, send nothing after it, and never a reserved code "
    "(RFC 6455 5.5.1, 7.4.1)"
)
TOO_BIG = should("close with 1009 on a message that is larger than the backend accepts")
SILENCE = must(
    "keep the connection, and the request to the model, while the model is silent and "
    "its time limit is not over"
)
KEEPALIVE = should(
    "ping a client that received nothing for a minute: routers and proxies take a silent "
    "connection for a dead one"
)
ROBUST = must("survive whatever a client sends; one client's trouble does not affect another")
