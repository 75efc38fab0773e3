"""The client of a mock API's control interface. Each event loop has its own.

The server does the waiting: a wait is one request, which it answers when the awaited
event has happened.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import quote, urlencode

from conformance.core.evidence import End, JournalEntry, SentEvent
from conformance.core.script import Script, to_json
from conformance.mock.addresses import Addresses, MockApiError
from conformance.mock.control_client import Control, ControlError
from conformance.mock.process import MockServer

ANSWER = 10.0
"""Seconds that the control interface may take to answer, in addition to a wait."""


class MockClient:
    """A client of a running mock API, for one event loop.

    Every method raises MockApiError where the mock API does not answer, or refuses. The
    message is the mock API's own.
    """

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._control = Control(addresses.control)

    @classmethod
    @asynccontextmanager
    async def attach(cls, addresses: Addresses) -> AsyncIterator[MockClient]:
        """A client of a mock API that runs already."""
        upstream = cls(addresses)
        try:
            yield upstream
        finally:
            await upstream._control.close()

    @classmethod
    @asynccontextmanager
    async def start(
        cls, *, port: int | None = None, args: Sequence[str] = ()
    ) -> AsyncIterator[MockClient]:
        """Start a mock API, and connect a client to it."""
        server = MockServer(port=port, args=args)
        try:
            async with cls.attach(await asyncio.to_thread(lambda: server.addresses)) as upstream:
                yield upstream
        finally:
            await asyncio.to_thread(server.stop)

    async def register_key(self, name: str, key: str) -> None:
        """Attribute requests that carry this API key to this name."""
        await self._ask("PUT", f"/keys/{quote(name, safe='')}", {"key": key})

    async def register_next_key(self, name: str) -> None:
        """Attribute the requests with the next unknown API key that arrives to this name."""
        await self._ask("PUT", f"/keys/{quote(name, safe='')}", {"next": True})

    async def forget_key(self, name: str) -> None:
        """Undo register_key."""
        await self._ask("DELETE", f"/keys/{quote(name, safe='')}")

    async def journal(self, token: str, *, most: int | None = None) -> tuple[JournalEntry, ...]:
        """The requests that carried this token, in order of arrival.

        most: the number of each request's first events that are wanted; None for all.
        """
        return await self._entries(token=token, **({} if most is None else {"most": most}))

    async def by_key(self, name: str) -> tuple[JournalEntry, ...]:
        """The requests that carried the API key registered under this name."""
        return await self._entries(key=name)

    async def since(self, entry: int) -> tuple[JournalEntry, ...]:
        """All requests after the one with this id; 0 for all that are kept."""
        return await self._entries(after=entry)

    async def wait(
        self,
        token: str,
        *,
        state: Literal["received", "ended"],
        within: float,
        brief: bool = False,
    ) -> tuple[JournalEntry, ...]:
        """The token's requests, once there is one and (for `ended`) none is running.

        After `within` seconds it returns the requests so far. `brief`: without the request's
        body and the events' data, which can be large.
        """
        return await self._wait(within, {"token": token, "for": state, "brief": int(brief)})

    async def wait_by_key(
        self, name: str, *, state: Literal["received", "ended"], within: float
    ) -> tuple[JournalEntry, ...]:
        """As wait(), for the requests that carried the API key of this name."""
        return await self._wait(within, {"key": name, "for": state})

    async def wait_events(
        self, token: str, count: int, *, within: float
    ) -> tuple[JournalEntry, ...]:
        """As wait(), once the mock API has sent this many events to the token's request."""
        return await self._wait(within, {"token": token, "events": count})

    async def put_script(self, name: str, script: Script | dict[str, Any]) -> None:
        """Register a script, as a value or as JSON, for the pattern `script:NAME`."""
        value = script if isinstance(script, dict) else to_json(script)
        await self._ask("PUT", f"/scripts/{quote(name, safe='')}", value)

    async def drop_script(self, name: str) -> None:
        """Undo put_script."""
        await self._ask("DELETE", f"/scripts/{quote(name, safe='')}")

    async def add_answers(
        self, key: str, answers: Sequence[Mapping[str, Any]], *, first: bool = False
    ) -> None:
        """Add rules for requests with the key of this name, behind the others or before them."""
        path = f"/answers/{quote(key, safe='')}?first={int(first)}"
        await self._ask("POST", path, {"answers": list(answers)})

    async def drop_answers(self, key: str) -> None:
        """Undo add_answers."""
        await self._ask("DELETE", f"/answers/{quote(key, safe='')}")

    async def open_gate(self, token: str, count: int) -> None:
        """Let the first `count` events of the token's gated answer leave."""
        await self._ask("POST", f"/gates/{quote(token, safe='')}", {"open": count})

    async def _entries(self, **query: str | int) -> tuple[JournalEntry, ...]:
        answer = await self._ask("GET", f"/journal?{urlencode(query)}")
        return tuple(entry_from_json(each) for each in answer["entries"])

    async def _wait(self, within: float, query: dict[str, str | int]) -> tuple[JournalEntry, ...]:
        path = f"/journal/wait?{urlencode({**query, 'timeout': f'{within:.3f}'})}"
        answer = await self._ask("GET", path, within=within + ANSWER)
        return tuple(entry_from_json(each) for each in answer["entries"])

    async def _ask(
        self, method: str, path: str, body: Any = None, *, within: float = ANSWER
    ) -> Any:
        try:
            return await self._control.request(method, path, body, within=within)
        except ControlError as error:
            raise MockApiError(str(error)) from None


def entry_from_json(value: Mapping[str, Any]) -> JournalEntry:
    """A journal entry as the control interface sends it; its body is base64."""
    return JournalEntry(
        **{
            **value,
            "headers": tuple((name, each) for name, each in value["headers"]),
            "body": base64.b64decode(value["body"]),
            "events": tuple(
                SentEvent(at=each["at"], data=each["data"], type=each["type"])
                for each in value["events"]
            ),
            "end": End(value["end"]),
        }
    )
