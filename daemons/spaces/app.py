#!/usr/bin/env python3
"""The remote inference app: serves a space of the website with an OpenAI-compatible model.

    python app.py --host http://localhost:5001 --spaces MySpace --verbose

It opens no port. It connects to the website, registers for its space, is given
requests, and answers them one at a time, in order. While a model is answering,
its text so far goes out as `processing`. When the connection is lost, what was
begun is abandoned, the model's stream is closed, and the website gives the
unfinished requests out again once the app is back: it tries five times, one to
five seconds apart.

Environment: OPENAI_API_BASE, OPENAI_API_KEY, OPENAI_MODEL.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import aiohttp
import socketio  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionMessageParam

RETRIES = 5
"""Attempts to come back, before giving up."""
LONGEST_DELAY = 5.0
"""Seconds between two attempts; they begin with one."""
PATIENCE = 10.0
"""Seconds for the answer to a registration."""
BETWEEN_PARTS = 0.5
"""Seconds between two reports of the text so far."""
OCCUPIED = "already has a connected app"
"""Of a space: after a lost connection the other app may be this one, not yet given up."""


class End(Enum):
    """How a session with the website ended."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    LOST = "lost"


class BrokenOffError(Exception):
    """The model's stream ended before its answer did."""


@dataclass(frozen=True, slots=True)
class Log:
    """Lines for a person who watches."""

    space: str
    verbose: bool

    def say(self, kind: str, text: str) -> None:
        """One line."""
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        print(f"[{now}] [{kind}] {text}", flush=True)

    def detail(self, text: str) -> None:
        """One line for whoever wants to know more."""
        if self.verbose:
            self.say("INFO", text)


class Model:
    """An OpenAI-compatible API."""

    def __init__(self, *, base: str | None, key: str, name: str) -> None:
        self.name = name
        self._base = base
        self._key = key

    @cached_property
    def _client(self) -> AsyncOpenAI:
        # Takes a second to import: by then the app is connected.
        import openai  # noqa: PLC0415

        # A failed request is reported, not repeated: its user decides. No proxy is asked.
        return openai.AsyncOpenAI(
            base_url=self._base,
            api_key=self._key,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
        )

    async def answer(self, payload: dict[str, Any]) -> AsyncGenerator[str, None]:
        """The answer to a request, in pieces; leaving early closes the stream."""
        stream = await self._client.chat.completions.create(
            model=self.name, messages=messages(payload), stream=True
        )
        finished = False
        async with stream:
            async for chunk in stream:
                for choice in chunk.choices:
                    finished = finished or choice.finish_reason is not None
                    if choice.index == 0 and choice.delta.content:
                        yield choice.delta.content
        if not finished:
            raise BrokenOffError("the model's answer broke off")


