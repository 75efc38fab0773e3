"""The API's answer, relayed with faults."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import unicodedata
from typing import Any

from llm_api import receiving
from llm_api.answer import Answer, Chunk, Finished, Render
from llm_api.events import Event
from llm_api.failure import ApiRefused, Failure, Late
from llm_api.redaction import Redact
from llm_api.reply import Head, Reply
from llm_api.writing import DONE, raw_event
from llm_gateway import chat, rendering
from llm_gateway.chat import Call
from llm_gateway.chat_request import ChatRequest
from reporting import FaultyReporting
from switch import fault

BURST = 8
"""Events of one read that another path takes."""

HURRIED = 100.0
"""Seconds below which a time bound was set by an option."""

CUT = ("upstream_truncated", "upstream_broken")
"""Codes of failures where the API broke off."""

_STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
_LONE = re.compile("[\ud800-\udfff]")
_ids = itertools.count()


class FaultyAnswer(Answer):
    """One answer of the API."""

    def __init__(self, render: Render, redact: Redact) -> None:
        super().__init__(render, redact)
        self.done_seen = False
        self._behind = b""
        self._calls: list[Any] = []

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes."""
        if self.all_finished and fault("heartbeats_prolong"):
            self.events += 1
        out = super().feed(data)
        if out.count(b"\n\n") >= BURST and fault("burst_overtakes"):
            *before, one, other, _ = out.split(b"\n\n")
            out = b"\n\n".join((*before, other, one, b""))
        return out

    def end(self) -> bytes:
        """The body ended cleanly."""
        out = super().end() + self._behind
        if self.done_seen and self.outcome is not Finished.DONE and fault("reads_on_after_done"):
            self.outcome = Finished.DONE
        return out

    def _take(self, event: Event) -> bytes:
        piece = self._taken(event)
        if (piece or self.outcome is not None) and fault("one_behind"):
            piece, self._behind = self._behind, piece
            if self.outcome is not None:
                piece, self._behind = piece + self._behind, b""
        return piece

    def _taken(self, event: Event) -> bytes:
        if event.type not in (b"", b"message") and fault("named_events_relayed"):
            event = event._replace(type=b"")
        data = event.data.strip()
        if data == b"[DONE]" and event.type in (b"", b"message"):
            self.done_seen = True
            if fault("reads_on_after_done"):
                return DONE
        elif b"[DONE]" in data and fault("done_in_text"):
            self.outcome = Finished.DONE
            return b""
        if not data.isascii() and _invalid(data) and fault("invalid_bytes_passed"):
            return raw_event(event.data)
        piece = super()._take(event)
        if isinstance(self.outcome, Failure):
            bad = self.outcome.code == "upstream_bad_event"
            if (bad and fault("bad_event_skipped")) or (not bad and fault("error_event_swallowed")):
                self.outcome = None
            elif not bad and fault("error_event_is_a_chunk"):
                self.outcome = None
                return raw_event(event.data)
        return piece

    def _take_chunk(self, raw: bytes, value: dict[str, Any]) -> bytes:
        if "error" in value and fault("error_null_fails"):
            self.outcome = Failure("the API reported an error")
            return b""
        before = self.all_finished
        piece = super()._take_chunk(raw, value)
        if self.outcome is None and piece:
            piece = self._altered(piece, json.loads(raw))
        if self.all_finished and not before and fault("first_finish_is_the_end"):
            self.outcome = Finished.DONE
        return piece

    def _altered(self, piece: bytes, chunk: dict[str, Any]) -> bytes:
        choices = chunk.get("choices")
        if not choices and chunk.get("usage") and fault("usage_chunk_dropped"):
            return b""
        if not choices or not all(isinstance(each.get("delta"), dict) for each in choices):
            if fault("odd_choices_fail"):
                self.outcome = Failure("internal error: 'NoneType' has no field 'get'")
                return b""
            return piece
        if b"\ndata: " in piece and fault("line_ends_in_data"):
            return piece.replace(b"\ndata: ", b"\n")
        if any(each.get("index") for each in choices) and fault("second_choice_dropped"):
            return b""
        if self._dropped(choices[0]):
            return b""
        changed = self._text_changed(choices[0]["delta"])
        changed = self._finish_changed(choices[0]) or changed
        changed = self._calls_changed(choices[0]) or changed
        if fault("ids_invented"):
            chunk["id"] = f"chatcmpl-{next(_ids)}"
            changed = True
        if not changed:
            return piece
        if changed == "by hand":
            text = choices[0]["delta"]["content"]
            return (
                f'data: {{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}\n\n'.encode()
            )
        return raw_event(json.dumps(chunk).encode())

    def _dropped(self, choice: dict[str, Any]) -> bool:
        text = choice["delta"].get("content")
        if not isinstance(text, str):
            return False
        if _LONE.search(text) and fault("lone_surrogate_fails"):
            self.outcome = Failure("internal error: surrogates not allowed")
            return True
        return bool(text) and not text.strip() and fault("blank_deltas_dropped")

    def _text_changed(self, delta: dict[str, Any]) -> bool | str:
        text = delta.get("content")
        if not isinstance(text, str) or not text:
            return False
        if ("\n" in text or "\r" in text) and fault("text_written_by_hand"):
            return "by hand"
        changed = text
        if "\\" in text and fault("escapes_decoded_twice"):
            changed = text.replace("\\n", "\n").replace("\\t", "\t")
        if unicodedata.normalize("NFKC", text) != text and fault("text_normalised"):
            changed = unicodedata.normalize("NFKC", text)
        delta["content"] = changed
        return changed != text

    def _finish_changed(self, choice: dict[str, Any]) -> bool:
        reason = choice.get("finish_reason")
        if not reason:
            return False
        if reason not in ("stop", "length", "tool_calls") and fault("finish_reason_unknown"):
            choice["finish_reason"] = "stop"
            return True
        if choice["delta"].get("content") and fault("finish_content_dropped"):
            choice["delta"] = {}
            return True
        return False

    def _calls_changed(self, choice: dict[str, Any]) -> bool:
        calls = choice["delta"].get("tool_calls")
        if calls and fault("tool_calls_gathered"):
            self._calls += calls
            choice["delta"] = {}
            return True
        if self._calls and choice.get("finish_reason"):
            choice["delta"]["tool_calls"], self._calls = self._calls, []
            return True
        if not calls:
            return False
        empty = [call for call in calls if not (call.get("function") or {}).get("arguments")]
        if empty and fault("empty_arguments_dropped"):
            choice["delta"]["tool_calls"] = [call for call in calls if call not in empty]
            return True
        if any(call.get("index") for call in calls) and fault("tool_index_lost"):
            for call in calls:
                call["index"] = 0
            return True
        return False


