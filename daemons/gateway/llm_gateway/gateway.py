"""The gateway: paths, keys, and the number of requests that it serves at a time."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from llm_api.failure import Failure, Overloaded
from llm_api.redaction import redactor

from llm_gateway import chat, chat_request, fields, models, passing
from llm_gateway.errors import BadKey, MethodNotAllowed, NotFound, Unsupported
from llm_gateway.exchange import Handler, Passing, Reporting, RunningExchange
from llm_gateway.message import Request, Response
from llm_gateway.routes import Routes

_PATHS = {"/v1/chat/completions": "POST", "/v1/models": "GET", "/health": "GET"}
_HEALTHY = b'{"status":"ok"}\n'


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a gateway."""

    passes_bytes: bool
    """Class `bytes`: pass requests and responses on as they are."""
    own_key: bool
    """Call the API with the gateway's own key, instead of the client's."""
    client_keys: frozenset[str]
    """Keys that clients may use; without any, the gateway does not look at keys."""
    usage: bool
    """Ask the API for the usage of every stream, and log it."""
    max_requests: int
    idle: float
    """Seconds that the API may be silent."""
    secrets: tuple[str, ...]
    """Keys and addresses that errors must not contain."""


class Gateway:
    """Serves requests; implements `message.Service`."""

    def __init__(self, routes: Routes, rules: Rules) -> None:
        self._routes = routes
        self._rules = rules
        self._running: set[RunningExchange] = set()
        self._counted = 0
        self.changed = asyncio.Event()
        """Set whenever an exchange has ended."""

    @property
    def running(self) -> Iterable[RunningExchange]:
        """The exchanges that have not ended."""
        return tuple(self._running)

    def serve(self, request: Request, response: Response) -> RunningExchange:
        """Begin to serve a request."""
        exchange = RunningExchange(self._handler(request), self._reporting(response), self._on_end)
        self._running.add(exchange)
        return exchange

    def refuse(self, failure: Failure, response: Response) -> None:
        """Answer a request that could not be read."""
        Reporting(response).fail(failure)

    def _reporting(self, response: Response) -> Reporting:
        return Passing(response) if self._rules.passes_bytes else Reporting(response)

    def _on_end(self, exchange: RunningExchange) -> None:
        self._running.discard(exchange)
        self.changed.set()

    def _handler(self, request: Request) -> Handler:
        async def handle(response: Reporting) -> None:
            self._check_path(request)
            if request.path == "/health":
                response.whole(200, [("content-type", "application/json")], _HEALTHY)
                return
            key = self._key(request)
            if self._counted >= self._rules.max_requests:
                raise Overloaded(
                    "the gateway serves as many requests as it admits", retry_after="1"
                )
            self._counted += 1
            try:
                await self._answer(request, key, response)
            finally:
                self._counted -= 1

        return handle

    def _check_path(self, request: Request) -> None:
        if self._rules.passes_bytes and request.path.startswith("/v1/"):
            return
        method = _PATHS.get(request.path)
        if method is None:
            raise NotFound("the path does not exist")
        if request.method != method and (request.method, method) != ("HEAD", "GET"):
            raise MethodNotAllowed(method)

    async def _answer(self, request: Request, key: str, response: Reporting) -> None:
        headers = fields.to_api(request.headers)
        if key and not self._rules.own_key:
            headers.append((b"authorization", b"Bearer " + key.encode()))
        redact = redactor(key, *self._rules.secrets)
        idle = self._rules.idle
        if self._rules.passes_bytes:
            upstream = self._routes.of_model(passing.model_of(request.body))
            await passing.pass_on(chat.Call(upstream, headers, redact, idle), request, response)
            return
        if request.path == "/v1/models":
            calls = [
                (route, chat.Call(upstream, headers, redact, idle))
                for route, upstream in self._routes.all()
            ]
            await models.list_models(calls, response)
            return
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Unsupported("expected a body without content coding")
        asked = chat_request.parse(request.body)
        upstream = self._routes.of_model(asked.model)
        call = chat.Call(upstream, headers, redact, idle)
        await chat.complete(call, asked, response, usage=self._rules.usage)

    def _key(self, request: Request) -> str:
        """The client's key, or an empty string. Raises BadKey."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip()
        if scheme and (scheme.lower() != "bearer" or not key.isascii() or not key.isprintable()):
            raise BadKey("expected the field authorization to be a bearer token")
        keys = self._rules.client_keys
        # The comparison takes the same time however many characters are right.
        known = [hmac.compare_digest(key.encode(), known.encode()) for known in keys]
        if keys and not any(known):
            raise BadKey("expected a valid API key")
        return key
