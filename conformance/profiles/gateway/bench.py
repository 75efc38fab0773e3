"""A GatewayBench: exchanges that begin with an HTTP request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Unpack
from urllib.parse import urlsplit

from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.core.scenario import Scenario
from conformance.daemon.manifest import fill
from conformance.daemon.places import trusted_ca_file
from conformance.daemon.process import DaemonProcess
from conformance.profiles.environment import Environment
from conformance.profiles.gateway.checks import BytesChecks, EventsChecks
from conformance.profiles.gateway.connection import HttpConnection
from conformance.profiles.gateway.http2_connection import Http2Connection
from conformance.profiles.gateway.http2_opening import RequestedByHttp2, open_connection
from conformance.profiles.gateway.opening import Requested, Target, dial
from conformance.profiles.gateway.request import Request, asked, body_of, encode, with_model
from conformance.profiles.relay.bench import ClientOptions, RelayBench
from conformance.profiles.relay.client_side import READ_SIZE
from conformance.profiles.relay.exchange import Exchange
from conformance.profiles.relay.opening import Opening, OpeningError
from conformance.wire.http1_message import SELF_DELIMITED, HeadRules


class GatewayOptions(ClientOptions, total=False):
    """How an exchange's client is set up, and what it sends."""

    headers: Mapping[str, str]
    """Further fields of the request's head; an empty value takes one away."""
    edit: Callable[[bytes], bytes]
    """Changes the encoded HTTP/1.1 request before it is sent."""
    method: str
    path: str
    http2: bool
    """Whether this client speaks HTTP/2, where the manifest does not decide."""
    shared: Http2Connection
    """The HTTP/2 connection of several exchanges; it stays open after each."""
    reuse: HttpConnection
    """An HTTP/1.1 connection on which another exchange has ended."""
    keep: bool
    """Leave the connection open when the exchange is over."""
    accepts: frozenset[str]
    """Content codings that the client accepts."""


class GatewayBench(RelayBench):
    """One scenario's hold on a gateway."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        manifest, variant = environment.manifest, environment.variant
        self.client = manifest.client_of(variant)
        relay = manifest.values("relay", variant) or ("events",)
        self.checks = BytesChecks if relay[0] == "bytes" else EventsChecks
        url = urlsplit(environment.instance.url)._replace(scheme=self.client.scheme)
        served = manifest.served
        ca_file = trusted_ca_file() if served is None else served.ca_file
        self.target = Target.of(url.geturl(), ca_file)
        speaks = manifest.values("client", variant) or ("h1",)
        self._connections: list[HttpConnection] = []
        self.http2 = speaks[0] == "h2"
        """Whether the shared scenarios' clients speak HTTP/2."""

    def exchange(
        self,
        *,
        pattern: str | None = None,
        request: Mapping[str, Any] | None = None,
        clause: str | None = None,
        **options: Unpack[GatewayOptions],
    ) -> Exchange:
        """An exchange that is yet to be entered (`async with`) and started.

        `request` holds fields of the request. Raises ScenarioStopped as RelayBench does.
        """
        token = self._token()
        sent = self.request(pattern, request, token, options.get("headers", {}))
        if "path" in options or "method" in options:
            path, method = options.get("path", sent.path), options.get("method", sent.method)
            body = b"" if method == "GET" else sent.body
            sent = replace(sent, path=path, method=method, body=body)
        return self._begun_by(
            self._opening(sent, options),
            token=token,
            clause=clause,
            read_size=options.get("read_size", READ_SIZE),
        )

    async def connection(self) -> HttpConnection:
        """A connection for several HTTP/1.1 exchanges. Raises ScenarioStopped."""
        try:
            connection = await dial(self.target, deadline=self.deadline)
        except OpeningError as error:
            raise self._unreached(error) from None
        self._connections.append(connection)
        return connection

    async def http2_connection(self, *, window: int | None = None) -> Http2Connection:
        """A connection for several HTTP/2 exchanges. Raises ScenarioStopped."""
        try:
            connection = await open_connection(self.target, deadline=self.deadline, window=window)
        except OpeningError as error:
            raise self._unreached(error) from None
        self._connections.append(connection.socket)
        return connection

    def _unreached(self, error: OpeningError) -> ScenarioStopped:
        kind = FindingKind.NOT_SERVED
        expected = "the gateway accepts a connection"
        finding = Finding("connection", expected, str(error), "the gateway", kind=kind)
        return ScenarioStopped(self.note(finding))

    async def aclose(self) -> None:
        """Close every connection that is still open."""
        await super().aclose()
        for connection in self._connections:
            connection.finish()

    def _opening(self, request: Request, options: GatewayOptions) -> Opening:
        codings = options.get("accepts", frozenset())
        if options.get("http2", self.http2) and "edit" not in options:
            return RequestedByHttp2(
                self.target,
                request,
                codings=codings,
                window=options.get("receive_buffer"),
                shared=options.get("shared"),
            )
        return Requested(
            self.target,
            request,
            rules=HeadRules(framed=True, codings=codings) if codings else SELF_DELIMITED,
            receive_buffer=options.get("receive_buffer"),
            edit=options.get("edit"),
            reuse=options.get("reuse"),
            keep=options.get("keep", False),
        )

    def request(
        self,
        pattern: str | None,
        fields: Mapping[str, Any] | None,
        token: str,
        headers: Mapping[str, str],
    ) -> Request:
        """The HTTP request that a scenario's fields stand for."""
        marked = self._marked(pattern, with_model(fields or {}, self.client.model), token)
        body = encode(body_of(marked.fields, model=self.client.model))
        kept = {} if marked.header is None else {"X-Test-Pattern": marked.header}
        if marked.fields.get("request_id") is not None:
            kept["X-Request-Id"] = str(marked.fields["request_id"])
        manifest, variant = self.environment.manifest, self.environment.variant
        additions = {*manifest.values("adds", variant), *manifest.values("rewrites", variant)}
        head = {
            "content-type": "application/json",
            "accept": "text/event-stream",
            "authorization": f"Bearer {self.key}",
            **{name.lower(): self._filled(text) for name, text in self.client.headers.items()},
            **{name.lower(): value for name, value in kept.items()},
            **{name.lower(): value for name, value in headers.items()},
        }
        return Request(
            path=self.client.path,
            headers=tuple((name, value) for name, value in head.items() if value),
            body=body,
            asked=asked(body, kept, additions=frozenset(additions)),
        )

    @property
    def key(self) -> str:
        """The key that the clients send."""
        return self._filled(self.client.key)

    @property
    def own_key(self) -> str:
        """The key that the gateway was given for the API."""
        return self._filled("{api_key}")

    def _filled(self, text: str) -> str:
        instance = self.environment.instance
        places = instance.places if isinstance(instance, DaemonProcess) else {}
        served = self.environment.manifest.served
        if served is not None:
            places = {"api_key": served.api_key}
        return fill(text, places)
