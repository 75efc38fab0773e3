"""An exchange: one client, one request, and the answer on its way to the client."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

from llm_api.answer import Answer, Render
from llm_api.failure import ClientLeft, Failure
from llm_api.receiving import check_head, relay_events
from llm_api.redaction import Redact
from llm_api.request import Request
from llm_api.upstream import Upstream
from llm_api.writing import DONE, error_event

from streaming_daemon import wire
from streaming_daemon.client import Client
from streaming_daemon.config import Timeouts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """The settings that all exchanges of a daemon share."""

    upstream: Upstream
    render: Render
    timeouts: Timeouts
    redact: Redact


class Exchange:
    """One client, from the handoff to the close of its socket."""

    def __init__(
        self,
        sock: socket.socket,
        terms: Terms,
        response_headers: bytes,
        on_closed: Callable[[Exchange], None],
    ) -> None:
        """response_headers: header lines to add to the response."""
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
        """End the exchange with this failure, at whatever point it is."""
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
            log.exception("unexpected error")
            self._fail(Failure("internal error", status=500, code="internal_error"))

    async def _relay(self, request: Request) -> None:
        idle = self._terms.timeouts.idle
        reply = await self._terms.upstream.request(request)
        try:
            await check_head(reply, "text/event-stream", self._terms.redact, idle=idle)
            self._head_sent = True
            self._client.write(wire.stream_head(self._extra))
            answer = Answer(self._terms.render, self._terms.redact)
            await relay_events(reply, answer, self._client, idle=idle)
        except BaseException:
            reply.cancel()
            raise
        self._client.write(DONE)
        self._client.finish()
        reply.release()

    def _fail(self, failure: Failure) -> None:
        if not self._client.closed:
            if self._head_sent:
                self._client.write(error_event(failure))
            else:
                self._client.write(wire.error_response(failure, self._extra))
            self._client.finish()
        log.info("exchange failed: %s (%s)", failure, failure.code)
