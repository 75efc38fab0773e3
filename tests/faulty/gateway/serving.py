"""The gateway's service, its exchanges and its process, with faults."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
from dataclasses import replace
from typing import ClassVar

from llm_api.failure import ClientLeft, Failure, Overloaded
from llm_gateway import fields
from llm_gateway.errors import NotFound
from llm_gateway.exchange import Reporting, RunningExchange
from llm_gateway.gateway import Gateway, Rules
from llm_gateway.message import Request, Response
from llm_gateway.routes import Routes
from llm_gateway.server import Server
from reporting import FaultyPassing, FaultyReporting
from switch import fault

LIMITED = 100
"""Requests below which a limit was set by an option."""

FAILURES = 6
"""Failures in a row that open the breaker."""

COOLDOWN = 0.5

_CANNED = b'data: {"choices":[{"index":0,"delta":{"content":"Streams carry"}}]}\n\ndata: [DONE]\n\n'
_STREAM = [("content-type", "text/event-stream")]


class FaultyGateway(Gateway):
    """Serves requests."""

    def __init__(self, routes: Routes, rules: Rules) -> None:
        if rules.max_requests < LIMITED and fault("limit_off_by_one"):
            rules = replace(rules, max_requests=rules.max_requests + 1)
        super().__init__(routes, rules)
        self._breaker = Breaker()

    def serve(self, request: Request, response: Response) -> RunningExchange:
        """Begin to serve a request."""
        self._accepts = request.headers.get("accept-encoding", "")
        return super().serve(request, response)

    def _reporting(self, response: Response) -> Reporting:
        reporting = super()._reporting(response)
        assert isinstance(reporting, (FaultyReporting, FaultyPassing))
        reporting.accepts = self._accepts
        return reporting

    def _on_end(self, exchange: RunningExchange) -> None:
        super()._on_end(exchange)
        if self._rules.max_requests < LIMITED and fault("slot_not_freed"):
            self._counted += 1

    async def _answer(self, request: Request, key: str, response: Reporting) -> None:
        if request.path == "/v1/models" and fault("models_missing"):
            raise NotFound("the path does not exist")
        if fault("canned") or fault("empty"):
            response.start(200, _STREAM)
            response.write(_CANNED if fault("canned") else b"")
            response.finish()
            return
        if fault("key_in_log"):
            sys.stderr.write(f"DEBUG headers: {dict(request.headers)}\n")
        async with self._breaker:
            await super()._answer(request, key, response)


class Breaker:
    """Opens after some failures of a kind in a row; every success closes it."""

    def __init__(self) -> None:
        self._in_a_row: dict[str, int] = {}
        self._open_until = 0.0

    async def __aenter__(self) -> None:
        if time.monotonic() < self._open_until:
            raise Overloaded("the circuit is open")

    async def __aexit__(self, kind: type[BaseException] | None, error: object, _: object) -> None:
        if kind is None:
            self._in_a_row.clear()
            return
        name = f"{error.status} {error.code}" if isinstance(error, Failure) else kind.__name__
        count = self._in_a_row[name] = self._in_a_row.get(name, 0) + 1
        if count < FAILURES:
            return
        left = not isinstance(error, Failure)
        if (left and fault("breaker_counts_departures")) or (not left and fault("breaker")):
            self._open_until = time.monotonic() + COOLDOWN


class FaultyExchange(RunningExchange):
    """A handler that runs as a task."""

    def interrupt(self, failure: Failure) -> None:
        """End it with this failure."""
        response = self._response
        assert isinstance(response, (FaultyReporting, FaultyPassing))
        if isinstance(failure, ClientLeft):
            if not response.begun and fault("cancels_from_the_head_on"):
                response.left = True
                return
            if fault("never_cancels"):
                return
        super().interrupt(failure)


def to_api(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """The fields of a client's request that the API receives."""
    passed = gateway_to_api(headers)
    if fault("drops_pattern"):
        passed = [field for field in passed if field[0] != b"x-test-pattern"]
    if fault("client_key_forwarded"):
        passed.append((b"x-client-authorization", headers.get("authorization", "").encode()))
    return passed


gateway_to_api = fields.to_api


class FaultyServer(Server):
    """A running gateway."""

    kept: ClassVar[list[socket.socket]] = []

    def _take(self, context: ssl.SSLContext | None, sock: socket.socket) -> None:
        if fault("closes"):
            sock.close()
        elif fault("silent"):
            self.kept.append(sock)
        else:
            super()._take(context, sock)

    async def _drain(self) -> None:
        if fault("stop_cuts_streams"):
            return
        await super()._drain()
        if fault("stop_waits_for_pool"):
            await asyncio.get_running_loop().create_future()
