"""An exchange: one client, one request, and the answer on its way from one to the other."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

from streaming_daemon import wire
from streaming_daemon.answer import Answer, Finished, Format, api_error, decode_error
from streaming_daemon.client import Client
from streaming_daemon.config import Timeouts
from streaming_daemon.failure import ClientLeft, Failure, Late
from streaming_daemon.redaction import Redact
from streaming_daemon.reply import Reply
from streaming_daemon.request import Request
from streaming_daemon.upstream import Upstream

log = logging.getLogger(__name__)

_ERROR_TIME = 2.0
_ERROR_SIZE = 64 * 1024
"""What an error response's body may take; its message is worth no more."""
_RETRY_AFTER = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:, ")


@dataclass(frozen=True, slots=True)
class Terms:
    """What all exchanges of a daemon have in common."""

    upstream: Upstream
    format: Format
    timeouts: Timeouts
    redact: Redact


class Exchange:
    """One client being served, from the handoff to the close of its socket."""

    def __init__(
        self,
        sock: socket.socket,
        terms: Terms,
        response_headers: bytes,
        on_closed: Callable[[Exchange], None],
    ) -> None:
        """response_headers: header lines that the response is to carry."""
        self._terms = terms
        self._extra = response_headers
        self._task: asyncio.Task[None] | None = None
        self._interruption: Failure | None = None
        self._head_sent = False
        self._client = Client(
            sock,
            write_timeout=terms.timeouts.write,
            on_gone=lambda how: self.interrupt(ClientLeft(f"the client {how}")),
            on_closed=lambda: on_closed(self),
        )

    def start(self, request: Request) -> None:
        """Call the API and relay its answer."""
        if self._client.present:
            self._task = asyncio.get_running_loop().create_task(self._run(request))
        else:
            self._fail(ClientLeft("the client left before it was served"))

    def refuse(self, failure: Failure) -> None:
        """Answer without calling the API."""
        self._fail(failure)

    def interrupt(self, failure: Failure) -> None:
        """End the exchange, whatever it is waiting for, with this failure."""
        if self._task is not None and not self._task.done() and self._interruption is None:
            self._interruption = failure
            self._task.cancel()

    def abort(self) -> None:
        """Close the client's socket now."""
        self._client.abort()

    async def _run(self, request: Request) -> None:
        try:
            await self._relay(request)
        except Failure as failure:
            self._fail(failure)
        except asyncio.CancelledError:
            if self._interruption is None:
                raise
            self._fail(self._interruption)
        except Exception:
            log.exception("an exchange failed in a way nobody thought of")
            self._fail(Failure("internal error", status=500, code="internal_error"))

    async def _relay(self, request: Request) -> None:
        reply = await self._terms.upstream.request(request)
        try:
            await self._check_head(reply)
            self._head_sent = True
            self._client.write(wire.stream_head(self._extra))
            await self._relay_body(reply)
        except BaseException:
            reply.cancel()
            raise
        self._client.write(wire.DONE)
        self._client.finish()
        reply.release()

    async def _relay_body(self, reply: Reply) -> None:
        """Relay until the API has finished. Raises Failure."""
        client, idle = self._client, self._terms.timeouts.idle
        clock = asyncio.get_running_loop().time
        answer = Answer(self._terms.format, self._terms.redact)
        try:
            async with asyncio.timeout(idle) as bound:
                while answer.outcome is None:
                    data = await reply.read()
                    events = answer.events
                    client.write(answer.feed(data) if data else answer.end())
                    if client.congested:
                        bound.reschedule(None)  # it is the API that waits now
                        await client.drain()
                    elif answer.all_finished and answer.events == events:
                        continue  # comments alone do not put off the `[DONE]` that is due
                    bound.reschedule(clock() + idle)
        except TimeoutError:
            raise Late("the API stopped in the middle of its answer") from None
        if answer.outcome is not Finished.DONE:
            raise answer.outcome

    async def _check_head(self, reply: Reply) -> None:
        """Raise the failure that the response's head means, unless it begins a stream."""
        head = await reply.head()
        content_type = head.get("content-type").partition(";")[0].strip().lower()
        if 200 <= head.status < 300:
            if content_type != "text/event-stream":
                body = decode_error(await self._error_body(reply))
                if isinstance(body, dict) and "error" in body:
                    raise api_error(body, self._terms.redact)
                raise Failure("the API answered with something other than an event stream")
            if head.get("content-encoding").strip().lower() not in ("", "identity"):
                raise Failure("the API compressed its answer, unasked")
            return
        raise api_error(
            decode_error(await self._error_body(reply)),
            self._terms.redact,
            f"the API answered with status {head.status}",
            status=head.status if 400 <= head.status < 500 else 502,
            retry_after=_retry_after(head.get("retry-after")),
        )

    async def _error_body(self, reply: Reply) -> bytes:
        """The body of an error response, or what comes of it in time."""
        body = b""
        try:
            async with asyncio.timeout(min(_ERROR_TIME, self._terms.timeouts.idle)):
                while len(body) < _ERROR_SIZE and (data := await reply.read()):
                    body += data
        except (TimeoutError, Failure):
            pass
        return body

    def _fail(self, failure: Failure) -> None:
        if not self._client.closed:
            if self._head_sent:
                self._client.write(wire.error_event(failure))
            else:
                self._client.write(wire.error_response(failure, self._extra))
            self._client.finish()
        log.info("exchange failed: %s (%s)", failure, failure.code)


def _retry_after(value: str) -> str | None:
    """The header's value, if it is a number of seconds or a date, or looks like one."""
    return value if value and len(value) < 40 and _RETRY_AFTER.issuperset(value) else None
