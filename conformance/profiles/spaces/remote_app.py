"""The remote app of a space, which does what the scenario says.

A report is acknowledged when the website has dealt with it, so that a status
query after it needs no patience.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.profiles.spaces.socketio import SocketIo
from conformance.profiles.spaces.user import Space, User
from conformance.profiles.websocket.chat import Note

RESULT = "inference_result"
NOTHING: dict[str, Any] = {}
"""A report of no request, which changes nothing: a fence."""


@dataclass(frozen=True, slots=True)
class Given:
    """A request as an app was given it."""

    id: str
    username: str
    payload: dict[str, Any]


class RemoteApp(SocketIo):
    """A remote app, which serves a space once it has registered."""

    def __init__(self, url: str, *, deadline: float, note: Note, session: str = "") -> None:
        """As a SocketIo."""
        super().__init__(url, deadline=deadline, note=note, session=session)
        self._had: set[str] = set()
        """The requests that it was given."""

    async def register(self, *payload: object, clause: str = "SP1") -> dict[str, Any]:
        """Register with this payload; the answer. Raises ScenarioStopped."""
        self.emit("register", *payload)
        data = (await self.event("register_response", clause=clause, other="SP1")).data
        if not isinstance(data, dict):
            raise self.failed("register", clause=clause, expected="an object", actual=repr(data))
        return data

    async def serve(self, space: Space, *, clause: str = "SP1") -> str:
        """Register for a space, which must succeed; the connection's id. Raises ScenarioStopped."""
        answer = await self.register({"space_name": space.name}, clause=clause)
        if answer.get("success") is not True:
            raise self.failed("serve", clause=clause, expected="success: true", actual=repr(answer))
        return str(answer.get("connection_id"))

    async def rejected(
        self, name: object, words: str, *, clause: str, dismissed: bool = True
    ) -> None:
        """Check that a registration fails, in these words (SP36), with a disconnect or without."""
        payload = {} if name is None else {"space_name": name}
        answer = await self.register(payload, clause=clause)
        if not self.expect(
            answer.get("success") is False,
            check="rejected",
            clause=clause,
            expected="success: false",
            actual=answer,
        ):
            return
        said = str(answer.get("message"))
        self.expect(
            said == words, check="words", clause="SP36", expected=repr(words), actual=repr(said)
        )
        if dismissed:
            await self.let_go(clause=clause, other="SP13")

    async def given(self, *among: str, clause: str = "SP13") -> Given:
        """The next event, which must be a request that is new to it. Raises ScenarioStopped.

        among: the requests of which it must be one, if that is known; any other is SP13's.
        """
        match (await self.event("inference_request", clause=clause)).data:
            case {
                "request_id": str(request),
                "username": str(username),
                "payload": {"prompt": str(), "timestamp": str(), "audio": str()} as payload,
            }:
                if request in self._had or (among and request not in among):
                    expected = f"one of these, for the first time: {', '.join(among) or 'its own'}"
                    raise self.failed("its_own", clause="SP13", expected=expected, actual=request)
                self._had.add(request)
                return Given(request, username, payload)
            case other:
                expected = "request_id, username and payload (prompt, timestamp, audio)"
                raise self.failed("given", clause="SP13", expected=expected, actual=repr(other))

    async def takes(self, *requests: str, clause: str) -> None:
        """Check that the next requests are these, in this order. Raises ScenarioStopped.

        clause: what is violated where none comes; another order is SP14's, another one SP13's.
        """
        found = [(await self.given(clause=clause)).id for _ in requests]
        if found != list(requests):
            raise self.failed(
                "takes",
                clause="SP14" if sorted(found) == sorted(requests) else "SP13",
                expected=f"the requests {', '.join(requests)}",
                actual=", ".join(found),
            )

    async def report(
        self, request: object, status: object, result: object = None, *, clause: str = "SP17"
    ) -> None:
        """Send a result, and wait until the website has dealt with it. Raises ScenarioStopped."""
        report = {"request_id": request, "status": status, "result": result}
        await self.call(RESULT, report, clause=clause)

    async def silent(self, *, clause: str) -> None:
        """Check that nothing has come which the scenario did not take."""
        await self.fence(RESULT, NOTHING, clause=clause, other={"inference_request": "SP13"})

    async def works(self, user: User, space: Space, *, clause: str) -> None:
        """Check that a new request is given to this app, next, and its result is shown."""
        request = await user.asked(space, clause=clause)
        await self.takes(request, clause=clause)
        await self.report(request, "completed", {"text": request}, clause=clause)
        await user.sees(request, "completed", {"text": request})
