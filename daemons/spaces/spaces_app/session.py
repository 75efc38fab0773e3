"""A session: one connection to the website, from its start to its end.

The session registers for a space. It receives the space's requests and answers them one
at a time, in order. While a model answers, the session reports the text so far as
`processing`. When the connection ends, the session stops the current request and closes
the model's stream. The website sends unfinished requests again after the app returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import aiohttp
import socketio  # type: ignore[import-untyped]

from spaces_app.answer import Answer
from spaces_app.log import Log
from spaces_app.payload import described_files

if TYPE_CHECKING:
    from spaces_app.model import Model

RETRIES = 5
"""Number of attempts to connect again."""

LONGEST_DELAY = 5.0
"""Longest pause between two attempts, in seconds. The first pause is one second."""

REGISTRATION_SECONDS = 30.0
"""Limit for the website's answer to a registration."""

BETWEEN_REPORTS = 0.5
"""Seconds between two reports of the text so far."""

EARLY = ("length", "content_filter")
"""The finish reasons of an answer that the model did not finish by itself."""

OCCUPIED = "already has a connected app"
"""Part of a refusal. After a lost connection, the website may still count this app as connected."""


class End(Enum):
    """How a session ended."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    LOST = "lost"


class Session:
    """One connection to the website."""

    def __init__(
        self, http: aiohttp.ClientSession, space: str, model: asyncio.Future[Model], log: Log
    ) -> None:
        """model: all sessions wait for it before they report that they are ready."""
        self._space = space
        self._model = model
        self._log = log
        self._requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._registered: asyncio.Future[dict[str, Any]] = asyncio.Future()
        self._client = socketio.AsyncClient(
            reconnection=False, http_session=http, handle_sigint=False
        )
        self._client.on("register_response", self._on_answer)
        self._client.on("inference_request", self._on_request)
        self._client.on("disconnect", self._on_disconnect)
        self._gone = asyncio.Event()

    async def serve(self, host: str) -> tuple[End, str]:
        """Connect, register and answer requests until the connection ends."""
        try:
            await self._client.connect(host, transports=["websocket"])
        except socketio.exceptions.ConnectionError as error:
            return End.UNREACHABLE, f"Connection failed: {error}"
        self._log.line("✓", "Socket.IO connection established")
        try:
            await self._client.emit("register", {"space_name": self._space})
            self._log.line("INFO", f"Sent registration for space: {self._space}")
            answer = await asyncio.wait_for(self._registered, REGISTRATION_SECONDS)
            if not answer.get("success"):
                return End.REFUSED, str(answer.get("message"))
            model = await asyncio.shield(self._model)
            self._log.line("✓", "Registration successful!")
            self._log.line("INFO", f"Connection ID: {answer.get('connection_id')}")
            self._log.line("INFO", f"Space ID: {answer.get('space_id')}")
            self._log.line("INFO", str(answer.get("message")))
            await self._work(model)
        except (TimeoutError, socketio.exceptions.SocketIOError) as error:
            return End.LOST, f"Connection lost: {error or 'no answer to the registration'}"
        finally:
            await self._client.disconnect()
        return End.LOST, "Connection lost"

    async def _work(self, model: Model) -> None:
        """Answer requests until the connection ends, then stop the current one."""
        self._log.line("INFO", "Request processor started")
        processor = asyncio.create_task(self._process(model))
        gone = asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait({processor, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (processor, gone):
                task.cancel()
            await asyncio.gather(processor, gone, return_exceptions=True)

    async def _process(self, model: Model) -> None:
        while True:
            request = await self._requests.get()
            self._log.line("INFO", "Processing...")
            result, status = await self._answer(request, model)
            await self._report(request, status, result)
            self._log.line("RESULT", f"Result sent: {status} {request.get('request_id')}")
            self._log.line("INFO", f"  Queue size: {self._requests.qsize()}")

    async def _answer(self, request: dict[str, Any], model: Model) -> tuple[dict[str, Any], str]:
        """Ask the model; return the result and its status."""
        payload = request.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        await self._report(request, "processing", {})
        began = reported = time.monotonic()
        text = ""
        answer = Answer()
        try:
            async with contextlib.aclosing(model.answer(payload, answer)) as pieces:
                async for piece in pieces:
                    text += piece
                    if time.monotonic() - reported >= BETWEEN_REPORTS:
                        reported = time.monotonic()
                        self._log.detail(f"Progress: {len(text)} characters")
                        await self._report(request, "processing", {"text": text})
        except Exception as error:
            reason = model.explain(error)
            self._log.line("ERROR", f"{type(error).__name__}: {reason}")
            return {"error": reason, "text": text}, "failed"
        result: dict[str, Any] = {
            "text": text,
            "model": model.name,
            "processing_time_seconds": round(time.monotonic() - began, 3),
            "timestamp": datetime.now(UTC).isoformat(),
        }
        if answer.finish_reason in EARLY:
            result["finish_reason"] = answer.finish_reason
        for key, name in (("audio", "input_audio"), ("files", "files")):
            if payload.get(key):
                result[name] = payload[key]
        return result, "completed"

    async def _report(self, request: dict[str, Any], status: str, result: dict[str, Any]) -> None:
        report = {"request_id": request.get("request_id"), "status": status, "result": result}
        await self._client.emit("inference_result", report)

    async def _on_answer(self, answer: dict[str, Any]) -> None:
        if not self._registered.done():
            self._registered.set_result(answer)

    async def _on_request(self, request: dict[str, Any]) -> None:
        self._requests.put_nowait(request)
        payload = request.get("payload")
        self._log.line("REQUEST", "New inference request received")
        for file in described_files(payload if isinstance(payload, dict) else {}):
            self._log.line("INFO", f"  File: {file}")
        self._log.line("INFO", f"  Queue size: {self._requests.qsize()}")
        self._log.detail(f"  From {request.get('username')}: {payload}")

    async def _on_disconnect(self, *_reason: object) -> None:
        self._gone.set()
        if not self._registered.done():
            self._registered.set_exception(TimeoutError("disconnected before an answer"))


async def serve(host: str, space: str, model: asyncio.Future[Model], log: Log) -> int:
    """Serve a space. Returns exit status 1 after a refusal or after the last attempt."""
    failures, served = 0, False
    while True:
        log.line("INFO", f"Connecting to {host}...")
        async with aiohttp.ClientSession() as http:
            end, message = await Session(http, space, model, log).serve(host)
        log.line("ERROR", message)
        returning = end is End.REFUSED and served and OCCUPIED in message
        if end is End.REFUSED and not returning:
            return 1
        if end is End.LOST:
            failures, served = 0, True
        failures += 1
        if failures > RETRIES:
            log.line("ERROR", f"Gave up after {RETRIES} attempts")
            return 1
        await asyncio.sleep(min(float(failures), LONGEST_DELAY))
