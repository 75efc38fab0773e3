"""Running: connect, converse, close; and what is told about it.

The socket is closed exactly once, however the test ends. What goes wrong is
raised as it is, with the nearest misses and the transcript as a note.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import websockets

from conformance.core.result import Verdict
from conformance.ws.connection import Socket, address, header_keyword, is_secure
from conformance.ws.conversation import Conversation, pass_barrier
from conformance.ws.errors import WSExpectationError, WSTimeoutError
from conformance.ws.latency import measure
from conformance.ws.matching import Matching
from conformance.ws.outcome import Outcome
from conformance.ws.tls import ADVICE, client_context
from conformance.ws.transcript import Direction, Transcript, What

if TYPE_CHECKING:
    from conformance.ws.declaration import WSTest


async def run(test: WSTest) -> None:
    """Run a test on a connection of its own. Raises what makes it fail."""
    test.transcript = Transcript()
    test.matching = Matching(test)
    test.outcome = None
    started = datetime.now(UTC).isoformat()
    url = address(test.uri, test.parameters, encoded=test.percent_encoding)
    error: BaseException | None = None
    try:
        await _run(test, url)
    except BaseException as raised:
        error = raised
        raise
    finally:
        test.outcome = _outcome(test, url, started, error)
        if isinstance(error, Exception):
            _explain(test, error)


async def _run(test: WSTest, url: str) -> None:
    for each in test.barriers:
        await pass_barrier(test, each)
    socket = await _connect(test, url)
    conversation = Conversation(test, socket)
    try:
        await conversation.run()
    except BaseException as error:
        if isinstance(error, websockets.ConnectionClosed):
            conversation.note_closing(error)
        test.transcript.add(Direction.LOCAL, What.FAILURE, _first_line(error))
        raise
    finally:
        if conversation.closing is None:
            test.transcript.add(Direction.SENT, What.CONNECTION, "closes")
        await socket.close()


async def _connect(test: WSTest, url: str) -> Socket:
    options: dict[str, Any] = dict(test.options)
    if is_secure(url):
        options["ssl"] = test.tls or client_context()
    if test.headers:
        options[header_keyword()] = test.headers
    if test.subprotocols:
        options["subprotocols"] = test.subprotocols
    test.transcript.began = time.monotonic()
    try:
        socket: Socket = await websockets.connect(url, **options)
    except Exception as error:
        told = f"cannot connect to {url}: {_first_line(error)}"
        test.transcript.add(Direction.LOCAL, What.FAILURE, told)
        if isinstance(error, ssl.SSLCertVerificationError):
            error.add_note(ADVICE)
        raise
    test.transcript.opened = time.monotonic()
    chosen = getattr(socket, "subprotocol", None)
    note = f"subprotocol {chosen}" if isinstance(chosen, str) else ""
    test.transcript.add(
        Direction.LOCAL, What.CONNECTION, f"connected to {url}", note, at=test.transcript.opened
    )
    return socket


def _outcome(test: WSTest, url: str, started: str, error: BaseException | None) -> Outcome:
    transcript = test.transcript
    return Outcome(
        name=test.name,
        url=url,
        verdict=_verdict(error),
        reason="" if error is None else f"{type(error).__name__}: {error}",
        started=started,
        duration=time.monotonic() - transcript.created,
        met=tuple(map(str, test.received_responses)),
        misses=() if error is None else test.matching.misses(),
        latency=measure(transcript, test.matching.matches),
        transcript=tuple(transcript.entries),
        page=str(transcript),
        zero=transcript.zero,
        stopped=isinstance(error, asyncio.CancelledError),
    )


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _verdict(error: BaseException | None) -> Verdict:
    match error:
        case None:
            return Verdict.PASS
        case WSTimeoutError() | WSExpectationError() | websockets.ConnectionClosed():
            return Verdict.FAIL
        case _:
            return Verdict.ERROR


def _explain(test: WSTest, error: Exception) -> None:
    assert test.outcome is not None
    told = test.outcome.text()
    error.add_note(told)
    if test.report_on_error and error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]}\n{told}", *error.args[1:])
