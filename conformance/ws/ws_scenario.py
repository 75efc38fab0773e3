"""WSScenario: several clients that run at the same time as one test.

    joined = WSBarrier(2)
    scenario = WSScenario("greeting")
    scenario.with_client(first.with_name("first"))
    scenario.with_client(second.with_name("second").with_barrier(joined))
    await scenario.run()

The clients share their variables. The first failure stops all clients, and shows their
transcripts as one, in order of time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from conformance.ws.bounds import together
from conformance.ws.checked import checked
from conformance.ws.outcome import Outcome, Verdict
from conformance.ws.transcript import page
from conformance.ws.ws_test import WSTest


class WSScenario:
    """Clients that run at the same time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clients: list[WSTest] = []
        self.variables: dict[str, Any] = {}
        """The variables that `${$name}` reads in every client."""

    def with_client(self, test: WSTest) -> Self:
        """Add a client; a client without a name gets its number as its name."""
        self.clients.append(checked("with_client", test, WSTest))
        if not test.label:
            test.with_name(f"client {len(self.clients)}")
        return self

    def with_variable(self, name: str, value: Any) -> Self:
        """Set the variable that `${$name}` reads in every client."""
        self.variables[name] = value
        return self

    async def run(self) -> None:
        """Run all clients. Raises the first failure, after stopping the other clients."""
        if not self.clients:
            raise ValueError(f"expected clients, found none ({self.name}); add with_client")
        for client in self.clients:
            self.variables.update(client.variables)
            client.variables = self.variables
        try:
            await together(*(client.run() for client in self.clients))
        except Exception as error:
            error.add_note(f"all clients of {self.name!r}\n{self.page()}")
            raise

    def is_complete(self) -> bool:
        """Return whether every client is complete."""
        return all(client.is_complete() for client in self.clients)

    def page(self) -> str:
        """Return the transcript of all clients, in order of time."""
        return page([(client.name, client.transcript) for client in self.clients])

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcome of each client that has run, in the order of `with_client`."""
        outcomes = [client.outcome for client in self.clients if client.outcome is not None]
        failed = [
            outcome.name
            for outcome in outcomes
            if outcome.verdict is not Verdict.PASS and not outcome.stopped
        ]
        stopped = f"stopped when {' and '.join(failed)} failed"
        return tuple(
            replace(each, scenario=self.name, reason=stopped if each.stopped else each.reason)
            for each in outcomes
        )
