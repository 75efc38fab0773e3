"""A small HTTP client for the mock API's control interface: h11 over asyncio's streams.

It exists for one measured reason: hundreds of scenarios wait for the journal at the same
time. With a pool of 300 connections, httpx spent 13 ms of processor time on a request,
time that the daemons need. This client takes 0.2 ms.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import h11

_READ = 1 << 16


class ControlError(Exception):
    """The mock API did not answer, or refused."""


class Control:
    """Requests to one server, each on its own kept-alive connection, for one event loop."""

    def __init__(self, base: str) -> None:
        """base: `http://127.0.0.1:PORT/_control`, without a slash at its end."""
        parts = urlsplit(base)
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self._path = parts.path
        self._idle: list[_Connection] = []

    async def request(self, method: str, path: str, body: Any = None, *, within: float) -> Any:
        """Send one request and decode the JSON it answers with (None for an empty answer).

        Raises ControlError where no answer arrives within that many seconds, or where its
        status is not 2xx; the message is then the server's.
        """
        data = b"" if body is None else json.dumps(body).encode()
        target = self._path + path
        try:
            async with asyncio.timeout(within):
                status, answer = await self._exchange(method, target, data)
        except TimeoutError:
            raise ControlError(
                f"the mock API gave no answer to {method} {target} within {within:g} s"
            ) from None
        except (OSError, h11.RemoteProtocolError) as error:
            raise ControlError(
                f"the mock API at {self._host}:{self._port} cannot be asked: {error}"
            ) from None
        if not 200 <= status < 300:
            raise ControlError(f"{method} {target}: {status}: {_message(answer)}")
        return json.loads(answer) if answer else None

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def _exchange(self, method: str, target: str, data: bytes) -> tuple[int, bytes]:
        while self._idle:
            connection = self._idle.pop()
            if not connection.stale:
                break
            connection.close()
        else:
            reader, writer = await asyncio.open_connection(self._host, self._port)
            connection = _Connection(reader, writer)
        try:
            answer = await connection.exchange(method, target, data, self._host)
        except BaseException:
            connection.close()  # The rest of an answer would be taken for the next one.
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @property
    def stale(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    @property
    def reusable(self) -> bool:
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    async def exchange(self, method: str, target: str, data: bytes, host: str) -> tuple[int, bytes]:
        headers = [("host", host), ("content-length", str(len(data)))]
        if data:
            headers.append(("content-type", "application/json"))
        request = h11.Request(method=method, target=target, headers=headers)
        parts = [self._http.send(request)]
        if data:
            parts.append(self._http.send(h11.Data(data=data)))
        parts.append(self._http.send(h11.EndOfMessage()))
        self._writer.write(b"".join(part for part in parts if part))
        await self._writer.drain()
        status = 0
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_READ))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, bytes(body)
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("the connection was closed before an answer")

    def close(self) -> None:
        self._writer.close()


def _message(answer: bytes) -> str:
    """The sentence in an error's body (`{"error":{"message":…}}`), or the body itself."""
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip() or "no body"
