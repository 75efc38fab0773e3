"""Checks that compare both sides: what the API was asked and sent, what the client got.

A text that differs has broken one of two clauses, and a red check should cite
the right one: where events were lost, repeated, joined or reordered it is R2;
where they all came and one was altered it is R3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Self
from unicodedata import normalize

from conformance.checks import sent
from conformance.checks.failure import FailureChecks
from conformance.checks.recorder import Blame
from conformance.core import chunk as delta
from conformance.core import exact_json as exact
from conformance.core.evidence import End, Event, Format, JournalEntry, Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt, last_place, place, plural

UPSTREAM = "upstream request"


class RelayChecks(FailureChecks):
    """What can be judged with the journal beside the transcript."""

    # The request

    def applied(self, pattern: str | None, *, clause: Blame = FindingKind.REQUEST) -> Self:
        """The API received exactly one request of this exchange, authorized, with the pattern.

        None stands for the ordinary answer (U1).
        """
        expected = f"one authorized request for {_pattern(pattern)}"
        entries = self.observation.upstream
        if not entries and not self.response.transcript.reads:
            self._has_head("applied", expected, None)
        elif self._request("applied", expected, clause) is not None:
            if len(entries) > 1:
                # Whatever the others were for, they repeat what the API has processed.
                actual = f"{plural(len(entries), 'request')}"
                own = FindingKind.REPEATED if clause == FindingKind.REQUEST else clause
                self._fail("applied", own, expected, actual, UPSTREAM)
            for entry in entries:
                if not entry.authorized:
                    actual = "the bearer key is not the one this daemon was given"
                    self._fail("applied", clause, expected, actual, _where(entry))
                if entry.pattern != pattern:
                    actual = f"{_pattern(entry.pattern)}, found in: {entry.source}"
                    self._fail("applied", clause, expected, actual, _where(entry))
        return self

    def request_unchanged(self, *, clause: Blame = FindingKind.REQUEST) -> Self:
        """The API received what the client asked for: fields, key, headers (U1)."""
        check = "request_unchanged"
        entry = self._request(check, "a request with the client's fields", clause)
        if entry is None:
            return self
        where = _where(entry)
        if entry.method != "POST" or not entry.path.endswith("/chat/completions"):
            actual = f"{entry.method} {entry.path}"
            self._fail(check, clause, "POST {base}/chat/completions", actual, where)
        if not entry.authorized:
            actual = "another key, or none"
            self._fail(check, clause, "the configured key as bearer token", actual, where)
        asked = self.observation.asked
        for header, value in asked.headers.items():
            if entry.header(header) != value:
                actual = repr(entry.header(header))
                self._fail(check, clause, f"{header}: {value}", actual, where)
        received = sent.decoded(entry.body)
        if not isinstance(received, dict):
            self._fail(check, clause, "a JSON object", excerpt(entry.body), where)
            return self
        for name, value in asked.body.items():
            expected = f"{name} as the client's request gives it"
            if name not in received:
                self._fail(check, clause, expected, f"no {name}", where)
            elif different := exact.difference(
                {name: value}, {name: received[name]}, digits=name in asked.exact
            ):
                self._fail(check, clause, expected, different, where)
        return self

    def nothing_added(self, *, clause: Blame = FindingKind.REQUEST) -> Self:
        """The API received no field beyond the client's, except those a daemon may add (U1)."""
        check, expected = "nothing_added", "no field that the client's request does not give"
        entry = self._request(check, expected, clause)
        if entry is not None:
            asked = self.observation.asked
            allowed = asked.additions.union(asked.body)
            received = sent.decoded(entry.body)
            for name, value in received.items() if isinstance(received, dict) else ():
                if name not in allowed:
                    actual = f"{name}: {excerpt(str(value))}"
                    self._fail(check, clause, expected, actual, _where(entry))
        return self

    # The answer

    def content(self, expected: str, *, clause: Blame | None = None) -> Self:
        """The text of choice 0 is exactly this (R3; R2 where events are missing)."""
        return self._same_text("content", expected, clause)

    def content_contains(self, *parts: str, clause: Blame | None = None) -> Self:
        """The text of choice 0 contains each of these (R3; R2 where events are missing)."""
        for part in parts:
            expected = f"text containing {excerpt(part)}"
            if not self._has_text("content_contains", expected, clause):
                break
            if part not in self.text:
                own = self._text_clause(clause)
                where = last_place(self.response)
                self._fail("content_contains", own, expected, excerpt(self.text), where)
        return self

    def content_as_sent(self, *, clause: Blame | None = None) -> Self:
        """The text of choice 0 is what the API sent (R3; R2 where events are missing)."""
        check = "content_as_sent"
        entry = self._request(check, "the text that the API sent", clause)
        return self if entry is None else self._same_text(check, "".join(sent.texts(entry)), clause)

    def events_in_order(self, *, clause: Blame | None = None) -> Self:
        """The API's chunks arrived, each once, in order, each the same (R2; altered text: R3).

        In the openai format the chunks' JSON is compared, every digit of it;
        in the simple format the sequence of choice 0's texts.
        """
        check, expected = "events_in_order", "every chunk that the API sent, in order"
        entry = self._request(check, expected, clause)
        if entry is None or not self._has_text(check, expected, clause):
            return self
        if self.response.format is not Format.OPENAI:
            # Without a chunk there is no format; an answer without text is none in `simple`.
            events, wanted = self.deltas, list[Any](sent.texts(entry))
            received = [delta.text_of(event.json) for event in events]
        else:
            events, wanted = self.response.chunks, sent.chunks(entry)
            received = [event.json for event in events]
        for number, pair in enumerate(zip_longest(wanted, received, fillvalue=_NOTHING), start=1):
            found = _compare(*pair)
            if found is not None:
                texts = self.response.format is Format.SIMPLE or _TEXT_DIFFERS.match(found)
                broken = clause if clause and not self.complete else FindingKind.EVENTS
                own = self._text_clause(clause) if texts else broken
                actual = f"chunk {number} of {len(received)} (sent: {len(wanted)}): {found}"
                self._fail(check, own, expected, actual, self._chunk_place(events, number))
                break
        return self

    def _chunk_place(self, events: Sequence[Event], number: int) -> str:
        if number <= len(events):
            return place(self.response, events[number - 1])
        return last_place(self.response)

    def _same_text(self, check: str, text: str, clause: Blame | None) -> Self:
        expected = f"the text {excerpt(text)}"
        if not self._has_text(check, expected, clause):
            return self
        wanted, found = (
            exact.without_lone_surrogates(text),
            exact.without_lone_surrogates(self.text),
        )
        if wanted != found:
            at = next(
                index
                for index, (one, other) in enumerate(zip_longest(wanted, found))
                if one != other
            )
            actual = (
                f"{len(found)} of {len(wanted)} characters; from character {at} on "
                f"{excerpt(found[at : at + 40])} instead of {excerpt(wanted[at : at + 40])}"
            )
            own = self._text_clause(clause)
            self._fail(check, own, expected, actual, self._text_place(at))
        return self

    def _text_place(self, index: int) -> str:
        """The event that carries this character of the text."""
        for event in self.deltas:
            index -= len(delta.text_of(event.json))
            if index < 0:
                return place(self.response, event)
        return last_place(self.response)

    def _has_text(self, check: str, expected: str, clause: Blame | None) -> bool:
        return self._has_stream(check, expected, clause) and self._has_events(
            check, expected, clause or FindingKind.EVENTS
        )

    @property
    def _broken_off(self) -> bool:
        """It ended before it was over, and not because the API let the daemon down."""
        entry = self.observation.upstream[-1]
        finished = any(each.data == "[DONE]" for each in entry.events)
        let_down = not finished and entry.end is not End.CLIENT_GONE and self._events(Kind.ERROR)
        return not self._events(Kind.DONE) and not let_down

    def _text_clause(self, clause: Blame | None) -> Blame:
        """R2 where the texts sent did not all come, each once and in order; otherwise R3.

        The scenario's own clause where the answer broke off, or holds what was never sent.
        """
        if not self.observation.upstream:
            return clause or FindingKind.TEXT
        wanted = sent.texts(self.observation.upstream[-1])
        received = [delta.text_of(event.json) for event in self.deltas]
        if clause is not None and (self._broken_off or _foreign(wanted, received)):
            return clause
        if len(wanted) != len(received):
            return FindingKind.EVENTS
        moved = any(
            one != other and (one in received or other in wanted)
            for one, other in zip(wanted, received, strict=True)
        )
        return FindingKind.EVENTS if moved else FindingKind.TEXT


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
    return exact.difference(sent, received)


def _pattern(pattern: str | None) -> str:
    return "the ordinary answer" if pattern is None else f"pattern {pattern!r}"


def _where(entry: JournalEntry) -> str:
    return f"{UPSTREAM} {entry.id}"
