"""The conversation: what a test does on its open connection.

Receiving, sending and requesting go on at once. Receiving ends with the last
expectation: no message is read that nothing waits for. Then, and when all is
sent, comes the epilogue, if the test asks for one: it listens for a while, keeps
silence, waits for the server to close. `asyncio.sleep` serves the declared delays
and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import websockets

from conformance.ws.barrier import WSBarrier
from conformance.ws.bounds import bounded, together
from conformance.ws.connection import Closing, Socket, closing
from conformance.ws.errors import WSExpectationError, WSTimeoutError
from conformance.ws.frame import Frame, parse, shown
from conformance.ws.matchers import agrees
from conformance.ws.matching import document_of
from conformance.ws.message import WSMessage
from conformance.ws.request import RestRequest
from conformance.ws.transcript import Direction, What

if TYPE_CHECKING:
    from conformance.ws.declaration import WSTest


class Conversation:
    """One test on one open connection."""

    def __init__(self, test: WSTest, socket: Socket) -> None:
        self._test = test
        self._socket = socket
        self.closing: Closing | None = None
        """How the server ended the connection, once it has."""

    async def run(self) -> None:
        """All of it. Raises what makes the test fail."""
        async with bounded(self._test.test_timeout, "Timed out waiting for test to finish"):
            await together(self._receive(), self._send(), self._request())
            await self._epilogue()
            for each in self._test.end_barriers:
                await pass_barrier(self._test, each)

    async def _receive(self) -> None:
        while self._test.expected_responses:
            try:
                raw = await self._next(self._patience())
            except TimeoutError:
                raise WSTimeoutError(self._unmet()) from None
            await self.handle(raw)

    def _patience(self) -> float | None:
        """How long to wait for the next message."""
        timeout, deadline = self._test.response_timeout, self._test.matching.next_deadline()
        if deadline is None:
            return timeout
        left = max(deadline - time.monotonic(), 0.0)
        return left if timeout is None else min(timeout, left)

    def _unmet(self) -> str:
        test = self._test
        lines = ["Timed out waiting for responses:", *map(str, test.expected_responses)]
        if test.log_responses_on_error:
            lines += ["Received responses:", *map(str, test.received_json)]
        return "\n".join(lines)

    async def _next(self, seconds: float | None) -> str | bytes:
        """Read a message. Raises TimeoutError, or ConnectionClosed, whose end it notes."""
        try:
            async with asyncio.timeout(seconds):
                return await self._socket.recv()
        except websockets.ConnectionClosed as error:
            self.note_closing(error)
            raise

    def note_closing(self, error: websockets.ConnectionClosed) -> None:
        """Write down, once, how the server ended the connection."""
        if self.closing is None:
            self.closing = closing(error, time.monotonic())
            self._test.transcript.add(
                Direction.RECEIVED, What.CONNECTION, f"closed by the server: {self.closing}"
            )

    async def handle(self, raw: str | bytes) -> Frame:
        """Take a message in, and do what its expectation triggers."""
        frame, met = self._test.matching.receive(raw, time.monotonic())
        if met is not None:
            for barrier in met.barriers:
                await pass_barrier(self._test, barrier)
            await self._trigger(met.triggers, document_of(frame))
        return frame

    async def _trigger(self, triggers: list[WSMessage | RestRequest], document: Any) -> None:
        for each in triggers:
            if isinstance(each, WSMessage):
                await self._send_one(each, document, triggered=True)
            else:
                await self._request_one(each, document, triggered=True)

    async def _send(self) -> None:
        messages = self._test.messages
        while messages:
            await self._send_one(messages[0], None)
            del messages[0]

    async def _send_one(
        self, message: WSMessage, document: Any, *, triggered: bool = False
    ) -> None:
        test = self._test
        for barrier in message.barriers:
            await pass_barrier(test, barrier)
        if message.delay > 0:
            await asyncio.sleep(message.delay)
        if triggered or test.variables:
            message = message.resolve(document, variables=test.variables)
        number = len(test.sent_messages) + 1
        test.transcript.add(Direction.SENT, What.MESSAGE, message.wire, f"message {number}")
        async with bounded(test.message_timeout, f"Timed out trying to send message:\n{message}"):
            await self._socket.send(message.wire)
        test.sent_messages.append(message)

    async def _request(self) -> None:
        requests = self._test.requests
        while requests:
            await self._request_one(requests[0], None)
            del requests[0]

    async def _request_one(
        self, request: RestRequest, document: Any, *, triggered: bool = False
    ) -> None:
        test = self._test
        if request.delay > 0:
            await asyncio.sleep(request.delay)
        if triggered or test.variables:
            request = request.resolve(document, variables=test.variables)
        test.transcript.add(Direction.SENT, What.REQUEST, str(request))
        try:
            answer = await request.send_async(test.request_timeout, tls=test.tls)
        except TimeoutError:
            raise WSTimeoutError(f"Timed out trying to send request:\n{request}") from None
        told = f"status {answer.status_code}, {shown(answer.text)}"
        test.transcript.add(Direction.RECEIVED, What.REQUEST, told, f"answer to {request}")
        test.received_request_responses.append(answer)
        test.sent_requests.append(request)
        test.variables.update(request.judge(answer, at=time.monotonic()))
        parsed = document_of(Frame(0, time.monotonic(), answer.content, parse(answer.content)))
        await self._trigger(request.triggers, parsed)

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
                    where=test.matching.place(frame),
                )
        if test.expected_close is not None:
            await self._await_close()
        test.epilogue_done = True

    async def _await_close(self) -> None:
        test = self._test
        assert test.expected_close is not None
        code, reason = test.expected_close
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


async def pass_barrier(test: WSTest, barrier: WSBarrier) -> None:
    """Wait at a barrier, and write down for how long."""
    test.transcript.add(Direction.LOCAL, What.BARRIER, f"waits at {barrier.name!r}")
    await barrier.wait(test.name)
    test.transcript.add(Direction.LOCAL, What.BARRIER, f"passes {barrier.name!r}")
