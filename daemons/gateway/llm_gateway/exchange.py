"""An exchange: one request, its handler, and the form that a failure takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from llm_api.failure import Failure
from llm_api.receiving import Sink
from llm_api.writing import error_event

from llm_gateway.errors import error_body, error_fields
from llm_gateway.message import Fields, Response

log = logging.getLogger(__name__)


class Reporting(Sink):
    """A response that becomes an error, whether it has begun or not."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._started = False

    @property
    def congested(self) -> bool:
        """Whether the API has to wait because too many bytes are unsent."""
        return self._response.congested

    def start(self, status: int, fields: Fields, *, length: int | None = None) -> None:
        """Send the head."""
        self._started = True
        self._response.start(status, fields, length=length)

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        self._response.write(data)

    async def drain(self) -> None:
        """Wait until everything has been sent."""
        await self._response.drain()

    def finish(self) -> None:
        """The body is complete."""
        self._response.finish()

    def whole(self, status: int, fields: Fields, body: bytes) -> None:
        """Send a whole response."""
        self.start(status, fields, length=len(body))
        self.write(body)
        self.finish()

    def fail(self, failure: Failure) -> None:
        """Report a failure: by a status before the head, by the last event after it."""
        if self._started:
            self._response.write(error_event(failure))
            self._response.break_off()
        else:
            self.whole(failure.status, error_fields(failure), error_body(failure))


class Passing(Reporting):
    """A response of another server, which the gateway can only break."""

    def fail(self, failure: Failure) -> None:
        """Report a failure by a status before the head; break the message after it."""
        if self._started:
            self._response.cut()
        else:
            super().fail(failure)


Handler = Callable[[Reporting], Awaitable[None]]
"""Answers a request. Raises Failure."""


class RunningExchange:
    """A handler that runs as a task."""

    def __init__(
        self, handler: Handler, response: Reporting, on_end: Callable[[RunningExchange], None]
    ) -> None:
        self._handler = handler
        self._response = response
        self._interruption: Failure | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._on_end = on_end
        self._task.add_done_callback(self._on_done)

    def interrupt(self, failure: Failure) -> None:
        """End it with this failure, at whatever point it is. Does nothing when it has ended."""
        if not self._task.done() and self._interruption is None:
            self._interruption = failure
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._handler(self._response)
        except Failure as failure:
            self._fail(failure)
        except asyncio.CancelledError:
            if self._interruption is None:
                raise
            self._fail(self._interruption)
        except Exception:
            log.exception("unexpected error")
            self._fail(Failure("internal error", status=500, code="internal_error"))

    def _on_done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() and self._interruption is not None:
            self._fail(self._interruption)  # the task was interrupted before its first step
        self._on_end(self)

    def _fail(self, failure: Failure) -> None:
        self._response.fail(failure)
        log.info("exchange failed: %s (%s)", failure, failure.code)
