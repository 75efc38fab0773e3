"""What all checks share: noting failures, and telling each cause once.

A check never raises for what a daemon did wrong; it notes a Finding and
the next one runs. But ten checks that could not look at anything are one
finding, not ten: when nothing arrived, the first check to meet that tells it,
and the others, having nothing to judge, stay silent. The same holds for an
answer that is no event stream, a stream without events, and a request that
the API never received. No check passes for want of evidence: somebody told.
"""

from __future__ import annotations

from conformance.core.evidence import Ending, JournalEntry, Observation, Response
from conformance.core.finding import Finding
from conformance.core.quoting import arrived, last_place


class Judge:
    """Notes failures on one observation. The checks proper derive from it."""

    def __init__(self, observation: Observation, *, failures: list[Finding] | None = None) -> None:
        """Judge this observation; `failures` is the list to append to, if it is shared."""
        self.observation = observation
        self.response: Response = observation.response
        self.failures: list[Finding] = [] if failures is None else failures
        """Every check that did not hold, in the order they were made."""
        self._told: set[str] = set()

    def _fail(self, check: str, clause: str, expected: str, actual: str, where: str) -> None:
        self.failures.append(Finding(check, expected, actual, where, clause))

    def _tell(
        self, cause: str, check: str, clause: str, expected: str, *, actual: str = ""
    ) -> None:
        if cause in self._told:
            return
        self._told.add(cause)
        response = self.response
        self._fail(check, clause, expected, actual or arrived(response), last_place(response))

    def _has_head(self, check: str, expected: str, clause: str | None) -> bool:
        """Whether there is a response head to judge; otherwise the reason is told."""
        if not self.response.transcript.reads:
            if self.observation.upstream:
                actual = f"{arrived(self.response)}; the API had been asked"
            else:
                actual = f"{arrived(self.response)}; the API received no request"
                self._told.add("no request")
            self._tell("nothing", check, clause or self._silence(), expected, actual=actual)
            return False
        if self.response.status is None:
            self._tell("no head", check, clause or "R1", expected)
            return False
        return True

    def _silence(self) -> str:
        """The clause that a daemon breaks by saying nothing."""
        if not self.observation.upstream:
            return "H1"
        return "R7" if self.response.transcript.ending is Ending.DEADLINE else "R2"

    def _has_stream(self, check: str, expected: str, clause: str | None) -> bool:
        """Whether the answer is a 200 with an event stream; otherwise the reason is told."""
        if not self._has_head(check, expected, clause):
            return False
        content_type = self.response.header("content-type") or ""
        if self.response.status != 200:
            self._tell("refused", check, clause or "R1", expected)
            return False
        if content_type.partition(";")[0].strip().lower() != "text/event-stream":
            actual = f"content type {content_type!r}; {arrived(self.response)}"
            self._tell("no stream", check, clause or "R1", expected, actual=actual)
            return False
        return True

    def _has_events(self, check: str, expected: str, clause: str) -> bool:
        """Whether the event stream holds an event; otherwise the reason is told."""
        if self.response.events:
            return True
        self._tell("empty", check, clause, expected)
        return False

    def _request(self, check: str, expected: str, clause: str | None) -> JournalEntry | None:
        """The upstream request that was answered: the last, should there be several."""
        if self.observation.upstream:
            return self.observation.upstream[-1]
        actual = f"the API received no request with this exchange's token; {arrived(self.response)}"
        full = self.response.status == 503  # what a daemon says of itself, without any API
        self._tell("no request", check, "L3" if full else clause or "U1", expected, actual=actual)
        return None
