"""Checks that compare both sides: what the API sent, and what the client received.

A text that differs has broken one of two clauses, and a red check should cite
the right one. Where events were lost, repeated, joined or reordered it is R2.
Where they all came and one was altered it is R3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Self
from unicodedata import normalize

from conformance.checks import sent
from conformance.checks.upstream import UpstreamChecks
from conformance.core import chunk, exact_json
from conformance.core.evidence import End, Event, Format, Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt, last_place, place


class RelayChecks(UpstreamChecks):
    """What can be checked with the journal next to the transcript."""

    def content(self, expected: str) -> Self:
        """The text of choice 0 is exactly this (R3; R2 where events are missing)."""
        return self._same_text("content", expected)

    def content_contains(self, *parts: str) -> Self:
        """The text of choice 0 contains each of these (R3; R2 where events are missing)."""
        for part in parts:
            expected = f"text containing {excerpt(part)}"
            if not self._has_events("content_contains", expected, FindingKind.EVENTS):
                break
            if part not in self.text:
                actual, where = excerpt(self.text), last_place(self.response)
                self._fail_text("content_contains", expected, actual, where)
        return self

    def content_as_sent(self) -> Self:
        """The text of choice 0 is what the API sent (R3; R2 where events are missing)."""
        check = "content_as_sent"
        entry = self._request(check, "the text that the API sent")
        return self if entry is None else self._same_text(check, "".join(sent.texts(entry)))

    def events_in_order(self) -> Self:
        """The API's chunks arrived, each once, in order, each the same (R2; altered text: R3).

        In the openai format the chunks' JSON is compared, every digit of it;
        in the simple format the sequence of choice 0's texts.
        """
        check, expected = "events_in_order", "every chunk that the API sent, in order"
        entry = self._request(check, expected)
        if entry is None or not self._has_events(check, expected, FindingKind.EVENTS):
            return self
        if self.response.format is not Format.OPENAI:
            # Without a chunk the format is unknown; an answer without text has no simple chunk.
            events, wanted = self.deltas, list[Any](sent.texts(entry))
            received = [chunk.text_of(event.json) for event in events]
        else:
            events, wanted = self.response.chunks, sent.chunks(entry)
            received = [event.json for event in events]
        for number, pair in enumerate(zip_longest(wanted, received, fillvalue=_NOTHING), start=1):
            difference = _compare(*pair)
            if difference is not None:
                actual = f"chunk {number} of {len(received)} (sent: {len(wanted)}): {difference}"
                where = self._chunk_place(events, number)
                if self.response.format is Format.SIMPLE or _TEXT_DIFFERS.match(difference):
                    self._fail_text(check, expected, actual, where)
                else:
                    unserved = not self.complete
                    kind = FindingKind.EVENTS
                    self._fail(check, kind, expected, actual, where, unserved=unserved)
                break
        return self

    def relayed(self) -> Self:
        """The client received the whole answer: no error, every chunk in order, `[DONE]`, EOF."""
        return self.no_error().sse_format().events_in_order().content_as_sent().done_marker()

    def cut_off(self) -> Self:
        """The client received everything that was sent, and then a failed stream (R6)."""
        return self.api_broke().sse_format().content_as_sent().no_done_marker().failed_stream()

    def _chunk_place(self, events: Sequence[Event], number: int) -> str:
        if number <= len(events):
            return place(self.response, events[number - 1])
        return last_place(self.response)

    def _same_text(self, check: str, text: str) -> Self:
        expected = f"the text {excerpt(text)}"
        if not self._has_events(check, expected, FindingKind.EVENTS):
            return self
        wanted = exact_json.without_lone_surrogates(text)
        received = exact_json.without_lone_surrogates(self.text)
        if wanted != received:
            at = next(
                index
                for index, (one, other) in enumerate(zip_longest(wanted, received))
                if one != other
            )
            actual = (
                f"{len(received)} of {len(wanted)} characters; from character {at} on "
                f"{excerpt(received[at : at + 40])} instead of {excerpt(wanted[at : at + 40])}"
            )
            self._fail_text(check, expected, actual, self._text_place(at))
        return self

    def _text_place(self, index: int) -> str:
        """The event that carries this character of the text."""
        for event in self.deltas:
            index -= len(chunk.text_of(event.json))
            if index < 0:
                return place(self.response, event)
        return last_place(self.response)

    def _fail_text(self, check: str, expected: str, actual: str, where: str) -> None:
        """Record that texts differ: as events that are missing or moved, else as altered text."""
        if not self.observation.upstream:
            self._fail(check, FindingKind.TEXT, expected, actual, where, unserved=True)
            return
        wanted = sent.texts(self.observation.upstream[-1])
        received = [chunk.text_of(event.json) for event in self.deltas]
        kind = FindingKind.EVENTS if _moved(wanted, received) else FindingKind.TEXT
        unserved = self._broken_off or _foreign(wanted, received)
        self._fail(check, kind, expected, actual, where, unserved=unserved)

    @property
    def _broken_off(self) -> bool:
        """Whether the answer ended too early, although the API did not fail."""
        entry = self.observation.upstream[-1]
        finished = any(event.data == "[DONE]" for event in entry.events)
        let_down = not finished and entry.end is not End.CLIENT_GONE and self._events(Kind.ERROR)
        return not self._events(Kind.DONE) and not let_down


def _moved(wanted: Sequence[str], received: Sequence[str]) -> bool:
    """Whether the texts did not all arrive, each once and in order."""
    if len(wanted) != len(received):
        return True
    return any(
        one != other and (one in received or other in wanted)
        for one, other in zip(wanted, received, strict=True)
    )


def _foreign(wanted: Sequence[str], received: Sequence[str]) -> bool:
    """Whether texts arrived that were not sent: neither altered, nor with something left out."""
    if set(received) <= set(wanted) or _within("".join(received), "".join(wanted)):
        return False
    if len(wanted) != len(received):
        return True
    pairs = [(_letters(one), _letters(other)) for one, other in zip(wanted, received, strict=True)]
    return not all(_within(one, other) or _within(other, one) for one, other in pairs)


def _letters(text: str) -> str:
    """What is left of a text when it is escaped, stripped or normalised."""
    return "".join(each for each in normalize("NFKD", text).casefold() if each.isalnum())


def _within(part: str, whole: str) -> bool:
    """Whether the part's characters stand in the whole, in this order."""
    rest = iter(whole)
    return all(character in rest for character in part)


_NOTHING = object()

_TEXT_DIFFERS = re.compile(r"choices\[\d+\]\.delta\.content: expected")


def _compare(sent: Any, received: Any) -> str | None:
    """How a received chunk differs from the sent one."""
    if received is _NOTHING:
        return f"missing; sent was {excerpt(str(sent))}"
    if sent is _NOTHING:
        return f"never sent: {excerpt(str(received))}"
    return exact_json.difference(sent, received)
