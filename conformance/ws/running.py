"""Running: connect, converse, close, and record the outcome.

The socket is closed exactly once, however the test ends. An error keeps its type and text;
the nearest misses and the transcript are added to it as a note.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import websockets

from conformance.ws.connection import Socket, address, explained, header_keyword, is_secure
from conformance.ws.conversation import Conversation, pass_barriers
from conformance.ws.declaration import Declaration
from conformance.ws.latency import measure
from conformance.ws.matching import Matching
from conformance.ws.outcome import Outcome, Verdict
from conformance.ws.tls import client_context
from conformance.ws.transcript import Direction, Transcript, What
from conformance.ws.ws_expectation_error import WSExpectationError
from conformance.ws.ws_timeout_error import WSTimeoutError


async def run(test: Declaration, matching: Matching) -> None:
    """Run a test on its own connection. Raises the error that fails it."""
    test.transcript = Transcript()
    test.outcome = None
    started = datetime.now(UTC).isoformat()
    url = address(test.uri, test.parameters, encoded=test.percent_encoding)
    error: BaseException | None = None
    try:
        await _run(test, matching, url)
    except BaseException as raised:
        error = raised
        raise
    finally:
        test.outcome = _outcome(test, matching, url, started, error)
        if isinstance(error, Exception):
            _report(error, test.outcome.text(), in_text=test.report_on_error)


async def _run(test: Declaration, matching: Matching, url: str) -> None:
    await pass_barriers(test, test.barriers)
    socket = await _connect(test, url)
    conversation = Conversation(test, matching, socket)
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


async def _connect(test: Declaration, url: str) -> Socket:
    transcript = test.transcript
    options: dict[str, Any] = dict(test.options)
    if is_secure(url):
        options["ssl"] = test.tls or client_context()
    if test.headers:
        options[header_keyword()] = test.headers
    if test.subprotocols:
        options["subprotocols"] = test.subprotocols
    transcript.began = time.monotonic()
    try:
        socket: Socket = await websockets.connect(url, **options)
    except Exception as error:
        line = f"cannot connect to {url}: {_first_line(error)}"
        transcript.add(Direction.LOCAL, What.FAILURE, line)
        error.add_note(explained(error, url))
        raise
    opened = transcript.opened = time.monotonic()
    chosen = getattr(socket, "subprotocol", None)
    note = f"subprotocol {chosen}" if isinstance(chosen, str) else ""
    transcript.add(Direction.LOCAL, What.CONNECTION, f"connected to {url}", note, at=opened)
    return socket


def _outcome(
    test: Declaration, matching: Matching, url: str, started: str, error: BaseException | None
) -> Outcome:
    transcript = test.transcript
    return Outcome(
        name=test.name,
        url=url,
        verdict=_verdict(error),
        reason="" if error is None else f"{type(error).__name__}: {error}",
        started=started,
        duration=time.monotonic() - transcript.created,
        met=tuple(map(str, test.received_responses)),
        misses=matching.misses() if error is not None and transcript.opened is not None else (),
        latency=measure(transcript, matching.matches),
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


def _report(error: Exception, text: str, *, in_text: bool) -> None:
    error.add_note(text)
    if in_text and error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]}\n{text}", *error.args[1:])
