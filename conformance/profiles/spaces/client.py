"""The people and the app of a `spaces` website, as a scenario plays them.

Users come over HTTP with cookies of their own; the remote app of a space is a
Socket.IO client that does what the scenario says. Nothing is waited for by the
clock: an app's report is acknowledged when the website has dealt with it, so
that a status query after it needs no patience. What the website learns by
itself (a lost connection, a time limit) is asked for until it is so.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.scenario import Scenario
from conformance.daemon.process import DaemonProcess
from conformance.profiles.environment import Environment
from conformance.profiles.spaces.remote_app import RemoteApp
from conformance.profiles.spaces.user import Space, User
from conformance.profiles.websocket.chat import ChatBench, new_token

if TYPE_CHECKING:
    import httpx

ADMIN = os.environ.get("SPACES_ADMIN", "admin")
ADMIN_PASSWORD = os.environ.get("SPACES_ADMIN_PASSWORD", "admin123")
"""The admin of the guide. Where a website at a URL is judged, these variables say who it is."""

PASSWORD = "testpass123"  # noqa: S105, the guide's, of users that are made here

ASK = 0.02
"""Seconds between two questions for what the website learns by itself."""

LEAST = 0.5
"""Seconds on a calm machine that an answer to such a question is given at least."""

_SHOWN = 24

_ADMINS: dict[str, httpx.Cookies] = {}
"""The admin's session on each website: to check a password takes as long as a scenario."""


