"""WSScenario: several clients at once, as one test.

    joined = WSBarrier(2)
    scenario = WSScenario("greeting")
    scenario.with_client(first.with_name("first"))
    scenario.with_client(second.with_name("second").with_barrier(joined))
    await scenario.run()

The clients share their variables. The first failure ends all of them, and comes
with the transcript of all of them, merged by time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from conformance.core.result import Verdict
from conformance.ws.bounds import together
from conformance.ws.declaration import WSTest
from conformance.ws.outcome import Outcome
from conformance.ws.transcript import page


class WSScenario:
    """Clients that run at the same time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clients: list[WSTest] = []
        self.variables: dict[str, Any] = {}
        """What `${$name}` stands for, in every client."""

    def with_client(self, test: WSTest) -> Self:
        """Add a client; one without a name of its own is called after its place."""
        if not test.label:
            test.with_name(f"client {len(self.clients) + 1}")
        self.clients.append(test)
        return self

    def with_variable(self, name: str, value: Any) -> Self:
        """Set what `${$name}` stands for, in every client."""
        self.variables[name] = value
        return self

    async def run(self) -> None:
        """Run all clients. Raises the first failure; the other clients are then stopped."""
        if not self.clients:
            raise ValueError(f"{self.name}: expected clients, found none: add some by with_client")
        for each in self.clients:
            self.variables.update(each.variables)
            each.variables = self.variables
        try:
            await together(*(each.run() for each in self.clients))
        except Exception as error:
            error.add_note(f"all clients of {self.name!r}\n{self.page()}")
            raise

    def is_complete(self) -> bool:
        """Whether every client is."""
        return all(each.is_complete() for each in self.clients)

    def page(self) -> str:
        """The transcript of all clients, merged by time."""
        return page([(each.name, each.transcript) for each in self.clients])

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each client, in the order in which they were added."""
        found = [each.outcome for each in self.clients if each.outcome is not None]
        red = [each.name for each in found if each.verdict is not Verdict.PASS and not each.stopped]
        return tuple(
            replace(
                each,
                scenario=self.name,
                reason=f"stopped when {' and '.join(red)} failed" if each.stopped else each.reason,
            )
            for each in found
        )
