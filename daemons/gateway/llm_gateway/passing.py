"""Class `bytes`: requests and responses pass as they are, without being understood."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from llm_api import exact_json
from llm_api.exact_json import is_text
from llm_api.failure import Late
from llm_api.reply import Head, Reply
from llm_api.request import Request as ApiRequest

from llm_gateway.chat import Call
from llm_gateway.exchange import Reporting
from llm_gateway.message import Request

_PER_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "date",
    )
)


def model_of(body: bytes) -> str | None:
    """The model that a request asks for, or None if the body does not say it."""
    value = exact_json.decode_or_none(body)
    model = value.get("model") if isinstance(value, dict) else None
    return model if is_text(model) else None


async def pass_on(call: Call, request: Request, response: Reporting) -> None:
    """Pass a request on, and its response back.

    Raises Failure.
    """
    reply = await call.upstream.request(
        ApiRequest(
            request.body,
            (*call.headers, *_content_type(request.headers)),
            method=request.method.encode(),
            path=request.path.removeprefix("/v1"),
            accept=request.headers.get("accept", "*/*").encode("latin-1"),
            accept_encoding=request.headers.get("accept-encoding", "identity").encode("latin-1"),
        )
    )
    try:
        head = await reply.head()
        response.start(head.status, _fields(head), length=_length(head))
        await _pass_body(reply, response, call.idle)
    except BaseException:
        reply.cancel()
        raise
    response.finish()


async def _pass_body(reply: Reply, response: Reporting, idle: float) -> None:
    try:
        while data := await asyncio.wait_for(reply.read(), idle):
            response.write(data)
            if response.congested:
                await response.drain()
    except TimeoutError:
        raise Late("the API stopped in the middle of its answer") from None


def _content_type(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    value = headers.get("content-type")
    return [(b"content-type", value.encode("latin-1"))] if value else []


def _fields(head: Head) -> list[tuple[str, str]]:
    """The response's fields, without those of the connection to the API."""
    listed = {name.strip().lower() for name in head.get("connection").split(",")}
    return [
        (name, value) for name, value in head.fields if name not in _PER_HOP and name not in listed
    ]


def _length(head: Head) -> int | None:
    """The size of the body, if the API announced it."""
    if "transfer-encoding" in head.headers or "content-length" not in head.headers:
        return None
    return int(head.get("content-length"))