class SpacesBench(ChatBench):
    """One scenario's hold on a website."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        self.url = environment.instance.url.rstrip("/")
        """Of the website that people and apps come to."""
        import httpx  # noqa: PLC0415 - whoever lists scenarios need not load it

        self._transport = httpx.AsyncHTTPTransport(verify=self.url.startswith("https"))
        self._admin: User | None = None
        self._final: tuple[Finding, ...] | None = None
        self._log: list[str] = []

    def declares(self, need: str) -> bool:
        """Whether the manifest declares this capability."""
        return self.environment.manifest.declares(need, self.environment.variant)

    @property
    def account(self) -> str:
        """Whose account the website follows: `guide`, `code`, or empty where nobody says."""
        told = [each for each in ("guide", "code") if self.declares(f"account={each}")]
        return told[0] if told else ""

    @property
    def left(self) -> float:
        """Seconds until the scenario's time is up."""
        return max(0.0, self.deadline - time.monotonic())

    # People

    def visitor(self, name: str = "visitor") -> User:
        """Somebody who is not logged in."""
        person = User(name, self.url, self._transport, deadline=self.deadline, note=self.note)
        person.log = self._log.append
        return person

    async def member(self, name: str, password: str = PASSWORD, *, clause: str = "SP28") -> User:
        """Somebody who has an account, logged in. Raises ScenarioStopped."""
        user = self.visitor(name)
        reply = await user.post("/login", {"username": name, "password": password})
        if reply.location != "/":
            raise user.refuted(reply, check="login", clause=clause, expected="a redirect to /")
        return user

    async def user(self) -> User:
        """Somebody who has just registered, logged in. Raises ScenarioStopped."""
        name = f"user_{new_token()[:8]}"
        newcomer = self.visitor(name)
        reply = await newcomer.post("/register", {"username": name, "password": PASSWORD})
        if not reply.location.endswith("/login"):
            expected = "a redirect to /login"
            raise newcomer.refuted(reply, check="register", clause="SP28", expected=expected)
        return await self.member(name)

    async def users(self, count: int) -> list[User]:
        """That many users."""
        return list(await asyncio.gather(*(self.user() for _ in range(count))))

    async def admin(self) -> User:
        """The admin."""
        if self._admin is None and self.url in _ADMINS:
            self._admin = self.visitor(ADMIN)
            self._admin.cookies.update(_ADMINS[self.url])
        if self._admin is None:
            self._admin = await self.member(ADMIN, ADMIN_PASSWORD)
            _ADMINS[self.url] = self._admin.cookies
        return self._admin

    # Spaces and apps

    async def space(self, name: str = "", **fields: str) -> Space:
        """A space that the admin makes (see the docs for the form). Raises ScenarioStopped."""
        name = name or f"Space {new_token()[:8]}"
        form = {
            "name": name,
            "description": "made for a test",
            "card_type": "websockets",
            "cover": "default.png",
            "ws_enable_prompt": "on",
            **fields,
        }
        admin = await self.admin()
        reply = await admin.post("/admin/space/add", form)
        before, _, number = reply.location.partition("/admin/space/edit/")
        if before or not number:
            expected = "a redirect to /admin/space/edit/ID"
            raise admin.refuted(reply, check="space", clause="SP37", expected=expected)
        return Space(number, name)

    async def socket(self, *, session: str = "") -> RemoteApp:
        """A connected socket that has not registered, or a session's. Raises ScenarioStopped."""
        app = RemoteApp(self.url, deadline=self.deadline, note=self.note, session=session)
        self._chats.append(app)
        return await app.__aenter__()

    async def app(self, space: Space, *, clause: str = "SP1") -> RemoteApp:
        """An app that serves this space. Raises ScenarioStopped."""
        app = await self.socket()
        await app.serve(space, clause=clause)
        return app

    async def ready(self, **fields: str) -> tuple[Space, RemoteApp, User]:
        """A space, its app, and a user."""
        space, user = await asyncio.gather(self.space(**fields), self.user())
        return space, await self.app(space), user

    async def connections(self) -> dict[str, Any]:
        """What the admin sees of connections. Raises ScenarioStopped."""
        admin = await self.admin()
        reply = await admin.get("/admin/websockets/status")
        if reply.status != 200 or reply.json.get("success") is not True:
            expected = "200 with success: true"
            raise admin.refuted(reply, check="connections", clause="SP25", expected=expected)
        return reply.json

    async def row(self, space: Space) -> Mapping[str, Any]:
        """This space's row of what the admin sees; an empty one if there is none."""
        rows = (await self.connections()).get("all_spaces")
        mine = [each for each in rows or [] if each.get("space_id") == space.id]
        return mine[0] if mine else {}

    async def queued(self, space: Space, size: int, *, clause: str = "SP21") -> None:
        """Check the size of a space's queue."""
        row = await self.row(space)
        self.expect(
            row.get("queue_size") == size,
            check="queued",
            clause=clause,
            expected=f"queue_size {size}",
            actual=str(dict(row)),
        )

    async def freed(self, space: Space, *, clause: str = "SP6") -> None:
        """Wait until the website knows that a space's app is gone. Raises ScenarioStopped."""

        async def free() -> bool:
            return (await self.row(space)).get("is_connected") is False

        if not await self.comes_true(free):
            await self._give_up(clause, "the space is free, its app being gone", "it is not")

    async def comes_true(self, holds: Callable[[], Awaitable[bool]]) -> bool:
        """Ask for something until it is so, or the scenario's time is up."""
        while not await holds():
            if time.monotonic() + LEAST * self.environment.scale > self.deadline:
                return False
            await asyncio.sleep(ASK)
        return True

    async def moved(self, daemon: DaemonProcess) -> None:
        """People and apps come to another instance from now on, once it serves."""
        await daemon.ready(self.environment.manifest.run.timeout * self.environment.scale)
        self.url = daemon.url.rstrip("/")
        self._admin = None

    async def _give_up(self, clause: str, expected: str, actual: str) -> None:
        finding = Finding("freed", expected, actual, "the website", clause)
        raise ScenarioStopped(self.note(finding))

    # The end

    async def evidence(self) -> str:
        """What people asked last, and what the last sockets were."""
        lines = self._log[-_SHOWN:]
        return "\n\n".join(["\n".join(["people", *lines]), await super().evidence()])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noted before the end; what a client that still waits notes then is left out."""
        return super().findings if self._final is None else self._final

    async def aclose(self) -> None:
        """Close every connection that is still open."""
        self._final = self.findings
        self.release()
        await self._transport.aclose()
