"""The values of an answer that arrive in pieces: calls of tools, and cut characters."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from agent_chat.history import Call


class ModelError(Exception):
    """The model's answer is an error, cannot be read, or is incomplete."""


@dataclass(slots=True)
class _Pieces:
    """One call while it arrives."""

    index: int
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Calls:
    """The calls of an answer.

    APIs number calls differently. Most give each call an index. Some give all calls the
    index 0 and different ids, some send whole calls without an index, and some begin at 1.
    """

    def __init__(self) -> None:
        self._calls: list[_Pieces] = []

    def add(self, piece: Any) -> None:
        """Add one piece of a call. Raises ModelError if it is not an object."""
        if not isinstance(piece, dict) or not isinstance(piece.get("function") or {}, dict):
            raise ModelError("expected an object as a call of a tool")
        function = piece.get("function") or {}
        name, arguments = str(function.get("name") or ""), function.get("arguments") or ""
        call = self._call(piece.get("index"), str(piece.get("id") or ""), name)
        if name != call.name:  # some APIs repeat the name in each piece
            call.name += name
        call.arguments.append(arguments if isinstance(arguments, str) else json.dumps(arguments))

    def complete(self) -> tuple[Call, ...]:
        """The calls in the order of their indexes. Raises ModelError if one cannot be read."""
        calls: dict[str, Call] = {}
        for number, pieces in enumerate(sorted(self._calls, key=lambda call: call.index)):
            try:
                arguments = json.loads("".join(pieces.arguments) or "{}")
            except (ValueError, RecursionError):
                arguments = None
            if not isinstance(arguments, dict) or not pieces.name:
                raise ModelError(
                    f"expected a name and an object of arguments in call {number} of a tool, "
                    f"found {pieces.name[:40]!r} and {''.join(pieces.arguments)[:80]!r}"
                )
            unique = pieces.id and pieces.id not in calls
            key = pieces.id if unique else f"{pieces.id or 'call'}-{number}"
            calls[key] = Call(key, pieces.name, arguments)
        return tuple(calls.values())

    def _call(self, index: Any, call_id: str, name: str) -> _Pieces:
        if isinstance(index, int):
            same = [call for call in self._calls if call.index == index]
            begins = not same or (name and call_id and same[-1].id not in ("", call_id))
        else:
            same = self._calls[-1:]
            index = len(self._calls)
            begins = not same or bool(name)
        if begins:
            self._calls.append(_Pieces(index))
            same = self._calls[-1:]
        same[-1].id = same[-1].id or call_id
        return same[-1]


class WholeText:
    """Joins characters that an API cut between the halves of a UTF-16 pair.

    JSON can contain half a character ("\\ud83d"), and APIs that count in UTF-16 send it. The
    first half waits for the second. A half that stays alone becomes U+FFFD. At the very end
    it is dropped.
    """

    def __init__(self) -> None:
        self._half = ""

    def add(self, text: str) -> str:
        """The text with the half that waited, without a half that must wait."""
        text = self._half + text
        cut = len(text) - ("\ud800" <= text[-1:] <= "\udbff")
        self._half = text[cut:]
        if text.isascii():
            return text
        return text[:cut].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
