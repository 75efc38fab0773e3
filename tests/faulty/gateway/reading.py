"""Requests, read with faults: their framing, their fields, their JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from llm_api.http1_body import BadFramingError
from llm_gateway import chat_request, request_head
from llm_gateway.chat_request import ChatRequest
from llm_gateway.errors import BadRequest, TooLarge
from llm_gateway.http1 import Http1Connection, _State
from switch import fault

MEBIBYTE = 1 << 20

_KNOWN = {"model", "messages", "stream", "max_tokens", "temperature", "user", "stream_options"}
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_LONE = re.compile(r"\\u[dD][89abAB]..(?!\\u)")


def fields(lines: list[bytes]) -> dict[str, str]:
    """The fields of a head."""
    names = [line.partition(b":")[0].strip().lower() for line in lines]
    if names.count(b"content-length") > 1 and fault("first_length_wins"):
        first = names.index(b"content-length")
        lines = [each for at, each in enumerate(lines) if names[at] != names[first] or at == first]
    for at, line in enumerate(lines):
        if names[at] == b"content-length" and b"," in line and fault("list_of_lengths_taken"):
            lines[at] = line.partition(b",")[0]
        coded = b"transfer-encoding" in line.lower() and b"chunked" in line
        if coded and fault("transfer_encoding_by_substring"):
            rest = [each for name, each in zip(names, lines, strict=True) if not _frames(name)]
            return gateway_fields([*rest, b"Transfer-Encoding: chunked"])
    return gateway_fields(lines)


def _frames(name: bytes) -> bool:
    return name in (b"content-length", b"transfer-encoding", b"x-folded")


gateway_fields = request_head._fields


def check_framing(headers: dict[str, str], *, modern: bool) -> None:
    """Check the fields that frame a body."""
    if headers.get("transfer-encoding") == "chunked":
        if "content-length" in headers and fault("length_and_chunked_taken"):
            return
        if "content-length" not in headers and fault("chunked_request_unread"):
            del headers["transfer-encoding"]
    gateway_check_framing(headers, modern=modern)


gateway_check_framing = request_head._check_framing


class FaultyHttp1Connection(Http1Connection):
    """A client's connection that speaks HTTP/1.1."""

    _served = 0

    def on_bytes(self, data: bytes) -> None:
        """Peer: bytes arrived."""
        if self._state is _State.ANSWERING and fault("input_is_leaving"):
            self.on_left("sent more")
            return
        super().on_bytes(data)

    def on_left(self, how: str) -> None:
        """Peer: the client left."""
        if self._state is _State.BODY and fault("short_body_served"):
            self._serve()
            return
        super().on_left(how)

    def _guarded(self, read: Callable[..., None], *args: bytes) -> None:
        def guarded(*args: bytes) -> None:
            try:
                read(*args)
            except BadFramingError:
                if fault("crashes_on_bad_chunk"):
                    os._exit(70)
                raise

        super()._guarded(guarded, *args)

    def _serve(self) -> None:
        assert self._head is not None
        self._served += 1
        if self._served > 1 and fault("second_request_unanswered"):
            self._state = _State.ANSWERING
            return
        if self._head.expects_continue and fault("expect_refused"):
            self._refuse(Expectation("the gateway does not know this expectation"))
            return
        if sum(map(len, self._pieces)) > MEBIBYTE and fault("body_limit_1m"):
            self._refuse(TooLarge("the request's body has more than 1 MiB"))
            return
        super()._serve()
        if not self._head.persistent and fault("close_ignored") and self._response is not None:
            self._response.persistent = True
        if self._input and fault("pipelined_at_once"):
            waiting, self._input = bytes(self._input), bytearray()
            other = Http1Connection(self._peer, self._terms, lambda: None)
            self._peer.receiver = self
            other.on_bytes(waiting)


class Expectation(BadRequest):
    """The request expects what the gateway does not do."""

    status = 417


@dataclass(frozen=True, slots=True)
class Unread(ChatRequest):
    """A request that was not looked at."""

    data: bytes = b""

    def body(self, *, add_usage: bool) -> bytes:
        """The body of the API's request."""
        return self.data


def parse(data: bytes) -> ChatRequest:
    """Read a request's body."""
    try:
        request = gateway_parse(data)
    except BadRequest:
        if fault("requests_unchecked"):
            return Unread(None, stream=True, wants_usage=False, fields={}, data=data)
        raise
    changed = {name: _changed(name, text) for name, text in request.fields.items()}
    if set(changed) - _KNOWN and fault("unknown_fields_dropped"):
        changed = {name: text for name, text in changed.items() if name in _KNOWN}
    if fault("usage_always_asked"):
        changed.setdefault("stream_options", '{"include_usage":true}')
    zeros = [name for name, text in changed.items() if text == "0"]
    if zeros and fault("zero_is_unset"):
        changed = {name: text for name, text in changed.items() if name not in zeros}
    return replace(request, fields=changed)


def _changed(name: str, text: str) -> str:
    if name != "messages":
        if text != "0" and any(map(str.isdigit, text)) and fault("numbers_as_floats"):
            return json.dumps(json.loads(text, parse_int=float))
        return text
    if "\\u00" in text and fault("control_characters_stripped"):
        messages = json.loads(text)
        for message in messages:
            message["content"] = _CONTROL.sub("", message["content"])
        return json.dumps(messages)
    if _LONE.search(text) and fault("lone_surrogate_refused"):
        raise BadRequest("messages: surrogates not allowed")
    return text


gateway_parse = chat_request.parse
