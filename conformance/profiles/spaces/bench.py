"""One scenario's hold on a `spaces` website: its users, its spaces and their remote apps.

Users speak HTTP with cookies of their own; a space's remote app is a Socket.IO
client. The suite rarely waits by the clock: the website acknowledges an app's
report when it has handled it, so that a status query after it finds the result.
The suite repeats a question only for changes that the website notices by itself:
a lost connection, a time limit.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from conformance.core import record
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.scenario import Scenario
from conformance.daemon.process import DaemonProcess
from conformance.profiles.environment import Environment
from conformance.profiles.spaces.remote_app import RemoteApp
from conformance.profiles.spaces.user import Space, User
from conformance.profiles.websocket.bench import ChatBench
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.model import new_token

if TYPE_CHECKING:
    import httpx

ADMIN = os.environ.get("SPACES_ADMIN", "admin")
ADMIN_PASSWORD = os.environ.get("SPACES_ADMIN_PASSWORD", "admin123")
"""The admin of the guide; for a website at a URL, these variables name another one."""

PASSWORD = "testpass123"  # noqa: S105, the guide's, for users that a scenario makes

INTERVAL = 0.02
"""Seconds between two questions for a change that the website notices by itself."""

LEAST = 0.5
"""Seconds on a calm machine that the answer to such a question may take."""

SHOWN = 24
"""Requests of users that the evidence shows."""

_ADMIN_COOKIES: dict[str, httpx.Cookies] = {}
"""The admin's session on each website: a password check takes as long as a scenario."""


