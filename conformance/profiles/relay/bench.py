"""A RelayBench: the bench of every relay, independent of the opening.

It makes exchanges, each with a token of its own, and collects what is wrong
with all of them in one list. The evidence shows the exchanges that failed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, Unpack

from conformance.checks import Checks
from conformance.core import record
from conformance.core.evidence import Observation
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.quoting import excerpt, plural
from conformance.core.scenario import Actor, Scenario
from conformance.core.script import Script
from conformance.profiles.bench import LOOK, Bench
from conformance.profiles.environment import Environment
from conformance.profiles.relay.client_side import READ_SIZE
from conformance.profiles.relay.exchange import Exchange
from conformance.profiles.relay.opening import Opening
from conformance.profiles.relay.request import Marked, marked
from conformance.profiles.relay.transcript_text import evidence_text

ROOM = 1.0
"""Seconds until there must be room for a client where others have left."""

LEAST = 0.5
"""Seconds that an exchange needs at least; it is not begun with less once something failed."""


class ClientOptions(TypedDict, total=False):
    """How an exchange's client is set up, for every opening."""

    receive_buffer: int
    """The client's SO_RCVBUF in bytes, set before the connection is made."""
    send_buffer: int
    """SO_SNDBUF of the daemon's end in bytes, where the client's side makes that end."""
    read_size: int
    """Bytes asked for with each read."""


