"""A HandoffBench: exchanges that begin with a handoff, and handoffs that break the rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Unpack, cast

from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.profiles.handoff.client_pair import ClientKind
from conformance.profiles.handoff.opening import Delivery, HandedOff, PairOptions
from conformance.profiles.handoff.payload import encode
from conformance.profiles.handoff.sender import HandoffError, Sender
from conformance.profiles.relay.bench import ClientOptions, RelayBench
from conformance.profiles.relay.client_side import READ_SIZE
from conformance.profiles.relay.exchange import Exchange


class HandoffOptions(ClientOptions, total=False):
    """How an exchange's client is set up, and how its socket is handed over."""

    client: ClientKind
    blocking: bool
    """The mode of the descriptor that the daemon receives."""
    nodelay: bool
    """False: with Nagle's algorithm, and a client that delays its acknowledgements."""
    delivery: Delivery


class HandoffBench(RelayBench):
    """One scenario's access to a daemon that takes handoffs."""

    def exchange(
        self,
        *,
        pattern: str | None = None,
        request: Mapping[str, Any] | None = None,
        payload: bytes | None = None,
        edit: Callable[[bytes], bytes] | None = None,
        clause: str | None = None,
        **options: Unpack[HandoffOptions],
    ) -> Exchange:
        """An exchange that is yet to be entered (`async with`) and started.

        `request` holds fields of the handoff data. `payload` is sent in their place as
        it is, and then carries no token. `edit` changes the encoded data before it is
        sent. `clause`, and what is raised, are as for a RelayBench.
        """
        token = self._token()
        if payload is None:
            payload = self._encoded(pattern, request, token)
        return self._begun_by(
            HandedOff(
                self.environment.instance.socket,
                socket_type=self.environment.instance.socket_type,
                payload=edit(payload) if edit else payload,
                pair_options=_pair_options(options),
                delivery=options.get("delivery"),
            ),
            token=token,
            clause=clause,
            read_size=options.get("read_size", READ_SIZE),
        )

    def _encoded(self, pattern: str | None, request: Mapping[str, Any] | None, token: str) -> bytes:
        marked = self._marked(pattern, request, token)
        test_pattern = {} if marked.header is None else {"test_pattern": marked.header}
        return encode({**marked.fields, **test_pattern})

    @asynccontextmanager
    async def sender(self, *, send_buffer: int | None = None) -> AsyncIterator[Sender]:
        """A connection to the daemon's socket, for messages that no web server sends.

        Raises ScenarioStopped where the daemon does not accept it, or closes it early.
        """
        try:
            async with Sender(
                self.environment.instance.socket,
                socket_type=self.environment.instance.socket_type,
                deadline=self.deadline,
                send_buffer=send_buffer,
            ) as sender:
                yield sender
        except HandoffError as error:
            expected = "the daemon takes what is sent to its socket"
            kind = FindingKind.NOT_SERVED
            finding = Finding("sender", expected, str(error), "the daemon", kind=kind)
            raise ScenarioStopped(self.note(finding)) from None

    async def left(self, sender: Sender, *, within: float = 2.0, clause: str | None = None) -> None:
        """Check that the daemon closes its end of a connection to its socket."""
        self.check(
            await sender.left(within=within * self.environment.scale),
            "left",
            expected=f"the daemon closes the sender's connection within {self.stretched(within)}",
            actual="it is still open",
            clause=clause,
        )


def _pair_options(options: HandoffOptions) -> PairOptions:
    names = PairOptions.__optional_keys__
    return cast(PairOptions, {name: value for name, value in options.items() if name in names})
