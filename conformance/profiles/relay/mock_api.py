"""The part of the mock API's client that an exchange uses."""

from __future__ import annotations

from typing import Literal, Protocol

from conformance.core.evidence import JournalEntry


class MockApi(Protocol):
    """The journal of a token's requests, and the gates of its answers."""

    async def journal(self, token: str, *, most: int | None = None) -> tuple[JournalEntry, ...]:
        """The requests that carried the token so far, in order of arrival.

        most: the number of each request's first events that are wanted; None for all.
        """
        ...

    async def wait(
        self,
        token: str,
        *,
        state: Literal["received", "ended"],
        within: float,
        brief: bool = False,
    ) -> tuple[JournalEntry, ...]:
        """The token's requests, once one has arrived and, for `ended`, has ended.

        After `within` seconds: those of that moment. `brief`: without the events sent.
        """
        ...

    async def open_gate(self, token: str, count: int) -> None:
        """Let the token's answer pass its gates up to this one."""
        ...