class SpacesBench(ChatBench):
    """Makes users, spaces and apps."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        self.url = environment.instance.url.rstrip("/")
        """The website that users and apps connect to."""
        import httpx  # noqa: PLC0415 - listing scenarios does not need it

        self._transport = httpx.AsyncHTTPTransport(verify=self.url.startswith("https"))
        self._admin: User | None = None
        self._final: tuple[Finding, ...] | None = None
        self._users: list[User] = []
        self._log: list[tuple[float, str]] = []

    @property
    def account(self) -> str:
        """The account that the website follows: `guide`, `code`, or empty if it declares none."""
        declared = [name for name in ("guide", "code") if self.declares(f"account={name}")]
        return declared[0] if declared else ""

    # Users

    def visitor(self, name: str = "visitor") -> User:
        """A user who is not logged in."""
        user = User(
            name,
            self.url,
            self._transport,
            deadline=self.deadline,
            note=self.note,
            log=lambda line: self._log.append((time.monotonic(), line)),
        )
        self._users.append(user)
        return user

    async def canary(self) -> None:
        """Ask for the page of the log-in, as a stranger."""
        await self.visitor().get("/login")

    async def member(self, name: str, password: str = PASSWORD, *, clause: str = "SP28") -> User:
        """A user with an account, logged in. Raises ScenarioStopped."""
        user = self.visitor(name)
        reply = await user.post("/login", {"username": name, "password": password})
        expected = "a redirect to /"
        user.require(reply.location == "/", "login", expected=expected, actual=reply, clause=clause)
        return user

    async def user(self) -> User:
        """A user who has just registered, logged in. Raises ScenarioStopped."""
        name = f"user_{new_token()[:8]}"
        newcomer = self.visitor(name)
        reply = await newcomer.post("/register", {"username": name, "password": PASSWORD})
        newcomer.require(
            reply.location.endswith("/login"),
            "register",
            expected="a redirect to /login",
            actual=reply,
            clause="SP28",
        )
        return await self.member(name)

    async def users(self, count: int) -> list[User]:
        """This many new users."""
        return list(await asyncio.gather(*(self.user() for _ in range(count))))

    async def admin(self) -> User:
        """The admin."""
        if self._admin is None and self.url in _ADMIN_COOKIES:
            self._admin = self.visitor(ADMIN)
            self._admin.cookies.update(_ADMIN_COOKIES[self.url])
        if self._admin is None:
            self._admin = await self.member(ADMIN, ADMIN_PASSWORD)
            _ADMIN_COOKIES[self.url] = self._admin.cookies
        return self._admin

    # Spaces and apps

    async def space(self, name: str = "", **fields: str) -> Space:
        """A new space (the contract lists the form's fields). Raises ScenarioStopped."""
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
        admin.require(
            not before and bool(number),
            "space",
            expected="a redirect to /admin/space/edit/ID",
            actual=reply,
            clause="SP37",
        )
        return Space(number, name)

    async def socket(self, *, session: str = "") -> RemoteApp:
        """A connected socket that has not registered. Raises ScenarioStopped.

        session: the Engine.IO session that it continues.
        """
        app = RemoteApp(self.url, deadline=self.deadline, note=self.note, session=session)
        self._chats.append(app)
        return await app.__aenter__()

    async def app(self, space: Space, *, clause: str = "SP1") -> RemoteApp:
        """An app that serves this space. Raises ScenarioStopped."""
        app = await self.socket()
        await app.serve(space, clause=clause)
        return app

    async def ready(self, **fields: str) -> tuple[Space, RemoteApp, User]:
        """A new space, its app, and a new user."""
        space, user = await asyncio.gather(self.space(**fields), self.user())
        return space, await self.app(space), user

    # The admin's view

    async def connections(self) -> dict[str, Any]:
        """The admin's list of connections (SP25). Raises ScenarioStopped."""
        admin = await self.admin()
        reply = await admin.get("/admin/websockets/status")
        admin.require(
            reply.status == 200 and reply.json.get("success") is True,
            "connections",
            expected="200 with success: true",
            actual=reply,
            clause="SP25",
        )
        return reply.json

    async def row(self, space: Space) -> Mapping[str, Any]:
        """A space's row of the admin's list; empty if there is none."""
        rows = (await self.connections()).get("all_spaces")
        return next((row for row in rows or [] if row.get("space_id") == space.id), {})

    async def lists(self, *, present: str, absent: str, clause: str = OWN) -> None:
        """Check that the admin's list has a space of one name, and none of the other."""
        names = [row.get("space_name") for row in (await self.connections())["all_spaces"]]
        self.check(
            present in names and absent not in names,
            "unchanged",
            expected=f"a space {present!r}, and none {absent!r}",
            actual="another list of spaces",
            clause=clause or None,
        )

    async def queued(self, space: Space, size: int, *, clause: str = "SP21") -> None:
        """Check the size of a space's queue."""
        row = await self.row(space)
        self.check(
            row.get("queue_size") == size,
            "queued",
            expected=f"queue_size {size}",
            actual=str(dict(row)),
            clause=clause,
        )

    async def freed(self, space: Space, *, clause: str = "SP6") -> None:
        """Wait until the website knows that a space's app has left. Raises ScenarioStopped."""

        async def is_free() -> bool:
            return (await self.row(space)).get("is_connected") is False

        if not await self.becomes(is_free):
            expected = "a free space after its app has left"
            finding = Finding("freed", expected, "it is not free", "the website", clause)
            raise ScenarioStopped(self.note(finding))

    async def becomes(self, holds: Callable[[], Awaitable[bool]]) -> bool:
        """Ask until the condition holds, or the scenario's time is over; whether it holds."""
        while not await holds():
            if self.left < LEAST * self.environment.scale:
                return False
            await asyncio.sleep(INTERVAL)
        return True

    async def move(self, daemon: DaemonProcess) -> None:
        """Connect users and apps to another instance from now on, once it serves."""
        await daemon.ready(self.environment.manifest.run.timeout * self.environment.scale)
        self.url = daemon.url.rstrip("/")
        self._admin = None

    # The end

    async def evidence(self) -> str:
        """The users' last requests, and the last sockets."""
        lines = [line for _, line in self._log[-SHOWN:]]
        return "\n\n".join(["\n".join(["users", *lines]), await super().evidence()])

    async def recorded(self) -> record.Json:
        """The users' requests, and then the last sockets."""
        for user in self._users:
            self._held.update(user.held)
        whole = await super().recorded()
        if self._log:
            limit = record.share(len(whole["exchanges"]) + 1, len(self._log))
            parts, left_out = record.kept(
                self._log,
                lambda line: record.part(self.began, line[0], "request", line[1].strip(), limit),
            )
            users = record.conversation(
                "users",
                self._log[0][0],
                parts,
                left_out=left_out,
                ending="",
                ended_at=self._log[-1][0],
                start=self.began,
            )
            whole["exchanges"].insert(0, users)
        return whole

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings before the end; a client that still waits adds none afterwards."""
        return super().findings if self._final is None else self._final

    async def aclose(self) -> None:
        """Close every connection that is still open."""
        self._final = self.findings
        await super().aclose()
        await self._transport.aclose()
