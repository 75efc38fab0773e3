"""Checks of the marks of a complete answer: finish_reason and `[DONE]`."""

from __future__ import annotations

from typing import Self

from conformance.checks.answer import AnswerChecks
from conformance.core import chunk
from conformance.core.evidence import Event, Format, Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import arrived, byte_place, last_place, place


class CompletionChecks(AnswerChecks):
    """What can be checked at the end of an answer that the API completed, or did not."""

    def finish_reason(self, expected: str) -> Self:
        """Choice 0 finished once, with this reason (R2).

        The simple format does not carry a reason. There `[DONE]` marks a finished answer,
        and the check looks for it instead (R4).
        """
        words = f"finish_reason {expected!r}, once"
        if not self._has_events("finish_reason", words, FindingKind.EVENTS):
            return self
        if self.response.format is Format.SIMPLE:
            if not self._events(Kind.DONE):
                self._no_done("finish_reason")
            return self
        finishes = self._finishes()
        if [reason for _, reason in finishes] != [expected]:
            actual = ", ".join(repr(reason) for _, reason in finishes) or "none"
            where = place(self.response, finishes[0][0]) if finishes else last_place(self.response)
            self._fail("finish_reason", FindingKind.EVENTS, words, actual, where)
        return self

    def no_finish_reason(self) -> Self:
        """No choice has a finish reason (R6). In the simple format: see no_done_marker."""
        expected = "no finish_reason"
        kind = FindingKind.ERROR_EVENT
        if self._has_events("no_finish_reason", expected, kind):
            for event in self.response.chunks:
                for choice in chunk.choices(event.json):
                    if (reason := choice.get("finish_reason")) is not None:
                        where = place(self.response, event)
                        self._fail("no_finish_reason", kind, expected, repr(reason), where)
        return self

    def _finishes(self) -> list[tuple[Event, object]]:
        return [
            (event, reason)
            for event in self.response.chunks
            for reason in chunk.finish_of(event.json)
        ]

    def done_marker(self) -> Self:
        """Exactly one `[DONE]`, nothing after it (R4), then EOF (R8)."""
        expected = "exactly one [DONE], last"
        if not self._has_events("done_marker", expected, FindingKind.DONE):
            return self
        done = self._events(Kind.DONE)
        if not done:
            self._no_done("done_marker")
            return self
        after = [each for each in self.response.violations if each.kind is FindingKind.DONE]
        if len(done) > 1:
            where = place(self.response, done[1])
            actual = f"{len(done)} of them"
            self._fail("done_marker", FindingKind.DONE, expected, actual, where)
        elif after:
            where = byte_place(self.response, after[0].offset)
            actual = f"after it came {after[0].found}"
            self._fail("done_marker", FindingKind.DONE, expected, actual, where)
        self._end("done_marker")
        return self

    def no_done_marker(self) -> Self:
        """No `[DONE]`: the API did not finish (R4)."""
        expected = "no [DONE]"
        if self._has_events("no_done_marker", expected, FindingKind.DONE):
            for event in self._events(Kind.DONE):
                where = place(self.response, event)
                self._fail("no_done_marker", FindingKind.DONE, expected, "[DONE]", where)
        return self

    def _no_done(self, check: str) -> None:
        ended = self.response.transcript.ending.orderly and not self._events(Kind.ERROR)
        self._report(
            "no [DONE]",
            check,
            FindingKind.DONE,
            "exactly one [DONE], last",
            actual=f"none; {arrived(self.response)}",
            unserved=not (ended and self.whole),
        )
