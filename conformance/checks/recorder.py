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


class Recorder:
    """Records what is wrong with one observation. The checks derive from it."""

    def __init__(
        self,
        observation: Observation,
        *,
        failures: list[Finding] | None = None,
        clause: str | None = None,
    ) -> None:
        """Check this observation.

        failures: the list that findings go to, where it is shared.
        clause: the one that is broken where the client was not served.
        """
        self.observation = observation
        self.response: Response = observation.response
        self.failures: list[Finding] = [] if failures is None else failures
        """Every failed check, in the order of the checks."""
        self.ran: dict[str, None] = {}
        """The names of the checks that had something to look at, in order."""
        self._clause = clause
        self._reported: set[str] = set()

    def _fail(
        self,
        check: str,
        kind: FindingKind,
        expected: str,
        actual: str,
        where: str,
        *,
        clause: str | None = None,
        unserved: bool = False,
    ) -> None:
        """Record a finding. `clause` is the check's own; `unserved` as in Finding."""
        if unserved and clause is None:
            clause = self._clause
        self.failures.append(Finding(check, expected, actual, where, clause, kind, unserved))

    def _report(
        self,
        cause: str,
        check: str,
        kind: FindingKind,
        expected: str,
        *,
        actual: str = "",
        clause: str | None = None,
        unserved: bool = True,
    ) -> None:
        """Record a cause for which other checks have nothing to look at, once."""
        if cause in self._reported:
            return
        self._reported.add(cause)
        response = self.response
        self._fail(
            check,
            kind,
            expected,
            actual or arrived(response),
            last_place(response),
            clause=clause,
            unserved=unserved,
        )

    def _has_head(
        self,
        check: str,
        expected: str,
        *,
        kind: FindingKind | None = None,
        clause: str | None = None,
    ) -> bool:
        """Whether there is a response head to check; if not, the reason is reported.

        kind: what it means that nothing arrived, where the check knows.
        """
        if not self.response.transcript.reads:
            if self.observation.upstream:
                actual = f"{arrived(self.response)}; the API had been asked"
            else:
                actual = f"{arrived(self.response)}; the API received no request"
                self._reported.add("no request")
            blamed = kind or self._silence()
            self._report("nothing", check, blamed, expected, actual=actual, clause=clause)
            return False
        if self.response.status is None:
            self._report("no head", check, kind or FindingKind.HEAD, expected, clause=clause)
            return False
        self.ran[check] = None
        return True

    def _silence(self) -> FindingKind:
        """What a daemon that does not answer has done wrong."""
        if not self.observation.upstream:
            return FindingKind.NOT_SERVED
        late = self.response.transcript.ending is Ending.DEADLINE
        return FindingKind.LATE if late else FindingKind.EVENTS

    def _has_stream(self, check: str, expected: str) -> bool:
        """Whether the answer is a 200 with an event stream; if not, the reason is reported."""
        if not self._has_head(check, expected):
            return False
        content_type = self.response.header("content-type") or ""
        if self.response.status != 200:
            self._report("refused", check, FindingKind.HEAD, expected)
            return False
        if content_type.partition(";")[0].strip().lower() != "text/event-stream":
            actual = f"content type {content_type!r}; {arrived(self.response)}"
            self._report("no stream", check, FindingKind.HEAD, expected, actual=actual)
            return False
        return True

    def _has_events(self, check: str, expected: str, kind: FindingKind) -> bool:
        """Whether the event stream holds an event; if not, the reason is reported."""
        if not self._has_stream(check, expected):
            return False
        if self.response.events:
            return True
        self._report("empty", check, kind, expected)
        return False

    def _request(self, check: str, expected: str, clause: str | None = None) -> JournalEntry | None:
        """The upstream request that was answered: the last, should there be several."""
        if self.observation.upstream:
            self.ran[check] = None
            return self.observation.upstream[-1]
        actual = f"the API received no request with this exchange's token; {arrived(self.response)}"
        full = self.response.status == 503  # the daemon's own answer, without the API
        self._report(
            "no request",
            check,
            FindingKind.FULL if full else FindingKind.REQUEST,
            expected,
            actual=actual,
            clause=None if full else clause,
            unserved=not full,
        )
        return None