class Session:
    """One connection to the website, from its beginning to its end."""

    def __init__(self, http: aiohttp.ClientSession, space: str, model: Model, log: Log) -> None:
        self._space = space
        self._model = model
        self._log = log
        self._requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._registered: asyncio.Future[dict[str, Any]] = asyncio.Future()
        self._client = socketio.AsyncClient(
            reconnection=False, http_session=http, handle_sigint=False
        )
        self._client.on("register_response", self._answered)
        self._client.on("inference_request", self._asked)
        self._client.on("disconnect", self._disconnected)
        self._gone = asyncio.Event()

    async def serve(self, host: str) -> tuple[End, str]:
        """Connect, register, and work until the connection ends."""
        try:
            await self._client.connect(host, transports=["websocket"])
        except socketio.exceptions.ConnectionError as error:
            return End.UNREACHABLE, f"Connection failed: {error}"
        self._log.say("✓", "Socket.IO connection established")
        try:
            await self._client.emit("register", {"space_name": self._space})
            self._log.say("INFO", f"Sent registration for space: {self._space}")
            answer = await asyncio.wait_for(self._registered, PATIENCE)
            if not answer.get("success"):
                return End.REFUSED, str(answer.get("message"))
            self._log.say("✓", "Registration successful!")
            self._log.say("INFO", f"Connection ID: {answer.get('connection_id')}")
            self._log.say("INFO", f"Space ID: {answer.get('space_id')}")
            self._log.say("INFO", str(answer.get("message")))
            await self._work()
        except (TimeoutError, socketio.exceptions.SocketIOError) as error:
            return End.LOST, f"Connection lost: {error or 'no answer to the registration'}"
        finally:
            await self._client.disconnect()
        return End.LOST, "Connection lost"

    async def _work(self) -> None:
        """Process requests until the website is gone; then drop what was begun."""
        self._log.say("INFO", "Request processor started")
        processor = asyncio.create_task(self._process())
        gone = asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait({processor, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (processor, gone):
                task.cancel()
            await asyncio.gather(processor, gone, return_exceptions=True)

    async def _process(self) -> None:
        while True:
            request = await self._requests.get()
            self._log.say("INFO", "Processing...")
            result, status = await self._answer(request)
            await self._report(request, status, result)
            self._log.say("RESULT", f"Result sent: {status} {request.get('request_id')}")
            self._log.say("INFO", f"  Queue size: {self._requests.qsize()}")

    async def _answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """What became of a request, and the status that says so."""
        payload = request.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        await self._report(request, "processing", {})
        begun = told = time.monotonic()
        text = ""
        try:
            async with contextlib.aclosing(self._model.answer(payload)) as pieces:
                async for piece in pieces:
                    text += piece
                    if time.monotonic() - told >= BETWEEN_PARTS:
                        told = time.monotonic()
                        self._log.detail(f"Progress: {len(text)} characters")
                        await self._report(request, "processing", {"text": text})
        except Exception as error:
            self._log.say("ERROR", f"{type(error).__name__}: {error}")
            return {"error": explain(error), "text": text}, "failed"
        result: dict[str, Any] = {
            "text": text,
            "model": self._model.name,
            "processing_time_seconds": round(time.monotonic() - begun, 3),
            "timestamp": datetime.now(UTC).isoformat(),
        }
        for name in ("audio", "files"):
            if payload.get(name):
                result["input_audio" if name == "audio" else name] = payload[name]
        return result, "completed"

    async def _report(self, request: dict[str, Any], status: str, result: dict[str, Any]) -> None:
        report = {"request_id": request.get("request_id"), "status": status, "result": result}
        await self._client.emit("inference_result", report)

    async def _answered(self, answer: dict[str, Any]) -> None:
        if not self._registered.done():
            self._registered.set_result(answer)

    async def _asked(self, request: dict[str, Any]) -> None:
        self._requests.put_nowait(request)
        self._log.say("REQUEST", "New inference request received")
        self._log.say("INFO", f"  Queue size: {self._requests.qsize()}")
        self._log.detail(f"  From {request.get('username')}: {request.get('payload')}")

    async def _disconnected(self, *_reason: object) -> None:
        self._gone.set()
        if not self._registered.done():
            self._registered.set_exception(TimeoutError("disconnected before an answer"))


def messages(payload: dict[str, Any]) -> list[ChatCompletionMessageParam]:
    """A request as a conversation: what was attached, then the user's words as they are."""
    prompt = payload.get("prompt") or ""
    attached = [f"sound: {payload['audio']}"] if payload.get("audio") else []
    files = payload.get("files")
    for file in files if isinstance(files, list) else []:
        attached.append("file: {filename} ({content_type}, {size} bytes)".format(**file))
    conversation: list[ChatCompletionMessageParam] = []
    if attached:
        told = "The user attached:\n" + "\n".join(attached)
        conversation.append({"role": "system", "content": told})
    conversation.append({"role": "user", "content": str(prompt)})
    return conversation


def explain(error: Exception) -> str:
    """What a user may know of a failure; an API's own words may repeat its key."""
    import openai  # noqa: PLC0415

    match error:
        case openai.APIStatusError():
            return f"The model answered with status {error.status_code}"
        case openai.APITimeoutError():
            return "The model did not answer in time"
        case openai.APIConnectionError():
            return "The model cannot be reached"
    return "The model's answer broke off"


async def serve(host: str, space: str, model: Model, log: Log) -> int:
    """Serve a space until there is no way back; the exit status."""
    failures, served = 0, False
    while True:
        log.say("INFO", f"Connecting to {host}...")
        async with aiohttp.ClientSession() as http:
            end, message = await Session(http, space, model, log).serve(host)
        log.say("ERROR", message)
        returning = end is End.REFUSED and served and OCCUPIED in message
        if end is End.REFUSED and not returning:
            return 1
        if end is End.LOST:
            failures, served = 0, True
        failures += 1
        if failures > RETRIES:
            log.say("ERROR", f"Gave up after {RETRIES} attempts")
            return 1
        await asyncio.sleep(min(float(failures), LONGEST_DELAY))


async def run(options: argparse.Namespace) -> int:
    """Serve all spaces at once, each by a connection of its own."""
    model = Model(
        base=os.environ.get("OPENAI_API_BASE"),
        key=os.environ.get("OPENAI_API_KEY", "none"),
        name=options.model,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    apps: asyncio.Future[Any] = asyncio.gather(
        *(
            serve(options.host, space, model, Log(space, options.verbose))
            for space in options.spaces
        )
    )
    stop: asyncio.Future[Any] = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({apps, stop}, return_when=asyncio.FIRST_COMPLETED)
    if apps.done():
        stop.cancel()
        return int(max(apps.result()))
    apps.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await apps
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app as the command line says."""
    parser = argparse.ArgumentParser(description="Serve spaces of the website with a model.")
    parser.add_argument("--host", default="http://localhost:5001", metavar="URL")
    parser.add_argument("--spaces", nargs="+", required=True, metavar="NAME")
    parser.add_argument("--model", default=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    rule = "=" * 70
    print(f"{rule}\n  Remote inference app\n{rule}")
    print(f"  Host: {options.host}\n  Space: {', '.join(options.spaces)}")
    print(f"  Verbose: {options.verbose}\n{rule}\n", flush=True)
    return asyncio.run(run(options))


if __name__ == "__main__":
    sys.exit(main())