class RelayBench(Bench):
    """One scenario's access to a daemon, to the mock API and to clients."""

    checks: type[Checks] = Checks
    """The vocabulary of assertions on a finished exchange."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        self._exchanges: list[Exchange] = []

    @property
    def hasty(self) -> bool:
        """Whether the daemon was started with time limits of the scenario's own."""
        return any(name.endswith("_timeout") for name in self._scenario.start.options)

    # Exchanges

    def exchange(
        self,
        *,
        pattern: str | None = None,
        request: Mapping[str, Any] | None = None,
        clause: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Exchange:
        """An exchange that is yet to be entered (`async with`) and started.

        `request` holds fields of the request: prompt, system, messages, model,
        max_tokens, temperature, user_id, and body for all others. `clause` is broken
        where the client is not served, unless the scenario's first clause is. Raises
        ScenarioStopped where a check has failed and no time is left: a daemon without
        time cannot answer.
        """
        raise NotImplementedError

    def _marked(self, pattern: str | None, request: Mapping[str, Any] | None, token: str) -> Marked:
        manifest, variant = self.environment.manifest, self.environment.variant
        return marked(
            request or {}, pattern=pattern, token=token, manifest=manifest, variant=variant
        )

    def _token(self) -> str:
        return secrets.token_hex(8)

    def _begun_by(
        self,
        opening: Opening,
        *,
        token: str,
        clause: str | None = None,
        read_size: int = READ_SIZE,
    ) -> Exchange:
        if self.findings and time.monotonic() > self.deadline - LEAST * self.environment.scale:
            raise ScenarioStopped(self.findings[-1])
        exchange = Exchange(
            opening,
            token=token,
            upstream=self.upstream,
            deadline=self.deadline,
            read_size=read_size,
            scale=self.environment.scale,
            checks=self.checks,
            clause=clause,
            declared=self.environment.manifest.values("upstream", self.environment.variant),
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
        clause: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Checks:
        """A whole exchange, to be checked; the pattern's application has been checked already.

        gates: those of the script that are opened one by one, as Exchange.step_through does.
        clause: as for `exchange`.
        """
        if script is not None:
            pattern = await self.script(script)
        exchange = self.exchange(pattern=pattern, request=request, clause=clause, **options)
        return (await self.finished(exchange, gates=gates)).applied(pattern)

    async def finished(self, exchange: Exchange, *, gates: int = 0) -> Checks:
        """Play the exchange to its end, where the client does nothing but read."""
        async with exchange:
            await exchange.start()
            await exchange.step_through(gates)
            return await exchange.response()

    async def respond_to_all(self, scripts: Iterable[Script]) -> list[Checks]:
        """A whole exchange for each script, all at a time."""
        return await asyncio.gather(*(self.respond(script=script) for script in scripts))

    async def healthy(self, *, clause: str = "L4") -> Exchange:
        """Check that the daemon serves a fresh request as if nothing had happened.

        The exchange is over when this returns.
        """
        exchange = self.exchange(pattern="short", clause=clause)
        checks = await self.finished(exchange)
        # In this order: a daemon that has died is then reported by the clause, too.
        checks.done_marker().content_as_sent().applied("short")
        return exchange

    async def served_again(self, *, clause: str = "L3") -> None:
        """Check that there is room for a client: that none is refused, or lost, for long.

        A daemon may free a slot a moment after it has closed the descriptor, and serves
        the clients in its queue first.
        """
        end = time.monotonic() + ROOM * self.environment.scale
        while True:
            checks = await self.finished(self.exchange(pattern="short", clause=clause))
            if checks.response.status == 200 or time.monotonic() > end:
                break
            await asyncio.sleep(LOOK)
        checks.done_marker().content_as_sent()

    async def unasked(self, *exchanges: Exchange, clause: str | None = None) -> None:
        """Check that the API received no request of these exchanges, after a fresh request.

        They need not have been started: their token, in the request, identifies them.
        """
        await self.healthy()
        for exchange in exchanges:
            await self.not_asked(exchange, clause=clause)

    async def not_asked(self, exchange: Exchange, *, clause: str | None = None) -> None:
        """Check that the API has received no request of this exchange so far.

        On an instance of its own, a request without any token counts as one of an exchange whose
        raw data carries none.
        """
        entries = await self.upstream.journal(exchange.token)
        tokenless = exchange.token.encode() not in exchange.opening.request
        if tokenless and self._scenario.alone:
            by_key = await self.upstream.by_key(self.daemon.key_name)
            entries += tuple(entry for entry in by_key if entry.token is None)
        self.check(
            not entries,
            "unasked",
            expected=f"no request to the API for {excerpt(exchange.opening.request)}",
            actual=plural(len(entries), "request"),
            clause=clause,
        )

    async def asked(
        self, exchange: Exchange, *, least: int = 0, most: int = 1, clause: str | None = None
    ) -> None:
        """Check how many requests of this exchange the API has received so far."""
        count = len(await self.upstream.journal(exchange.token))
        numbers = str(least) if least == most else f"{least} to {most}"
        self.check(
            least <= count <= most,
            "upstream_requests",
            expected=f"{numbers} upstream requests for one request of the client",
            actual=f"{count}",
            where="upstream",
            clause=clause,
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

    async def canary(self) -> None:
        """Play a short answer."""
        await self.respond(pattern="short")

    async def evidence(self) -> str:
        """What the failed exchanges saw; of the last exchange, where none of them failed."""
        shown = [each for each in self._exchanges if each.failures] or self._exchanges[-1:]
        return "\n\n".join([evidence_text(await self._seen(each)) for each in shown[:3]])

    async def recorded(self) -> record.Json:
        """Both sides of the exchanges: of those that failed, and then of the first ones."""
        failed = [each for each in self._exchanges if each.failures]
        others = [each for each in self._exchanges if not each.failures]
        shown = [*failed, *others][: record.EXCHANGES]
        for each in self._exchanges:
            self._held.update(each.ran)
        whole = await super().recorded()
        for number, each in enumerate(shown):
            seen = await self._observed(each)
            among = len(shown)
            whole["exchanges"].append(
                record.exchange(seen, start=self.began, among=among, marks=each.marks)
            )
            whole["requests"] += [
                record.request(entry, start=self.began, among=among, of=number)
                for entry in seen.upstream[: record.EXCHANGES]
            ]
        if left_out := len(self._exchanges) - len(shown):
            whole["left_out"]["exchanges"] = left_out
        return whole

    async def _observed(self, exchange: Exchange) -> Observation:
        """The exchange's observation; of a large answer of the API only the first events."""
        if exchange.observation is not None:
            return exchange.observation
        entries = await self.upstream.journal(exchange.token, most=record.PARTS)
        return Observation(response=exchange.seen(), upstream=entries)

    async def _seen(self, exchange: Exchange) -> Observation:
        entries = await self.upstream.journal(exchange.token)
        return Observation(response=exchange.seen(), upstream=entries)

    async def aclose(self) -> None:
        """Close every socket that is still open."""
        for exchange in self._exchanges:
            exchange.release()
