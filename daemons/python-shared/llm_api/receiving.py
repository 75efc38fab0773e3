"""Receiving an answer: its head checked, its events passed to a client at the client's pace."""

from __future__ import annotations

import asyncio
from typing import Protocol

from llm_api.answer import Answer, Finished
from llm_api.api_error import api_error, is_error
from llm_api.exact_json import decode_or_none
from llm_api.failure import ApiRefused, Failure, Late
from llm_api.redaction import Redact
from llm_api.reply import Head, Reply

_ERROR_TIME = 2.0
_ERROR_SIZE = 64 * 1024
"""Bounds on the body of an error response: a message of an error is short."""
_RETRY_AFTER = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:, ")


class Sink(Protocol):
    """The client's side of an exchange."""

    @property
    def congested(self) -> bool:
        """Whether the API has to wait because too many bytes are unsent."""

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the client takes it."""

    async def drain(self) -> None:
        """Wait until everything has been sent."""


def content_type(head: Head) -> str:
    """The media type of a response, without parameters, in lower case."""
    return head.get("content-type").partition(";")[0].strip().lower()


async def check_head(reply: Reply, expected: str, redact: Redact, *, idle: float) -> Head:
    """The head of a good response.

    Args:
        expected: the content type that a good response has.
        idle: seconds between two reads of an error's body.

    Raises the Failure that another response amounts to. An API's 4xx and 5xx keep
    their status and Retry-After; other statuses become 502.
    """
    head = await reply.head()
    if not 200 <= head.status < 300:
        raise api_error(
            decode_or_none(await _error_body(reply, idle)),
            redact,
            f"the API answered with status {head.status}",
            kind=ApiRefused,
            status=head.status if 400 <= head.status < 600 else 502,
            retry_after=_retry_after(head.get("retry-after")),
        )
    if content_type(head) != expected:
        body = decode_or_none(await _error_body(reply, idle))
        if isinstance(body, dict) and is_error(body):
            raise api_error(body, redact)
        raise Failure(f"the API answered with something other than {expected}")
    if head.get("content-encoding").strip().lower() not in ("", "identity"):
        raise Failure("the API compressed its answer, although the request did not allow it")
    return head


async def relay_events(reply: Reply, answer: Answer, client: Sink, *, idle: float) -> None:
    """Relay events until the API has finished.

    idle: seconds that the API may be silent while the client takes its bytes.

    Raises the Failure that ends the stream.
    """
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(idle) as bound:
            while answer.outcome is None:
                data = await reply.read()
                events = answer.events
                client.write(answer.feed(data) if data else answer.end())
                if client.congested:
                    bound.reschedule(None)  # the API waits for the client now
                    await client.drain()
                elif answer.all_finished and answer.events == events:
                    continue  # comments alone do not postpone the `[DONE]` that is due
                bound.reschedule(clock() + idle)
    except TimeoutError:
        raise Late("the API stopped in the middle of its answer") from None
    if answer.outcome is not Finished.DONE:
        raise answer.outcome


async def read_body(reply: Reply, *, limit: int, idle: float) -> bytes:
    """The whole body of a response.

    limit: the largest body, in bytes.

    Raises Failure if the body is cut short, too large or too late.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        while data := await asyncio.wait_for(reply.read(), idle):
            pieces.append(data)
            size += len(data)
            if size > limit:
                raise Failure(f"the API's answer has more than {limit} bytes")
    except TimeoutError:
        raise Late("the API stopped in the middle of its answer") from None
    return b"".join(pieces)


async def _error_body(reply: Reply, idle: float) -> bytes:
    """The body of an error response, or the part of it that arrives in time."""
    body = b""
    try:
        async with asyncio.timeout(min(_ERROR_TIME, idle)):
            while len(body) < _ERROR_SIZE and (data := await reply.read()):
                body += data
    except (TimeoutError, Failure):
        pass
    return body


def _retry_after(value: str) -> str | None:
    """The header's value, if it is a number of seconds or a date, or looks like one."""
    return value if value and len(value) < 40 and _RETRY_AFTER.issuperset(value) else None
