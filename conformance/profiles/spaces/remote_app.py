"""The remote app of a space, as a scenario plays it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.profiles.spaces.socketio import SocketIo
from conformance.profiles.spaces.user import Space, User
from conformance.profiles.websocket.checking import OWN, Note

RESULT = "inference_result"
NOTHING: dict[str, Any] = {}
"""A report without a request, which changes nothing: a fence."""


@dataclass(frozen=True, slots=True)
class GivenRequest:
    """A request as the website gave it to an app."""

    id: str
    username: str
    payload: dict[str, Any]


class RemoteApp(SocketIo):
    """A remote app, which serves a space once it has registered."""

    def __init__(self, url: str, *, deadline: float, note: Note, session: str = "") -> None:
        """As a SocketIo."""
        super().__init__(url, deadline=deadline, note=note, session=session)
        self._had: set[str] = set()
        """The ids of its requests."""

    async def register(self, *payload: object, clause: str = "SP1") -> dict[str, Any]:
        """Register with this payload; the answer. Raises ScenarioStopped."""
        self.emit("register", *payload)
        data = (await self.event("register_response", clause=clause, other="SP1")).data
        self.require(
            isinstance(data, dict), "register", expected="an object", actual=data, clause=clause
        )
        return dict(data)

    async def serve(self, space: Space, *, clause: str = "SP1") -> str:
        """Register for a space, which must succeed; the connection's id. Raises ScenarioStopped."""
        answer = await self.register({"space_name": space.name}, clause=clause)
        succeeds = answer.get("success") is True
        expected = "success: true"
        self.require(succeeds, "serve", expected=expected, actual=answer, clause=clause)
        return str(answer.get("connection_id"))

    def fails(self, answer: dict[str, Any], expected: str = "success: false") -> bool:
        """Check that a registration failed; return whether it did."""
        return self.check(
            answer.get("success") is False, "rejected", expected=expected, actual=answer
        )

    async def rejected(
        self, name: object, words: str, *, clause: str = OWN, dismissed: bool = True
    ) -> None:
        """Check that a registration fails, in these words (SP36).

        dismissed: whether the website must then disconnect the socket.
        """
        payload = {} if name is None else {"space_name": name}
        answer = await self.register(payload, clause=clause)
        if not self.fails(answer):
            return
        message = answer.get("message")
        self.check(message == words, "words", expected=words, actual=message, clause="SP36")
        if dismissed:
            await self.let_go(clause=clause, other="SP13")

    async def next_request(self, *among: str, clause: str = "SP13") -> GivenRequest:
        """The next event, which must be a new request (SP13). Raises ScenarioStopped.

        among: the ids that it may have, if they are known. clause: broken if no request arrives.
        """
        data = (await self.event("inference_request", clause=clause)).data
        match data:
            case {
                "request_id": str(request),
                "username": str(username),
                "payload": {"prompt": str(), "timestamp": str(), "audio": str()} as payload,
            }:
                pass
            case _:
                expected = "request_id, username and payload (prompt, timestamp, audio)"
                raise self.failed("given", expected=expected, actual=data, clause="SP13")
        self.require(
            request not in self._had and (not among or request in among),
            "its_own",
            expected=f"one of these, for the first time: {', '.join(among) or 'its own'}",
            actual=request,
            clause="SP13",
        )
        self._had.add(request)
        return GivenRequest(request, username, payload)

    async def receives(self, *requests: str, clause: str = OWN) -> None:
        """Check that the next requests are these, in this order. Raises ScenarioStopped.

        clause: broken if none arrives. Another order breaks SP14, another request SP13.
        """
        ids = [(await self.next_request(clause=clause)).id for _ in requests]
        self.require(
            ids == list(requests),
            "takes",
            expected=f"the requests {', '.join(requests)}",
            actual=", ".join(ids),
            clause="SP14" if sorted(ids) == sorted(requests) else "SP13",
        )

    async def report(
        self, request: object, status: object, result: object = None, *, clause: str = "SP17"
    ) -> None:
        """Send a result, and wait until the website has handled it. Raises ScenarioStopped."""
        report = {"request_id": request, "status": status, "result": result}
        await self.call(RESULT, report, clause=clause)

    async def silent(self, *, clause: str = OWN) -> None:
        """Check that no event has arrived that the scenario did not take."""
        await self.fence(RESULT, NOTHING, clause=clause, other={"inference_request": "SP13"})

    async def works(self, user: User, space: Space, *, clause: str = OWN) -> None:
        """Check that this app is given a new request next, and the website shows its result."""
        request = await user.request(space, clause=clause)
        await self.receives(request, clause=clause)
        await self.report(request, "completed", {"text": request}, clause=clause)
        await user.sees(request, "completed", {"text": request})