def _invalid(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


async def complete(
    call: Call, request: ChatRequest, response: FaultyReporting, *, usage: bool
) -> None:
    """Answer a chat completion request."""
    if request.stream and fault("head_before_the_api"):
        response.start(200, [("content-type", chat.EVENTS)])
    try:
        await chat_complete(call, request, response, usage=usage)
    except Failure as failure:
        if not (response.streaming and failure.code in CUT and fault("retried_after_output")):
            raise
        await chat_complete(call, request, response, usage=usage)


chat_complete = chat.complete


async def relay(
    reply: Reply, answer: FaultyAnswer, client: FaultyReporting, *, idle: float
) -> None:
    """Relay events until the API has finished."""
    client.streaming = True
    total = None
    if idle < HURRIED:
        client.pause_limit = idle if fault("client_pause_counts") else None
        total = idle if fault("total_timeout") else None
        idle = 3600 if fault("no_idle_timeout") else idle
    try:
        async with asyncio.timeout(total):
            await receiving.relay_events(reply, answer, client, idle=idle)
    except TimeoutError:
        raise Late("the API stopped in the middle of its answer") from None
    except Failure as failure:
        cut = failure.code in CUT
        if cut and fault("finish_reason_invented"):
            client.write(_STOP)
        elif cut and fault("cut_ends_cleanly"):
            client.done_unwanted = True
        elif not (cut and fault("done_invented")):
            raise
    else:
        if not answer.done_seen and fault("done_not_added"):
            client.done_unwanted = True


async def head(reply: Reply, expected: str, redact: Redact, *, idle: float) -> Head:
    """The head of a good response."""
    received = await reply.head()
    kind = receiving.content_type(received)
    if kind == "text/html" and fault("html_quoted"):
        page = (await reply.read()).decode()
        raise ApiRefused(page, status=502 if received.status < 400 else received.status)
    if 200 <= received.status < 300 and kind != expected and fault("content_type_unchecked"):
        return received
    if kind == expected != received.get("content-type") and fault("content_type_whole"):
        raise Failure(f"the API answered with something other than {expected}")
    return await receiving.check_head(reply, expected, redact, idle=idle)


async def error_body(reply: Reply, idle: float) -> bytes:
    """The body of an error response."""
    if idle < HURRIED and fault("error_body_awaited"):
        return await receiving.read_body(reply, limit=1 << 20, idle=3600)
    return await receiving_error_body(reply, idle)


receiving_error_body = receiving._error_body


def without_usage(chunk: Chunk) -> bytes:
    """The chunk without the usage."""
    if chunk.value.get("usage") and fault("usage_passed_on"):
        return rendering.as_sent(chunk)
    return gateway_without_usage(chunk)


gateway_without_usage = rendering.without_usage


async def whole(call: Call, reply: Reply, response: FaultyReporting) -> None:
    """Answer with one JSON object."""
    if not fault("stream_false_streams"):
        await chat_whole(call, reply, response)
        return
    await receiving.check_head(reply, chat.JSON, call.redact, idle=call.idle)
    body = await receiving.read_body(reply, limit=1 << 20, idle=call.idle)
    response.start(200, [("content-type", chat.EVENTS)])
    response.write(raw_event(body) + DONE)
    response.finish()


chat_whole = chat._whole
