"""An HTTP user: answers, redirects, cookies of its own, and no answer at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
import pytest

from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.profiles.websocket.http_user import HttpUser


def answer(request: httpx.Request) -> httpx.Response:
    """A website of three routes."""
    match request.url.path:
        case "/login":
            headers = {"location": "http://site/home?next=1", "set-cookie": "id=1"}
            return httpx.Response(302, headers=headers)
        case "/home":
            return httpx.Response(200, json={"cookie": request.headers.get("cookie")})
        case "/list":
            return httpx.Response(200, json=[1])
        case _:
            raise httpx.ConnectError("connection refused")


def played(play: Callable[[HttpUser], Awaitable[None]]) -> tuple[list[Finding], list[str]]:
    """The findings and the log of a user."""
    noted: list[Finding] = []
    log: list[str] = []

    def note(finding: Finding) -> Finding:
        noted.append(finding)
        return finding

    async def run() -> None:
        transport = httpx.MockTransport(answer)
        deadline = time.monotonic() + 5
        await play(
            HttpUser("ash", "http://site", transport, deadline=deadline, note=note, log=log.append)
        )

    asyncio.run(run())
    return noted, log


def test_a_redirect_and_its_cookie() -> None:
    async def play(user: HttpUser) -> None:
        assert user.redirected(await user.post("/login", {"name": "ash"}), "/home")
        home = await user.get("/home")
        assert home.json == {"cookie": "id=1"}
        assert not user.redirected(home, "/login", clause="X1")
        assert (await user.get("/list")).json == {}, "a list is not an object"

    (finding,), log = played(play)
    assert (finding.check, finding.clause, finding.where) == ("redirected", "X1", "GET /home")
    assert [line.split()[1:3] for line in log] == [
        ["POST", "/login"],
        ["GET", "/home"],
        ["GET", "/list"],
    ]


@pytest.mark.parametrize("clause", [None, "X2"])
def test_a_missing_answer_ends_the_scenario(clause: str | None) -> None:
    async def play(user: HttpUser) -> None:
        user.unanswered = clause
        with pytest.raises(ScenarioStopped):
            await user.get("/nowhere")

    (finding,), log = played(play)
    assert (finding.kind, finding.clause) == (FindingKind.NOT_SERVED, clause)
    assert finding.actual == "connection refused"
    assert "connection refused" in log[0]
