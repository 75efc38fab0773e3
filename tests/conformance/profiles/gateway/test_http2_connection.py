"""The client's HTTP/2 connection: streams of their own, windows, resets, and lost connections."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import h2.errors
import h2.events
import hyperframe.frame
import pytest

from conformance.profiles.gateway.http2_connection import Http2Connection, Http2Stream
from conformance.profiles.gateway.http2_opening import RequestedByHttp2, open_connection
from conformance.profiles.gateway.opening import Target
from conformance.profiles.gateway.request import Request
from conformance.profiles.relay.opening import OpeningError
from tests.conformance.profiles.gateway.miniature_gateway import Http2Server, gateway

WINDOW = 1000
HEAD = b"HTTP/1.1 200 \r\ncontent-type: text/event-stream\r\n\r\n"
REQUEST = Request("/v1/chat/completions", (("accept", "text/event-stream"),), b"{}")

Client = Callable[[Target, Http2Connection], Awaitable[None]]


def play(serve: Callable[[Http2Server], Awaitable[None]], client: Client) -> None:
    """Play a client against a server of one connection; both must end."""

    async def main() -> None:
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def serve_connection(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            try:
                await serve(Http2Server(reader, writer))
                served.set_result(None)
            except Exception as error:
                served.set_exception(error)
            finally:
                writer.close()

        async with gateway(serve_connection) as target, asyncio.timeout(10):
            connection = await open_connection(target, deadline=soon(), window=WINDOW)
            try:
                await client(target, connection)
                await served
            finally:
                connection.close()

    asyncio.run(main())


def soon() -> float:
    return time.monotonic() + 5


async def begun(target: Target, connection: Http2Connection) -> Http2Stream:
    opening = RequestedByHttp2(target, REQUEST, shared=connection)
    stream = await opening.connect(deadline=soon())
    await opening.begin(deadline=soon())
    return stream


async def received(stream: Http2Stream, size: int = 1 << 16) -> bytes:
    """The next bytes of the stream. Raises OSError."""
    ready = asyncio.Event()
    stream.watch(ready.set)
    while True:
        ready.clear()
        try:
            return stream.recv(size)
        except BlockingIOError:
            await ready.wait()


async def whole(stream: Http2Stream) -> bytes:
    pieces = []
    while data := await received(stream):
        pieces.append(data)
    return b"".join(pieces)


def test_each_stream_receives_its_own_answer() -> None:
    async def serve(server: Http2Server) -> None:
        first = (await server.until(h2.events.StreamEnded)).stream_id
        second = (await server.until(h2.events.StreamEnded)).stream_id
        for stream in (second, first):
            server.head(stream)
        for stream in (first, second, first, second):
            server.send(stream, b"%d" % stream)
        for stream in (second, first):
            server.send(stream, b".", end=True)

    async def client(target: Target, connection: Http2Connection) -> None:
        one = await begun(target, connection)
        await asyncio.sleep(0)
        other = await begun(target, connection)
        assert await whole(one) == HEAD + b"11."
        assert await whole(other) == HEAD + b"33."
        assert one.drained
        assert other.drained

    play(serve, client)


def test_a_stream_that_is_not_read_fills_its_own_window_only() -> None:
    async def serve(server: Http2Server) -> None:
        stalled = (await server.until(h2.events.StreamEnded)).stream_id
        server.head(stalled)
        server.send(stalled, b"x" * WINDOW)
        other = (await server.until(h2.events.StreamEnded)).stream_id
        assert server.h2.local_flow_control_window(stalled) == 0
        server.head(other)
        server.send(other, b"y", end=True)
        update = await server.until(h2.events.WindowUpdated)
        while update.stream_id != stalled:
            update = await server.until(h2.events.WindowUpdated)
        server.send(stalled, b"z", end=True)

    async def client(target: Target, connection: Http2Connection) -> None:
        stalled = await begun(target, connection)
        assert await received(stalled) == HEAD
        stalled.unwatch()
        assert await whole(await begun(target, connection)) == HEAD + b"y"
        assert await whole(stalled) == b"x" * WINDOW + b"z"

    play(serve, client)


def test_a_reset_comes_after_the_bytes_before_it() -> None:
    async def serve(server: Http2Server) -> None:
        stream = (await server.until(h2.events.StreamEnded)).stream_id
        server.head(stream)
        server.send(stream, b"part")
        server.h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        server.flush()

    async def client(target: Target, connection: Http2Connection) -> None:
        stream = await begun(target, connection)
        assert await received(stream) == HEAD
        assert await received(stream) == b"part"
        with pytest.raises(ConnectionResetError, match="error code 2"):
            await received(stream)
        assert stream.error_code == h2.errors.ErrorCodes.INTERNAL_ERROR
        assert not stream.drained

    play(serve, client)


def test_leaving_resets_that_stream_alone() -> None:
    async def serve(server: Http2Server) -> None:
        kept = (await server.until(h2.events.StreamEnded)).stream_id
        left = (await server.until(h2.events.StreamEnded)).stream_id
        reset = await server.until(h2.events.StreamReset)
        assert (reset.stream_id, reset.error_code) == (left, h2.errors.ErrorCodes.CANCEL)
        server.head(kept)
        server.send(kept, b"kept", end=True)

    async def client(target: Target, connection: Http2Connection) -> None:
        kept = await begun(target, connection)
        left = await begun(target, connection)
        left.close()
        left.reset()  # a second one has no effect
        assert await whole(kept) == HEAD + b"kept"

    play(serve, client)


@pytest.mark.parametrize("how", ["closed", "broken", "GOAWAY"])
def test_a_stalled_stream_keeps_its_bytes_when_the_connection_is_lost(how: str) -> None:
    async def serve(server: Http2Server) -> None:
        stream = (await server.until(h2.events.StreamEnded)).stream_id
        server.head(stream)
        server.send(stream, b"x" * WINDOW)
        if how == "closed":
            server.writer.write_eof()
            await server.gone()
        elif how == "GOAWAY":
            server.h2.close_connection(h2.errors.ErrorCodes.PROTOCOL_ERROR)
            server.flush()
        else:
            server.writer.write(b"this is not HTTP/2")

    async def client(target: Target, connection: Http2Connection) -> None:
        stalled = await begun(target, connection)
        assert await received(stalled) == HEAD
        stalled.unwatch()
        for _ in range(1000):
            if connection.closed is not None:
                break
            await asyncio.sleep(0.001)
        assert await received(stalled) == b"x" * WINDOW
        if how == "closed":
            assert await received(stalled) == b""
        else:
            with pytest.raises(ConnectionResetError):
                await received(stalled)
        assert not stalled.drained, "the end of the connection is not the end of the message"
        with pytest.raises(OpeningError, match="takes no request"):
            await begun(target, connection)
        connection.close()

    play(serve, client)


def test_a_large_request_follows_as_the_window_opens() -> None:
    size = 200_000

    async def serve(server: Http2Server) -> None:
        arrived = 0
        while arrived < size:
            event = await server.until(h2.events.DataReceived)
            arrived += len(event.data)
            server.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            server.flush()
        server.head(1)
        server.send(1, b"", end=True)

    async def client(target: Target, connection: Http2Connection) -> None:
        large = Request(REQUEST.path, REQUEST.headers, b"y" * size)
        opening = RequestedByHttp2(target, large, shared=connection)
        stream = await opening.connect(deadline=soon())
        await opening.begin(deadline=soon())
        assert await whole(stream) == HEAD

    play(serve, client)


def test_a_stream_ends_whole_after_a_graceful_goaway() -> None:
    async def serve(server: Http2Server) -> None:
        stream = (await server.until(h2.events.StreamEnded)).stream_id
        server.head(stream)
        frame = hyperframe.frame.GoAwayFrame(stream_id=0, last_stream_id=stream)
        server.writer.write(frame.serialize())
        server.send(stream, b"to its end", end=True)

    async def client(target: Target, connection: Http2Connection) -> None:
        stream = await begun(target, connection)
        assert await whole(stream) == HEAD + b"to its end"
        assert stream.drained

    play(serve, client)


def test_an_early_answer_ends_the_request() -> None:
    async def serve(server: Http2Server) -> None:
        stream = (await server.until(h2.events.RequestReceived)).stream_id
        server.head(stream)
        server.send(stream, b"too long", end=True)
        server.h2.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
        server.h2.increment_flow_control_window(1 << 20)  # more room, for a stream that is over
        server.flush()

    async def client(target: Target, connection: Http2Connection) -> None:
        large = Request(REQUEST.path, REQUEST.headers, b"y" * 200_000)
        opening = RequestedByHttp2(target, large, shared=connection)
        stream = await opening.connect(deadline=soon())
        await opening.begin(deadline=soon())
        assert await whole(stream) == HEAD + b"too long"

    play(serve, client)
