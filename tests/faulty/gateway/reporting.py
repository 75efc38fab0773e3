"""The response as the client's side of an exchange, with faults."""

from __future__ import annotations

import asyncio
import json
import os
import zlib

from llm_api.failure import ClientLeft, Failure, Overloaded
from llm_api.writing import DONE, error_event
from llm_gateway.errors import BadRequest, NotFound, error_body, error_fields
from llm_gateway.exchange import Passing, Reporting
from llm_gateway.message import Fields
from switch import fault

BUFFER = 16 * 1024
TICK = 1.0


class FaultyReporting(Reporting):
    """A response that becomes an error."""

    accepts = ""
    """The client's Accept-Encoding."""
    streaming = False
    done_unwanted = False
    pause_limit: float | None = None
    left = False
    """The client left before the head."""

    _done_sent = False
    _packer: zlib._Compress | None = None
    _flush_at: asyncio.TimerHandle | None = None
    _ticking = b""

    @property
    def begun(self) -> bool:
        """Whether the head was sent."""
        return self._started

    @property
    def congested(self) -> bool:
        """Whether the API has to wait."""
        return super().congested and not (fault("unbounded_queue") or fault("pause_drops"))

    def start(self, status: int, fields: Fields, *, length: int | None = None) -> None:
        """Send the head."""
        if self._started:
            return
        if self.left:
            raise ClientLeft("the client left before the head")
        if self.accepts and self._codes():
            self._packer = zlib.compressobj(wbits=31)
            if not fault("coding_header_lost"):
                fields = [*fields, ("content-encoding", "gzip")]
            length = None
        super().start(status, fields, length=length)

    def _codes(self) -> bool:
        if "gzip" in self.accepts:
            return fault("coding_held_back") or fault("coding_header_lost")
        return "identity" in self.accepts and fault("coding_whatever_is_accepted")

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        if data == DONE:
            if self.done_unwanted or (self._done_sent and fault("reads_on_after_done")):
                return
            self._done_sent = True
        self._done_sent = self._done_sent or data.endswith(DONE)
        if super().congested and fault("pause_drops"):
            return
        if self._packer is not None:
            data = self._packer.compress(data)
            if not fault("coding_held_back"):
                data += self._packer.flush(zlib.Z_SYNC_FLUSH)
        if self.streaming and fault("flushed_by_a_timer"):
            self._ticking += data
            if self._flush_at is None:
                self._flush_at = asyncio.get_running_loop().call_later(TICK, self._tick)
            return
        super().write(data)

    def _tick(self) -> None:
        self._flush_at = None
        data, self._ticking = self._ticking, b""
        super().write(data)

    async def drain(self) -> None:
        """Wait until everything has been sent."""
        async with asyncio.timeout(self.pause_limit):
            await super().drain()

    def finish(self) -> None:
        """The body is complete."""
        self._tick()
        if self._packer is not None:
            super().write(self._packer.flush())
        super().finish()

    def fail(self, failure: Failure) -> None:
        """Report a failure."""
        if fault("key_in_error"):
            failure.message += f" (key {os.environ['OPENAI_API_KEY']})"
        self._tick()
        if self._started:
            self._fail_in_stream(failure)
        else:
            self._fail_by_status(failure)

    def _fail_in_stream(self, failure: Failure) -> None:
        if _by_hand(failure):
            self._response.write(b"data: " + _handmade(failure) + b"\n\n")
            self._response.break_off()
        elif fault("error_then_done"):
            self._response.write(error_event(failure) + DONE)
            self._response.break_off()
        elif fault("error_leaves_open"):
            self._response.write(error_event(failure))
        else:
            super().fail(failure)

    def _fail_by_status(self, failure: Failure) -> None:
        fields, body = error_fields(failure), error_body(failure)
        if isinstance(failure, NotFound) and failure.param is None and fault("unknown_path_closes"):
            self._response.cut()
            return
        if failure.retry_after is not None and fault("retry_after_lost"):
            fields = [field for field in fields if field[0] != "retry-after"]
        if _by_hand(failure):
            body = _handmade(failure)
        if isinstance(failure, BadRequest) and fault("refusal_is_text"):
            body = failure.message.encode()
        if fault("error_as_detail"):
            body = json.dumps({"detail": failure.message}).encode()
        status = failure.status
        if not isinstance(failure, (BadRequest, Overloaded)):
            if fault("errors_are_200"):
                status = 200
            if fault("errors_are_500"):
                status = 500
        self.whole(status, fields, body)


def _by_hand(failure: Failure) -> bool:
    text = f"{failure.message}{failure.type}{failure.code}"
    return ("\n" in text or "\r" in text) and fault("error_written_by_hand")


def _handmade(failure: Failure) -> bytes:
    """An error's JSON, put together without escapes."""
    return f'{{"error":{{"message":"{failure.message}","type":"{failure.type}"}}}}'.encode()


class FaultyPassing(Passing):
    """A response of another server."""

    left = False
    accepts = ""
    _buffered = b""

    @property
    def begun(self) -> bool:
        """Whether the head was sent."""
        return self._started

    @property
    def congested(self) -> bool:
        """Whether the API has to wait."""
        return super().congested and not fault("passed_without_bound")

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        self._buffered += data
        if len(self._buffered) < BUFFER and fault("proxy_buffers"):
            return
        data, self._buffered = self._buffered, b""
        super().write(data)

    def finish(self) -> None:
        """The body is complete."""
        super().write(self._buffered)
        super().finish()

    def fail(self, failure: Failure) -> None:
        """Report a failure."""
        super().write(self._buffered) if self._started else None
        if self._started and fault("passed_cut_ends_cleanly"):
            self._response.finish()
        else:
            super().fail(failure)
