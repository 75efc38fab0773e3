"""WSResponse: one thing that a test expects to receive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from conformance.ws.barrier import WSBarrier
from conformance.ws.frame import NOT_JSON, Frame, shown
from conformance.ws.matchers import Matcher, agrees
from conformance.ws.message import WSMessage
from conformance.ws.paths import candidates, resolve
from conformance.ws.references import substitute

if TYPE_CHECKING:
    from conformance.ws.request import RestRequest

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Difference:
    """Why a frame is not the expected one, in one of its parts."""

    path: str
    """The attribute's path; `text`, `bytes` or `document` for the whole frame."""
    expected: str
    found: str
    """The value found, as JSON; `nothing` where the path names no value."""
    remark: str = ""


class WSResponse:
    """An expected message. Every declared part must hold; without any, every message fits."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}
        self.triggers: list[WSMessage | RestRequest] = []
        self.captures: dict[str, str] = {}
        """Variable names, and the paths of the values they are given."""
        self.barriers: list[WSBarrier] = []
        self.predecessors: list[WSResponse] = []
        self.count: int | None = None
        self.terminator: WSResponse | None = None
        self.least = 0
        self.limit: float | None = None
        self._strict = False
        self._whole: tuple[Any] | None = None
        self._raw: tuple[str, Any] | None = None

    def with_attribute(self, path: str, value: Any = None) -> Self:
        """Expect a value at this path: one that equals `value`, any when it is None.

        `value` may be a matcher or hold some; `Null()` expects an explicit null.
        """
        self.attributes[path] = value
        return self

    def with_json(self, value: Any) -> Self:
        """Expect the whole document to be this value, or to match this matcher."""
        self._whole = (value,)
        return self

    def with_text(self, text: str | Matcher) -> Self:
        """Expect a text message, JSON or not, with this text."""
        self._raw = ("text", text)
        return self

    def with_bytes(self, data: bytes | Matcher) -> Self:
        """Expect a binary message with these bytes."""
        self._raw = ("bytes", data)
        return self

    def with_strict_paths(self) -> Self:
        """A path that goes on below a string or a number finds nothing."""
        self._strict = True
        return self

    def with_trigger(self, message: WSMessage | RestRequest) -> Self:
        """Send this once the expectation is met, its references taken from the message met."""
        self.triggers.append(message)
        return self

    def with_capture(self, name: str, path: str) -> Self:
        """Expect a value at this path and keep the first in the variable `${$name}`."""
        self.captures[name] = path
        return self

    def with_barrier(self, barrier: WSBarrier) -> Self:
        """Once met, and before the triggers, wait at the barrier for the other clients."""
        self.barriers.append(barrier)
        return self

    def after(self, *responses: WSResponse) -> Self:
        """Count no message for this one before these expectations of the same test are met."""
        self.predecessors.extend(responses)
        return self

    def times(self, number: int) -> Self:
        """Expect this many messages; triggers follow the last."""
        if number < 1:
            raise ValueError(f"times: expected 1 or more, found {number}: see without_response")
        self.count = number
        return self

    def until(self, response: WSResponse, *, at_least: int = 0) -> Self:
        """Collect messages until one fits `response`, which is asked first.

        Fewer than `at_least`, or another number than `times` says, is a failure.
        """
        self.terminator = response
        self.least = at_least
        return self

    def within(self, seconds: float) -> Self:
        """Bound the time until it is met, from the connection or from what it comes after."""
        self.limit = seconds
        return self

    def is_match(self, parsed: Any) -> bool:
        """Whether a parsed document holds every attribute (raw text and bytes are not asked)."""
        return not self._document_differences(parsed, NOTHING)

    def accepts(self, frame: Frame, variables: Mapping[str, Any] = NOTHING) -> bool:
        """Whether a received message is the expected one."""
        return not self.differences(frame, variables)

    def differences(
        self, frame: Frame, variables: Mapping[str, Any] = NOTHING
    ) -> tuple[Difference, ...]:
        """Every part in which a received message is not the expected one."""
        found: list[Difference] = []
        if self._raw is not None:
            kind, expected = self._raw
            actual = "text" if isinstance(frame.raw, str) else "bytes"
            if kind != actual or not agrees(substitute(expected, None, variables), frame.raw):
                remark = "" if kind == actual else f"a message of {actual}"
                found.append(Difference(kind, shown(expected), shown(frame.raw), remark))
        if self.attributes or self.captures or self._whole is not None:
            if frame.document is NOT_JSON:
                found.append(Difference("document", "JSON", shown(frame.raw)))
            else:
                found.extend(self._document_differences(frame.document, variables))
        return tuple(found)

    def _document_differences(
        self, document: Any, variables: Mapping[str, Any]
    ) -> list[Difference]:
        found: list[Difference] = []
        if self._whole is not None:
            expected = substitute(self._whole[0], None, variables)
            if not agrees(expected, document):
                found.append(
                    Difference(
                        "document", shown(expected), shown(document), _remark(expected, document)
                    )
                )
        wanted = {
            **dict.fromkeys(self.captures.values()),
            **{path: substitute(each, None, variables) for path, each in self.attributes.items()},
        }
        for path, expected in wanted.items():
            difference = self._at(document, path, expected)
            if difference is not None:
                found.append(difference)
        return found

    def _at(self, document: Any, path: str, expected: Any) -> Difference | None:
        sees_null = isinstance(expected, Matcher) and expected.sees_null
        seek = candidates if sees_null else resolve
        values = seek(document, path, strict=self._strict)
        if values and (expected is None or any(agrees(expected, each) for each in values)):
            return None
        told = "any value" if expected is None else shown(expected)
        if not values:
            nulls = candidates(document, path, strict=self._strict)
            return Difference(path, told, "null" if nulls else "nothing")
        found = shown(values[0]) if len(values) == 1 else f"none of {shown(values)}"
        return Difference(path, told, found, _remark(expected, values[0]))

    def __str__(self) -> str:
        parts = []
        if self._whole is not None:
            parts.append(f"document {shown(self._whole[0])}")
        if self._raw is not None:
            parts.append(f"{self._raw[0]} {shown(self._raw[1])}")
        if self.attributes or not parts:
            parts.append(json.dumps(self.attributes, default=repr))
        if self.count is not None:
            parts.append(f"{self.count} times")
        if self.terminator is not None:
            parts.append(f"until {self.terminator}")
        return ", ".join(parts)


def _remark(expected: Any, value: Any) -> str:
    return expected.remark(value) if isinstance(expected, Matcher) else ""
