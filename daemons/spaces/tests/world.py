"""A website in this process on a real port, with its users and apps."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import socketio  # type: ignore[import-untyped]
import uvicorn
from spaces_website.__main__ import Server
from spaces_website.config import Admin
from spaces_website.site import Site

PATIENCE = 60.0
"""Seconds until a test gives up. Each wait ends at an event, so a passing test is faster."""
ADMIN = Admin("admin", "admin123")
TRUST = ssl.create_default_context()
"""Created once, because that is slow. The tests do not use HTTPS."""
PASSWORD = "testpass123"  # noqa: S105


class ManualClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 8, 12, 0, 0)

    def now(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


class Person(httpx.AsyncClient):
    """A browser user, or a script."""

    async def submit(self, space_id: str, **fields: Any) -> httpx.Response:
        """Submit a request, by default with a prompt and an audio link."""
        fields = fields or {"prompt": "a cat poem", "audio_url": "http://127.0.0.1/a.wav"}
        return await self.post(f"/websockets/submit/{space_id}", data=fields)

    async def asked(self, space_id: str, **fields: Any) -> str:
        """Submit a request that is accepted, and return its id."""
        reply = await self.submit(space_id, **fields)
        assert reply.status_code == 200, reply.text
        assert reply.json()["success"] is True
        return str(reply.json()["request_id"])

    async def status(self, request_id: str) -> dict[str, Any]:
        """The status of a request."""
        reply = await self.get("/websockets/status", params={"request_id": request_id})
        assert reply.status_code == 200, reply.text
        body: dict[str, Any] = reply.json()
        return body


class App:
    """A remote app that a test controls."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        for name in ("register_response", "inference_request"):
            self.client.on(name, self._note(name))
        self.client.on("disconnect", self._note("disconnect"))

    def _note(self, name: str) -> Callable[..., Any]:
        async def note(*data: Any) -> None:
            self.events.put_nowait((name, data[0] if data else None))

        return note

    async def next(self, name: str) -> Any:
        """The next event, which must have this name."""
        event, data = await asyncio.wait_for(self.events.get(), PATIENCE)
        assert event == name, (event, data)
        return data

    async def register(self, payload: Any) -> dict[str, Any]:
        """Register and return the answer."""
        await self.client.emit("register", payload)
        answer: dict[str, Any] = await self.next("register_response")
        return answer

    async def report(self, request_id: Any, status: Any, result: Any = None) -> None:
        """Send a result and wait until the website has handled it."""
        body = {"request_id": request_id, "status": status, "result": result}
        await self.client.call("inference_result", body, timeout=PATIENCE)

    async def fence(self) -> None:
        """Check that the test has read every event so far."""
        await self.client.call("inference_result", {}, timeout=PATIENCE)
        assert self.events.empty(), self.events

    async def leave(self) -> None:
        """Disconnect."""
        await self.client.disconnect()


class World:
    """One website with its data folder, its users and its apps."""

    def __init__(self, site: Site, url: str, server: Server, stack: AsyncExitStack) -> None:
        self.site = site
        self.url = url
        self.server = server
        self._stack = stack

    async def visitor(self, **options: Any) -> Person:
        """A visitor without a login."""
        person = Person(
            base_url=self.url, trust_env=False, verify=TRUST, timeout=PATIENCE, **options
        )
        return await self._stack.enter_async_context(person)

    async def log_in(self, name: str, password: str = PASSWORD) -> Person:
        """A user with an account, logged in."""
        person = await self.visitor()
        reply = await person.post("/login", data={"username": name, "password": password})
        assert reply.status_code == 302, reply.text
        return person

    async def user(self, name: str) -> Person:
        """A new user, logged in."""
        fields = {"username": name, "password": PASSWORD}
        reply = await (await self.visitor()).post("/register", data=fields)
        assert (reply.status_code, reply.headers["location"]) == (302, "/login")
        return await self.log_in(name)

    async def admin(self) -> Person:
        """The admin."""
        return await self.log_in(ADMIN.name, ADMIN.password)

    async def space(self, name: str = "Poet", **fields: str) -> str:
        """Create a space and return its id."""
        form = {"name": name, "card_type": "websockets", "ws_enable_prompt": "on", **fields}
        reply = await (await self.admin()).post("/admin/space/add", data=form)
        assert reply.status_code == 302, reply.text
        return str(reply.headers["location"].rsplit("/", 1)[1])

    async def socket(self) -> App:
        """A connected socket that has not registered."""
        app = App()
        await app.client.connect(self.url, transports=["websocket"])
        self._stack.push_async_callback(app.leave)
        return app

    async def app(self, name: str = "Poet") -> App:
        """An app that serves a space."""
        app = await self.socket()
        answer = await app.register({"space_name": name})
        assert answer["success"] is True, answer
        return app

    async def gone(self, space_id: str) -> None:
        """Wait until the website knows that the space's app is gone."""
        person = await self.visitor()
        async with asyncio.timeout(PATIENCE):
            while (await person.get(f"/ai_project/{space_id}/live")).json()["connected"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def open_world(site: Site) -> AsyncIterator[World]:
    """Serve a site on a free port until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    config = uvicorn.Config(site.application, access_log=False, log_level="warning")
    server = Server(config, site)
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield World(site, url, server, stack)
        finally:  # while apps are still connected
            server.should_exit = True
            await running
            listener.close()
