"""The places where faulty parts stand in for the gateway's own."""

from __future__ import annotations

from types import ModuleType

import answering
import llm_api.answer
import llm_api.http2
import llm_api.link
import llm_api.receiving
import llm_api.upstream
import llm_gateway.__main__
import llm_gateway.chat
import llm_gateway.chat_request
import llm_gateway.fields
import llm_gateway.gateway
import llm_gateway.http2
import llm_gateway.opening
import llm_gateway.passing
import llm_gateway.peer
import llm_gateway.rendering
import llm_gateway.request_head
import llm_gateway.routes
import llm_gateway.server
import passing_on
import reading
import serving
import streams
from answering import FaultyAnswer
from asking import FaultyUpstream, open_link
from h2 import events
from http1_api import FaultyHttp1Session, FaultyLink
from http2_api import HANDLERS, FaultyFrameCutter, FaultyHttp2Session
from parsing import FaultyEventParser
from peering import FaultyPeer, FaultyStallWatch
from reporting import FaultyPassing, FaultyReporting
from switch import fault

PARTS: tuple[tuple[ModuleType, str, object], ...] = (
    (llm_api.answer, "EventParser", FaultyEventParser),
    (llm_api.http2, "FrameCutter", FaultyFrameCutter),
    (llm_api.link, "Link", FaultyLink),
    (llm_api.receiving, "_error_body", answering.error_body),
    (llm_api.upstream, "Http1Session", FaultyHttp1Session),
    (llm_api.upstream, "Http2Session", FaultyHttp2Session),
    (llm_api.upstream, "open_link", open_link),
    (llm_gateway.__main__, "Server", serving.FaultyServer),
    (llm_gateway.chat, "Answer", FaultyAnswer),
    (llm_gateway.chat, "check_head", answering.head),
    (llm_gateway.chat, "complete", answering.complete),
    (llm_gateway.chat, "relay_events", answering.relay),
    (llm_gateway.chat, "_whole", answering.whole),
    (llm_gateway.chat_request, "parse", reading.parse),
    (llm_gateway.fields, "to_api", serving.to_api),
    (llm_gateway.gateway, "Passing", FaultyPassing),
    (llm_gateway.gateway, "Reporting", FaultyReporting),
    (llm_gateway.gateway, "RunningExchange", serving.FaultyExchange),
    (llm_gateway.http2, "Stream", streams.FaultyStream),
    (llm_gateway.opening, "Http1Connection", reading.FaultyHttp1Connection),
    (llm_gateway.opening, "Http2Connection", streams.FaultyHttp2Connection),
    (llm_gateway.passing, "_fields", passing_on.response_fields),
    (llm_gateway.passing, "pass_on", passing_on.pass_on),
    (llm_gateway.peer, "StallWatch", FaultyStallWatch),
    (llm_gateway.rendering, "without_usage", answering.without_usage),
    (llm_gateway.request_head, "_check_framing", reading.check_framing),
    (llm_gateway.request_head, "_fields", reading.fields),
    (llm_gateway.routes, "Upstream", FaultyUpstream),
    (llm_gateway.server, "Gateway", serving.FaultyGateway),
    (llm_gateway.server, "Peer", FaultyPeer),
)
"""A module, a name in it, and the faulty part of this name."""


def spoil() -> None:
    """Put the faulty parts in place."""
    for module, name, part in PARTS:
        setattr(module, name, part)
    if fault("h2_window_not_divided"):
        llm_api.http2.STREAM_WINDOW = llm_api.http2._CONNECTION_WINDOW
    llm_api.http2._HANDLERS.update(HANDLERS)
    clients = streams.FaultyHttp2Connection
    llm_gateway.http2._HANDLERS.update(
        {
            events.StreamReset: clients.on_reset,
            events.DataReceived: clients.on_data,
            events.WindowUpdated: clients.on_window,
        }
    )
