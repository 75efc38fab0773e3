"""Class `bytes`, with faults."""

from __future__ import annotations

import json
import re

from llm_api.failure import Failure
from llm_api.reply import Head
from llm_api.writing import DONE
from llm_gateway import passing
from llm_gateway.chat import Call
from llm_gateway.message import Request
from reporting import FaultyPassing
from switch import fault

REFUSALS = range(400, 600)

_EVENT = re.compile(rb"data: (\{.*\})")


async def pass_on(call: Call, request: Request, response: FaultyPassing) -> None:
    """Pass a request on, and its response back."""
    if request.body and fault("passed_request_reencoded"):
        request = _reencoded(request)
    await gateway_pass_on(call, request, Altered(response))


gateway_pass_on = passing.pass_on


def _reencoded(request: Request) -> Request:
    body = json.dumps(json.loads(request.body), separators=(",", ":")).encode()
    return Request(request.method, request.path, request.headers, body)


class Altered(FaultyPassing):
    """A response that is altered on its way."""

    def __init__(self, response: FaultyPassing) -> None:
        super().__init__(response._response)
        self._to = response
        self._done = False
        self._stream = False

    @property
    def congested(self) -> bool:
        """Whether the API has to wait."""
        return self._to.congested

    def start(self, status: int, fields, *, length: int | None = None) -> None:  # type: ignore[no-untyped-def]
        """Send the head."""
        kind = dict(fields).get("content-type", "")
        self._stream = kind.startswith("text/event-stream")
        if status in REFUSALS and fault("error_page_of_its_own"):
            raise Failure("the API failed", status=status)
        if status in REFUSALS and fault("passed_refusal_is_502"):
            raise Failure("the API failed")
        if self._stream and (fault("done_added") or fault("passed_events_reencoded")):
            length = None
        self._to.start(status, fields, length=length)

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        self._done = self._done or DONE in data
        if self._stream and fault("passed_events_reencoded"):
            data = _EVENT.sub(_again, data)
        self._to.write(data)

    async def drain(self) -> None:
        """Wait until everything has been sent."""
        await self._to.drain()

    def finish(self) -> None:
        """The body is complete."""
        if self._stream and not self._done and fault("done_added"):
            self._to.write(DONE)
        self._to.finish()


def _again(match: re.Match[bytes]) -> bytes:
    """The event, decoded and encoded."""
    try:
        return b"data: " + json.dumps(json.loads(match[1])).encode()
    except ValueError:
        return match[0]


def response_fields(head: Head) -> list[tuple[str, str]]:
    """The response's fields."""
    passed = gateway_fields(head)
    if head.get("keep-alive") and fault("hop_by_hop_field_passed"):
        passed.append(("keep-alive", head.get("keep-alive")))
    return passed


gateway_fields = passing._fields
