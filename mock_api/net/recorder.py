"""The recorder: a proxy towards an API of the user's own, which writes down what passes.

The file is one of answers (language/rules.py): for each request its path and body, and a script
with the response's bytes and times. It has no request headers, so no key; of the response it has
the few headers in KEPT.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import h11
import httpx

from mock_api.language.errors import Fault, openai_error
from mock_api.language.script import Ending, Framing, Headers, Script
from mock_api.language.script_json import to_json
from mock_api.language.steps import Step, Wait, Write

KEPT = re.compile(
    r"content-type|cache-control|retry-after|(x-)?request-id|openai-(version|processing-ms)"
    r"|x-ratelimit-.*|anthropic-ratelimit-.*"
)
"""The response's headers that are recorded and passed on."""

_NOT_SENT_ON = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")
_EVENT = re.compile(rb".*?\n\n|.+\Z", re.DOTALL)
_SILENCE = 600.0
"""Seconds that the API may take between two reads."""


def record(host: str, port: int, upstream: str, path: Path) -> int:
    """Serve until a signal; the exit status."""
    try:
        asyncio.run(_Recorder(upstream, path).serve(host, port))
    except KeyboardInterrupt:
        return 0
    except (OSError, ValueError) as error:
        print(f"mock_api: {error}", file=sys.stderr)
        return 1
    return 0


class _Recorder:
    def __init__(self, upstream: str, path: Path) -> None:
        """Raises ValueError for a URL without a scheme, and OSError for a file of no use."""
        url = httpx.URL(upstream)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"--upstream: expected a URL as http://HOST:PORT, found {upstream!r}")
        self._base = upstream.removesuffix("/").removesuffix("/v1")
        self._path = path
        self._answers: list[dict[str, Any]] = []
        path.touch()
        if content := path.read_text():
            self._answers = json.loads(content)["answers"]

    async def serve(self, host: str, port: int) -> None:
        server = await asyncio.start_server(self._connection, host, port)
        address, number = server.sockets[0].getsockname()[:2]
        print(json.dumps({"ready": True, "http": f"http://{address}:{number}/v1"}), flush=True)
        async with server, httpx.AsyncClient(timeout=_SILENCE) as self._client:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        try:
            while True:
                request, body = await _request(http, reader)
                await self._exchange(http, writer, request, body)
                http.start_next_cycle()
        except (EOFError, ConnectionError, h11.ProtocolError):
            pass  # The client left, or does not speak HTTP.
        finally:
            writer.close()

    async def _exchange(
        self, http: h11.Connection, writer: asyncio.StreamWriter, request: h11.Request, body: bytes
    ) -> None:
        async def send(event: h11.Event) -> None:
            writer.write(http.send(event) or b"")
            await writer.drain()

        fields = [
            (name, value)
            for name, value in request.headers
            if name.decode("latin-1") not in _NOT_SENT_ON
        ]
        url = self._base + request.target.decode("latin-1")
        method = request.method.decode("latin-1")
        steps: list[Step] = []
        status, ending = 0, Ending.CLEAN
        headers: Headers = ()
        asked = [*fields, (b"accept-encoding", b"identity")]
        try:
            async with self._client.stream(method, url, headers=asked, content=body) as response:
                status = response.status_code
                headers = tuple(
                    (name.lower(), value)
                    for name, value in response.headers.multi_items()
                    if KEPT.fullmatch(name.lower())
                )
                await send(h11.Response(status_code=status, headers=_encoded(headers)))
                async for data in _timed(response, steps):
                    await send(h11.Data(data=data))
        except httpx.HTTPError as error:
            if not status:
                fault = Fault(502, f"expected an answer of {url}, found {error!r}", "server_error")
                content = json.dumps(openai_error(fault)).encode()
                kind = _encoded((("content-type", "application/json"),))
                await send(h11.Response(status_code=502, headers=kind))
                await send(h11.Data(data=content))
                await send(h11.EndOfMessage())
                return
            ending = Ending.ABORT
        framing = Framing.CHUNKED if _is_stream(headers) else Framing.LENGTH
        made = Script(status, headers, tuple(steps), framing, ending)
        self._keep(request.target.decode("latin-1").partition("?")[0], body, made)
        if ending is Ending.ABORT:
            raise ConnectionError("the API cut its answer off, so the recorder does, too")
        await send(h11.EndOfMessage())

    def _keep(self, path: str, body: bytes, made: Script) -> None:
        try:
            when = {"path": path, "body": json.loads(body)}
        except ValueError:
            return  # The mock answers only requests whose body is JSON.
        for answer in self._answers:
            if answer["when"] == when:
                answer.setdefault("times", 1)  # The last one of equal requests is repeated.
        self._answers.append({"when": when, "script": to_json(made)})
        text = json.dumps({"answers": self._answers}, ensure_ascii=False, indent=1)
        self._path.write_text(f"{text}\n")


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _is_stream(headers: Headers) -> bool:
    return dict(headers).get("content-type", "").startswith("text/event-stream")


async def _timed(response: httpx.Response, steps: list[Step]) -> AsyncIterator[bytes]:
    """The response's reads; adds to `steps` when each arrived, and its events one by one."""
    before = monotonic()
    async for data in response.aiter_raw():
        now = monotonic()
        steps.append(Wait(round(now - before, 4)))
        before = now
        steps += [Write(event) for event in _EVENT.findall(data)]
        yield data


async def _request(http: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request, bytes]:
    """The next request and its body. Raises EOFError and h11.ProtocolError."""
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            return request, bytes(body)
        else:
            raise EOFError
