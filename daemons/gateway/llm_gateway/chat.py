"""Chat completions: a stream of events, or one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm_api.answer import Answer, Render
from llm_api.api_error import api_error, is_error
from llm_api.exact_json import decode_or_none
from llm_api.failure import Failure
from llm_api.receiving import check_head, read_body, relay_events
from llm_api.redaction import Redact
from llm_api.reply import Head, Reply
from llm_api.request import Request
from llm_api.upstream import Upstream
from llm_api.writing import DONE

from llm_gateway import fields, rendering
from llm_gateway.chat_request import ChatRequest
from llm_gateway.exchange import Reporting

EVENTS = "text/event-stream"
JSON = "application/json"
_MAX_ANSWER = 16 * 1024 * 1024
"""Size limit of an answer that is not a stream, in bytes."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request for an API, and the bounds of its answer."""

    upstream: Upstream
    headers: Sequence[tuple[bytes, bytes]]
    redact: Redact
    idle: float
    """Seconds that the API may be silent."""


async def complete(call: Call, chat: ChatRequest, response: Reporting, *, usage: bool) -> None:
    """Answer a chat completion request.

    usage: ask the API for the usage of every stream, and log it.

    Raises Failure.
    """
    add_usage = usage and chat.stream and not chat.wants_usage
    request = Request(
        chat.body(add_usage=add_usage),
        tuple(call.headers),
        accept=(EVENTS if chat.stream else JSON).encode(),
    )
    reply = await call.upstream.request(request)
    try:
        if chat.stream:
            render = rendering.without_usage if add_usage else rendering.as_sent
            await _stream(call, reply, render, response)
        else:
            await _whole(call, reply, response)
    except BaseException:
        reply.cancel()
        raise
    reply.release()


async def _stream(call: Call, reply: Reply, render: Render, response: Reporting) -> None:
    head = await check_head(reply, EVENTS, call.redact, idle=call.idle)
    response.start(200, [*_fields(head, call.redact), ("x-accel-buffering", "no")])
    await relay_events(reply, Answer(render, call.redact), response, idle=call.idle)
    response.write(DONE)
    response.finish()


async def _whole(call: Call, reply: Reply, response: Reporting) -> None:
    head = await check_head(reply, JSON, call.redact, idle=call.idle)
    body = await read_body(reply, limit=_MAX_ANSWER, idle=call.idle)
    value = decode_or_none(body)
    if not isinstance(value, dict):
        raise Failure("the API's answer is not a JSON object")
    if is_error(value):
        raise api_error(value, call.redact)
    response.whole(200, _fields(head, call.redact), body)


def _fields(head: Head, redact: Redact) -> list[tuple[str, str]]:
    return [
        ("content-type", head.get("content-type")),
        ("cache-control", head.get("cache-control") or "no-cache"),
        *fields.to_client(head.headers, redact),
    ]
