"""The orders of a support chat: scripts of models that act on them, and their REST interface."""

from __future__ import annotations

import asyncio
import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.quoting import plural
from conformance.core.script import (
    Script,
    attempts,
    chunk,
    delta,
    done,
    event,
    finish,
    finished,
    script,
)
from conformance.profiles.bench import Bench
from conformance.profiles.websocket.model import new_token

_NUMBERS = itertools.count()

TIMEOUT = 10.0
"""Seconds on a calm machine that a REST answer may take."""


def new_order() -> str:
    """An order of the reference backend that is under way; no other scenario uses it."""
    return f"{200 + next(_NUMBERS) % 800}5"


def calling(tool: str, order: str, *deltas: str) -> Script:
    """A model that calls a tool on an order, its arguments in three pieces, then says this."""
    arguments = json.dumps({"order_id": order})
    identity = {"id": f"call_{new_token()}", "type": "function"}
    pieces: list[dict[str, Any]] = [
        {**identity, "function": {"name": tool, "arguments": ""}},
        {"function": {"arguments": arguments[:5]}},
        {"function": {"arguments": arguments[5:]}},
    ]
    calls = [event(chunk(tool_calls=[{"index": 0, **piece}])) for piece in pieces]
    return attempts(script(*calls, finish("tool_calls"), done()), finished(*map(delta, deltas)))


class Rest:
    """A client of the backend's REST interface."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        environment = bench.environment
        self._counts = environment.manifest.declares("rest=orders", environment.variant)

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """The status and the JSON of an answer (its text if it is not JSON; 0 for no answer)."""
        environment = self._bench.environment
        parts = urlsplit(environment.instance.url)
        scheme = "https" if parts.scheme == "wss" else "http"
        url = f"{scheme}://{parts.netloc}/api/v1{path}"
        return await asyncio.to_thread(_get, url, headers or {}, TIMEOUT * environment.scale)

    async def executions(self, order: str) -> tuple[Any, Any]:
        """How often the backend executed an action on an order, and the order's status."""
        _, body = await self.get(f"/orders/{order}")
        data = body.get("data") if isinstance(body, dict) else None
        data = data if isinstance(data, dict) else {}
        return data.get("executions"), data.get("status")

    async def executed(self, order: str, times: int, *, clause: str | None = None) -> None:
        """Check how often an action was executed, if the backend declares the count.

        Raises ScenarioStopped.
        """
        if not self._counts:
            return
        count, status = await self.executions(order)
        if count != times:
            expected = f"executed {plural(times, 'time')}"
            actual = f"{count}, its status is {status}"
            where = f"order {order}"
            raise ScenarioStopped(
                self._bench.note(Finding("executed", expected, actual, where, clause))
            )


def _get(url: str, headers: Mapping[str, str], within: float) -> tuple[int, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - http(s) only
        with opener.open(request, timeout=within) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    except OSError as error:
        return 0, str(error)
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode(errors="replace")
