"""The base of all checks: it records findings, and each cause once.

A check never raises for what a daemon did wrong. It records a Finding, and the
next check runs. Ten checks without anything to look at are one finding, not
ten: the first check that meets an empty answer reports it, and the others stay
silent. The same holds for an answer that is not an event stream, for a stream
without events, and for a request that the API did not receive. A check without
evidence does not pass: the cause is reported already.
"""

from __future__ import annotations

from conformance.core.evidence import Ending, JournalEntry, Observation, Response
from conformance.core.finding import Finding, FindingKind
from conformance.core.quoting import arrived, last_place

Blame = FindingKind | str
"""What a finding is blamed on: its kind, or the clause that the scenario names."""


class Recorder:
    """Records what is wrong with one observation. The checks derive from it."""

    def __init__(self, observation: Observation, *, failures: list[Finding] | None = None) -> None:
        """Check this observation. Findings go to `failures`, where that is given."""
        self.observation = observation
        self.response: Response = observation.response
        self.failures: list[Finding] = [] if failures is None else failures
        """Every failed check, in the order of the checks."""
        self._reported: set[str] = set()

    def _fail(self, check: str, blame: Blame, expected: str, actual: str, where: str) -> None:
        kind, clause = (blame, None) if isinstance(blame, FindingKind) else (None, blame)
        self.failures.append(Finding(check, expected, actual, where, clause, kind))

    def _report(
        self, cause: str, check: str, blame: Blame, expected: str, *, actual: str = ""
    ) -> None:
        if cause in self._reported:
            return
        self._reported.add(cause)
        response = self.response
        self._fail(check, blame, expected, actual or arrived(response), last_place(response))

    def _has_head(self, check: str, expected: str, clause: Blame | None) -> bool:
        """Whether there is a response head to check; if not, the reason is reported."""
        if not self.response.transcript.reads:
            if self.observation.upstream:
                actual = f"{arrived(self.response)}; the API had been asked"
            else:
                actual = f"{arrived(self.response)}; the API received no request"
                self._reported.add("no request")
            self._report("nothing", check, clause or self._silence(), expected, actual=actual)
            return False
        if self.response.status is None:
            self._report("no head", check, clause or FindingKind.HEAD, expected)
            return False
        return True

    def _silence(self) -> FindingKind:
        """What a daemon that does not answer has broken."""
        if not self.observation.upstream:
            return FindingKind.NOT_SERVED
        return (
            FindingKind.LATE
            if self.response.transcript.ending is Ending.DEADLINE
            else FindingKind.EVENTS
        )

    def _has_stream(self, check: str, expected: str, clause: Blame | None) -> bool:
        """Whether the answer is a 200 with an event stream; if not, the reason is reported."""
        if not self._has_head(check, expected, clause):
            return False
        content_type = self.response.header("content-type") or ""
        if self.response.status != 200:
            self._report("refused", check, clause or FindingKind.HEAD, expected)
            return False
        if content_type.partition(";")[0].strip().lower() != "text/event-stream":
            actual = f"content type {content_type!r}; {arrived(self.response)}"
            self._report("no stream", check, clause or FindingKind.HEAD, expected, actual=actual)
            return False
        return True

    def _has_events(self, check: str, expected: str, clause: Blame) -> bool:
        """Whether the event stream holds an event; if not, the reason is reported."""
        if self.response.events:
            return True
        self._report("empty", check, clause, expected)
        return False

    def _request(self, check: str, expected: str, clause: Blame | None) -> JournalEntry | None:
        """The upstream request that was answered: the last, should there be several."""
        if self.observation.upstream:
            return self.observation.upstream[-1]
        actual = f"the API received no request with this exchange's token; {arrived(self.response)}"
        full = self.response.status == 503  # the daemon's own answer, without the API
        self._report(
            "no request",
            check,
            FindingKind.FULL if full else clause or FindingKind.REQUEST,
            expected,
            actual=actual,
        )
        return None
