"""Content: the parts that a received frame, or the body of an answer, must contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from conformance.ws.frame import NOT_JSON, Frame, shown
from conformance.ws.matchers import Matcher, agrees
from conformance.ws.paths import candidates, resolve
from conformance.ws.references import substitute

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a frame that differs from the expected one."""

    path: str
    """The path of the attribute; `text`, `bytes` or `document` for the whole frame."""
    expected: str
    found: str
    """The actual value as JSON; `nothing` if the path does not name a value."""
    remark: str = ""


class Content:
    """Declared parts of a frame. All of them must hold; without parts, every frame fits."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}
        self.captures: dict[str, str] = {}
        """Names of variables, and the paths of their values."""
        self.strict = False
        self.whole: tuple[Any] | None = None
        self.raw: tuple[str, Any] | None = None

    def with_attribute(self, path: str, value: Any = None) -> Self:
        """Expect a value at this path that equals `value`; None accepts any value but null.

        `value` may be a matcher or contain matchers; `Null()` expects an explicit null.
        """
        self.attributes[path] = value
        return self

    def with_json(self, value: Any) -> Self:
        """Expect the whole document to equal this value, or to match this matcher."""
        self.whole = (value,)
        return self

    def with_text(self, text: str | Matcher) -> Self:
        """Expect a text message, JSON or not, with this text."""
        self.raw = ("text", text)
        return self

    def with_bytes(self, data: bytes | Matcher) -> Self:
        """Expect a binary message with these bytes."""
        self.raw = ("bytes", data)
        return self

    def with_strict_paths(self) -> Self:
        """Let a path that continues below a string or a number find nothing."""
        self.strict = True
        return self

    def with_capture(self, name: str, path: str) -> Self:
        """Expect a value at this path, and keep the first one in the variable `${$name}`."""
        self.captures[name] = path
        return self


def captured(content: Content, document: Any) -> dict[str, Any]:
    """Return the variables that a fitting document sets."""
    return {name: resolve(document, path)[0] for name, path in content.captures.items()}


def differences(
    content: Content, frame: Frame, variables: Mapping[str, Any] = NOTHING
) -> tuple[Difference, ...]:
    """Return every part in which a frame differs from the expected one."""
    parts: list[Difference] = []
    if content.raw is not None:
        kind, expected = content.raw
        actual = "text" if isinstance(frame.raw, str) else "bytes"
        if kind != actual or not agrees(substitute(expected, None, variables), frame.raw):
            remark = "" if kind == actual else f"a message of {actual}"
            parts.append(Difference(kind, shown(expected), shown(frame.raw), remark))
    if content.attributes or content.captures or content.whole is not None:
        if frame.document is NOT_JSON:
            parts.append(Difference("document", "JSON", shown(frame.raw)))
        else:
            parts += document_differences(content, frame.document, variables)
    return tuple(parts)


def document_differences(
    content: Content, document: Any, variables: Mapping[str, Any] = NOTHING
) -> list[Difference]:
    """Return every part in which a JSON document differs; ignore raw text and bytes."""
    parts: list[Difference | None] = []
    if content.whole is not None:
        expected = substitute(content.whole[0], None, variables)
        if not agrees(expected, document):
            remark = _remark(expected, document)
            parts.append(Difference("document", shown(expected), shown(document), remark))
    wanted = dict.fromkeys(content.captures.values()) | {
        path: substitute(value, None, variables) for path, value in content.attributes.items()
    }
    parts += [_at(document, path, value, content.strict) for path, value in wanted.items()]
    return [part for part in parts if part is not None]


def _at(document: Any, path: str, expected: Any, strict: bool) -> Difference | None:
    with_nulls = candidates(document, path, strict=strict)
    sees_null = isinstance(expected, Matcher) and expected.sees_null
    values = [value for value in with_nulls if sees_null or value is not None]
    wanted = "any value" if expected is None else shown(expected)
    if not values:
        return Difference(path, wanted, "null" if with_nulls else "nothing")
    if expected is None or any(agrees(expected, value) for value in values):
        return None
    found = shown(values[0]) if len(values) == 1 else f"none of {shown(values)}"
    return Difference(path, wanted, found, _remark(expected, values[0]))


def _remark(expected: Any, value: Any) -> str:
    return expected.remark(value) if isinstance(expected, Matcher) else ""
