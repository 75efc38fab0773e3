"""The conversation: the actions of a test on its open connection.

The test receives, sends and requests at the same time. It stops receiving when the last
expectation is met. After that, and after the last sending, it runs the epilogue, if it
declares one: it listens for some time, expects silence, or waits for the server to close.
`asyncio.sleep` serves only declared delays, because tests patch it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import websockets

from conformance.ws.bounds import bounded, together
from conformance.ws.connection import Closing, Socket, closing
from conformance.ws.declaration import Declaration
from conformance.ws.frame import Frame, parse, shown
from conformance.ws.matchers import Matcher, agrees
from conformance.ws.matching import Matching
from conformance.ws.rest_request import RestRequest
from conformance.ws.transcript import Direction, What
from conformance.ws.ws_barrier import WSBarrier
from conformance.ws.ws_expectation_error import WSExpectationError
from conformance.ws.ws_message import WSMessage
from conformance.ws.ws_timeout_error import WSTimeoutError


class Conversation:
    """One test on one open connection."""

    def __init__(self, test: Declaration, matching: Matching, socket: Socket) -> None:
        self._test = test
        self._matching = matching
        self._socket = socket
        self.closing: Closing | None = None
        """How the server ended the connection; None while it is open."""

    async def run(self) -> None:
        """Perform the whole conversation. Raises the error that fails the test."""
        async with bounded(self._test.test_timeout, "Timed out waiting for test to finish"):
            await together(
                self._receive(),
                self._consume(self._test.messages),
                self._consume(self._test.requests),
            )
            await self._epilogue()
            await pass_barriers(self._test, self._test.end_barriers)

    async def _receive(self) -> None:
        test = self._test
        while test.expected_responses:
            try:
                raw = await self._next(self._patience())
            except TimeoutError:
                lines = ["Timed out waiting for responses:", *map(str, test.expected_responses)]
                if test.log_responses_on_error:
                    lines += ["Received responses:", *map(str, test.received_json)]
                raise WSTimeoutError("\n".join(lines)) from None
            await self.handle(raw)

    def _patience(self) -> float | None:
        """Seconds to wait for the next message."""
        limits = [self._test.response_timeout]
        deadline = self._matching.next_deadline()
        if deadline is not None:
            limits.append(max(deadline - time.monotonic(), 0.0))
        return min((limit for limit in limits if limit is not None), default=None)

    async def _next(self, seconds: float | None) -> str | bytes:
        """Read a message. Raises TimeoutError, or ConnectionClosed after recording the close."""
        try:
            async with asyncio.timeout(seconds):
                return await self._socket.recv()
        except websockets.ConnectionClosed as error:
            self.note_closing(error)
            raise

    def note_closing(self, error: websockets.ConnectionClosed) -> None:
        """Record once how the server ended the connection."""
        if self.closing is None:
            self.closing = closing(error, time.monotonic())
            self._test.transcript.add(
                Direction.RECEIVED, What.CONNECTION, f"closed by the server: {self.closing}"
            )

    async def handle(self, raw: str | bytes) -> Frame:
        """Process a message: match it, and send what its expectation triggers."""
        frame, met = self._matching.receive(raw, time.monotonic())
        if met is not None:
            await pass_barriers(self._test, met.barriers)
            await self._trigger(met.triggers, frame)
        return frame

    async def _trigger(self, triggers: Sequence[WSMessage | RestRequest], frame: Frame) -> None:
        for item in triggers:
            await self._send(item, frame)

    async def _consume(self, items: list[WSMessage] | list[RestRequest]) -> None:
        while items:
            await self._send(items[0])
            del items[0]

    async def _send(self, item: WSMessage | RestRequest, trigger: Frame | None = None) -> None:
        test = self._test
        if isinstance(item, WSMessage):
            await pass_barriers(test, item.barriers)
        if item.delay > 0:
            await asyncio.sleep(item.delay)
        if trigger is not None or test.variables:
            document = None if trigger is None else trigger.referable
            item = item.resolve(document, variables=test.variables)
        if isinstance(item, WSMessage):
            await self._send_message(item)
        else:
            await self._send_request(item)

    async def _send_message(self, message: WSMessage) -> None:
        test = self._test
        note = f"message {len(test.sent_messages) + 1}"
        test.transcript.add(Direction.SENT, What.MESSAGE, message.wire, note)
        async with bounded(test.message_timeout, f"Timed out trying to send message:\n{message}"):
            await self._socket.send(message.wire)
        test.sent_messages.append(message)

    async def _send_request(self, request: RestRequest) -> None:
        test = self._test
        test.transcript.add(Direction.SENT, What.REQUEST, str(request))
        try:
            answer = await request.send_async(test.request_timeout, tls=test.tls)
        except TimeoutError:
            raise WSTimeoutError(f"Timed out trying to send request:\n{request}") from None
        now = time.monotonic()
        line = f"status {answer.status_code}, {shown(answer.text)}"
        test.transcript.add(Direction.RECEIVED, What.REQUEST, line, f"answer to {request}", at=now)
        test.received_request_responses.append(answer)
        test.sent_requests.append(request)
        test.variables.update(request.judge(answer, at=now))
        await self._trigger(request.triggers, Frame(0, now, answer.content, parse(answer.content)))

    async def _epilogue(self) -> None:
        test = self._test
        began = time.monotonic()
        until = began + max(test.listening, test.silence)
        while self.closing is None and (left := until - time.monotonic()) > 0:
            try:
                frame = await self.handle(await self._next(left))
            except (TimeoutError, websockets.ConnectionClosed):
                break
            if frame.at <= began + test.silence:
                raise WSExpectationError(
                    "expect_silence",
                    expected=f"no message for {test.silence:g} s",
                    actual=shown(frame.raw),
                    where=self._matching.place(frame),
                )
        if test.expected_close is not None:
            await self._await_close(*test.expected_close)
        test.epilogue_done = True

    async def _await_close(self, code: int | Matcher | None, reason: str | Matcher | None) -> None:
        test = self._test
        wanted = shown(code) if reason is None else f"{shown(code)} {shown(reason)}"
        async with bounded(test.response_timeout, f"Timed out waiting for close:\n{wanted}"):
            while self.closing is None:
                try:
                    await self.handle(await self._next(None))
                except websockets.ConnectionClosed:
                    break
        assert self.closing is not None
        fits = code is None or agrees(code, self.closing.code)
        if not fits or not (reason is None or agrees(reason, self.closing.reason)):
            raise WSExpectationError(
                "expect_close",
                expected=wanted,
                actual=str(self.closing),
                where=f"the close at {test.transcript.since(self.closing.at)}",
            )


async def pass_barriers(test: Declaration, barriers: Sequence[WSBarrier]) -> None:
    """Wait at each barrier, and record when the client arrives there and when it continues."""
    for barrier in barriers:
        test.transcript.add(Direction.LOCAL, What.BARRIER, f"waits at {barrier.name!r}")
        await barrier.wait(test.name)
        test.transcript.add(Direction.LOCAL, What.BARRIER, f"passes {barrier.name!r}")
