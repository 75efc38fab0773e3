"""A RelayBench: everything around one daemon, for scenarios of more than one exchange.

It makes exchanges (each with its own token), sends handoffs that no web
server would send, and has a hold on the daemon's process. Failures of all
its exchanges, and those that a scenario notes itself, are collected in one
list; the evidence shows the exchanges that failed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypedDict, Unpack

from conformance.checks import Checks
from conformance.core.evidence import Observation
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.quoting import excerpt, plural
from conformance.core.scenario import Actor, Scenario
from conformance.core.script import Script
from conformance.profiles.bench import LOOK, Bench
from conformance.profiles.environment import Environment
from conformance.profiles.handoff.opening import ClientKind, HandoffError
from conformance.profiles.handoff.sender import Sender
from conformance.profiles.relay.exchange import Exchange
from conformance.profiles.relay.transcript_text import evidence_text

PROMPT = "Tell me a story in eighteen words."

ORDINARY = ""
"""The pattern of the mock API's ordinary answer, when it is asked for by name."""


ROOM = 1.0
"""Seconds until there must be room for a client where others have left."""

LEAST = 0.5
"""Seconds that an exchange needs at least; it is not begun with less once something failed."""


class ClientOptions(TypedDict, total=False):
    """How an exchange's client is set up; see Exchange."""

    client: ClientKind
    blocking: bool
    receive_buffer: int
    send_buffer: int
    keep_copy: bool
    nodelay: bool
    read_size: int


