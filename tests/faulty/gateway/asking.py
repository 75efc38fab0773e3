"""The API's connection pool, with faults: time bounds, second tries, redirects."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from llm_api import link
from llm_api.address import Address, Timeouts, address
from llm_api.failure import Failure, Late, Unreachable
from llm_api.link import Link
from llm_api.reply import Reply
from llm_api.request import Request
from llm_api.upstream import Session, Upstream
from switch import fault

TRIES = 2
"""Further tries of a client library."""

WORKERS = 32
"""Requests that wait for the API's head at a time."""

CONNECT, FIRST_BYTE = 10.0, 100.0
"""Seconds below which a time bound was set by an option."""

RETRIED = (429, 500)
REDIRECTS = (301, 302, 303, 307, 308)


class FaultyUpstream(Upstream):
    """One API and the connections to it."""

    def __init__(self, api: Address, timeouts: Timeouts, *, agent: str) -> None:
        if timeouts.first_byte < FIRST_BYTE and fault("no_first_byte_timeout"):
            timeouts = replace(timeouts, first_byte=3600.0)
        if timeouts.connect < CONNECT and fault("no_connect_timeout"):
            timeouts = replace(timeouts, connect=3600.0)
        super().__init__(api, timeouts, agent=agent)
        self._agent = agent
        self._elsewhere: dict[str, Upstream] = {}
        self._waiting = 0
        self._answered_one = asyncio.Event()
        self._opening = asyncio.Lock()

    async def request(self, request: Request) -> Reply:
        """Send a request; return its reply."""
        if request.accept_encoding == b"identity" and fault("coding_asked_and_refused"):
            request = replace(request, accept_encoding=b"gzip")
        self._waiting += 1
        try:
            while self._waiting > WORKERS and fault("waits_in_32_threads"):
                self._waiting -= 1
                self._answered_one.clear()
                await self._answered_one.wait()
                self._waiting += 1
            return await self._tried(request)
        finally:
            self._waiting -= 1
            self._answered_one.set()

    async def _tried(self, request: Request) -> Reply:
        for _ in range(TRIES):
            try:
                reply = await super().request(request)
                status = (await reply.head()).status
            except Failure as failure:
                if isinstance(failure, (Unreachable, Late)) or not fault("retries_like_an_sdk"):
                    raise
                continue
            place = (await reply.head()).get("location")
            if status in REDIRECTS and place and fault("redirect_followed"):
                reply.cancel()
                return await self._followed(request, place)
            if status not in RETRIED or not fault("retries_like_an_sdk"):
                return reply
            reply.cancel()
        return await super().request(request)

    async def _followed(self, request: Request, place: str) -> Reply:
        base = f"{'https' if self._api.tls else 'http'}://{self._api.authority}/"
        url = urlsplit(urljoin(base, place))
        origin = f"{url.scheme}://{url.netloc}"
        if origin not in self._elsewhere:
            other = address(origin, key=self._api.key, insecure=True)
            self._elsewhere[origin] = Upstream(other, self._timeouts, agent=self._agent)
        return await self._elsewhere[origin].request(replace(request, path=url.path))

    async def _open(self) -> Session:
        if self._opening.locked() and fault("connects_one_at_a_time"):
            async with self._opening:
                return await super()._open()
        if self._opening.locked():
            return await super()._open()
        async with self._opening:
            return await super()._open()


async def open_link(api: Address) -> Link:
    """Connect, and finish the TLS handshake."""
    context = api.tls
    if context is not None and not context.verify_mode and fault("insecure_flag_ignored"):
        api = replace(api, tls=_tls(api, verified=True))
    try:
        return await link.open_link(api)
    except Unreachable as failure:
        if failure.code != "upstream_untrusted" or not fault("certificate_unverified"):
            raise
    return await link.open_link(replace(api, tls=_tls(api, verified=False)))


def _tls(api: Address, *, verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = verified
    context.verify_mode = ssl.CERT_REQUIRED if verified else ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"] if api.http2 else ["http/1.1"])
    return context
