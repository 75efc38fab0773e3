"""The APIs behind the gateway, and the choice of one for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm_api.address import Address, Timeouts
from llm_api.upstream import Upstream

from llm_gateway.errors import NotFound


@dataclass(frozen=True, slots=True)
class Route:
    """The models of one API."""

    api: Address
    models: tuple[str, ...]
    """Names; a star at the end stands for any rest."""

    def serves(self, model: str) -> bool:
        """Whether the API has the model."""
        return any(
            model.startswith(name[:-1]) if name.endswith("*") else model == name
            for name in self.models
        )


class Routes:
    """All routes and their connection pools. Create it inside the event loop."""

    def __init__(self, routes: Sequence[Route], timeouts: Timeouts) -> None:
        self._pools = [
            (route, Upstream(route.api, timeouts, agent="llm-gateway")) for route in routes
        ]

    def of_model(self, model: str | None) -> Upstream:
        """The API that has this model; without a model, the first API.

        Raises NotFound.
        """
        if model is None:
            return self._pools[0][1]
        for route, upstream in self._pools:
            if route.serves(model):
                return upstream
        error = NotFound("the model does not exist", param="model")
        error.code = "model_not_found"
        raise error

    def all(self) -> list[tuple[Route, Upstream]]:
        """Every route with its pool, in the order of the configuration."""
        return list(self._pools)

    def close(self) -> None:
        """Close every connection."""
        for _, upstream in self._pools:
            upstream.close()