class RelayBench(Bench):
    """One scenario's hold on a daemon, on the mock API and on its clients."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        self._exchanges: list[Exchange] = []

    # Exchanges

    def exchange(
        self,
        *,
        pattern: str | None = None,
        request: Mapping[str, Any] | None = None,
        payload: bytes | None = None,
        **options: Unpack[ClientOptions],
    ) -> Exchange:
        """An exchange that is yet to be entered (`async with`) and started.

        `request` holds fields of the handoff data; `payload` is sent in their
        place as it stands, and then carries no token.
        Raises ScenarioStopped where something has failed and no time is left: what a daemon
        did not do in no time says nothing about it.
        """
        if self.findings and time.monotonic() > self.deadline - LEAST * self.environment.scale:
            raise ScenarioStopped(self.findings[-1])
        token = secrets.token_hex(8)
        exchange = Exchange(
            path=self.environment.instance.socket,
            socket_type=self.environment.instance.socket_type,
            payload=self._data(pattern, request or {}, token) if payload is None else payload,
            token=token,
            upstream=self.upstream,
            deadline=self.deadline,
            scale=self.environment.scale,
            **options,
        )
        self._exchanges.append(exchange)
        return exchange

    async def respond(
        self,
        *,
        pattern: str | None = None,
        script: Script | None = None,
        request: Mapping[str, Any] | None = None,
        gates: int = 0,
        **options: Unpack[ClientOptions],
    ) -> Checks:
        """A whole exchange, to be checked; the pattern's application has been checked already.

        gates: those of the script that are opened one by one, as Exchange.step_through does.
        """
        if script is not None:
            pattern = await self.script(script)
        async with self.exchange(pattern=pattern, request=request, **options) as exchange:
            await exchange.start()
            await exchange.step_through(gates)
            return (await exchange.response()).applied(pattern)

    async def refuse(self, payload: bytes, **options: Unpack[ClientOptions]) -> Checks:
        """A whole exchange with raw handoff data, which the API must not hear of."""
        async with self.exchange(payload=payload, **options) as exchange:
            await exchange.start()
            return await exchange.response()

    async def healthy(self, *, clause: str = "L4") -> Exchange:
        """Check that the daemon serves a fresh request as if nothing had happened.

        The exchange is over when this returns.
        """
        async with self.exchange(pattern="short") as exchange:
            await exchange.start(clause=clause)
            checks = await exchange.response()
        # In this order, so that a daemon which has died is told by that clause too.
        checks.done_marker(clause=clause).content_as_sent(clause=clause)
        checks.applied("short", clause=clause)
        return exchange

    async def served_again(self, *, clause: str = "L3") -> None:
        """Check that there is room for a client: that none is refused, or lost, for long.

        A daemon may free a slot a moment after it has closed the descriptor, and has to see
        off first whoever waits in its queue.
        """
        end = time.monotonic() + ROOM * self.environment.scale
        while True:
            async with self.exchange(pattern="short") as exchange:
                await exchange.start(clause=clause)
                checks = await exchange.response()
            if checks.response.status == 200 or time.monotonic() > end:
                break
            await asyncio.sleep(LOOK)
        checks.done_marker(clause=clause).content_as_sent(clause=clause)

    async def unasked(self, *exchanges: Exchange, clause: str) -> None:
        """Check that the daemon has asked the API for none of these; a fresh request is the fence.

        They need not have been started: what counts is their token, in the handoff data.
        """
        await self.healthy()
        for each in exchanges:
            entries = await self.upstream.journal(each.token)
            self.expect(
                not entries,
                check="unasked",
                clause=clause,
                expected=f"no request to the API for {excerpt(each.payload)}",
                actual=f"{plural(len(entries), 'request')}",
            )

    # The daemon's side

    @asynccontextmanager
    async def sender(self, *, send_buffer: int | None = None) -> AsyncIterator[Sender]:
        """A connection to the daemon's socket, for what no web server would send.

        Raises ScenarioStopped (H1) when the daemon does not take it, or hangs up.
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
            raise ScenarioStopped(self._note("sender", "H1", expected, str(error))) from None

    async def left(self, sender: Sender, *, clause: str, within: float = 2.0) -> None:
        """Check that the daemon closes its end of a connection to its socket."""
        self.expect(
            await sender.left(within=within * self.environment.scale),
            check="left",
            clause=clause,
            expected=f"the daemon closes the sender's connection within {within:g} s",
            actual="it is still open",
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was noted so far, by the scenario first, then by its exchanges."""
        return (*self._noted, *(each for one in self._exchanges for each in one.failures))

    async def play(self) -> None:
        """Play the scenario; of a single exchange, the pattern must be applied."""
        scenario = self._scenario
        pattern = await self.pattern()
        match scenario.actor:
            case Actor.RESPONSE:
                scenario.function(await self.respond(pattern=pattern, request=scenario.request))
            case Actor.EXCHANGE:
                async with self.exchange(pattern=pattern, request=scenario.request) as exchange:
                    await exchange.start()
                    await scenario.function(exchange)
                    await exchange.applied(pattern)
            case _:
                await scenario.function(self)

    async def evidence(self) -> str:
        """What the failed exchanges saw; of the last exchange, where none of them failed."""
        shown = [each for each in self._exchanges if each.failures] or self._exchanges[-1:]
        return "\n\n".join([evidence_text(await self._seen(each)) for each in shown[:3]])

    async def _seen(self, exchange: Exchange) -> Observation:
        entries = await self.upstream.journal(exchange.token)
        return Observation(response=exchange.seen(), upstream=entries)

    async def aclose(self) -> None:
        """Close every socket that is still open."""
        for exchange in self._exchanges:
            exchange.release()

    def _data(self, pattern: str | None, request: Mapping[str, Any], token: str) -> dict[str, Any]:
        """The handoff data, with the token where this daemon can pass it on.

        A pattern travels in `test_pattern`, unless the daemon's manifest
        declares `pattern = "model"` or `pattern = "prompt"`. Without a
        pattern there is no `test_pattern` at all; the token stands in the prompt.
        """
        manifest, variant = self.environment.manifest, self.environment.variant
        data = {"prompt": PROMPT, **request}
        directive = f"{pattern or ORDINARY};t={token}"
        if pattern is None or manifest.declares("pattern=prompt", variant):
            return {**data, "prompt": f"{data['prompt']} [[test:{directive}]]"}
        if manifest.declares("pattern=model", variant):
            return {**data, "model": f"test:{directive}"}
        return {**data, "test_pattern": directive}
