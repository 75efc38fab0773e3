"""Checks on the upstream request: what the API was asked, and how often."""

from __future__ import annotations

from typing import Self

from conformance.checks import sent
from conformance.checks.failure import FailureChecks
from conformance.core import exact_json
from conformance.core.evidence import JournalEntry
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt, plural

UPSTREAM = "upstream request"


class UpstreamChecks(FailureChecks):
    """What can be checked on the requests that the mock API received."""

    def applied(self, pattern: str | None) -> Self:
        """The API received exactly one request of this exchange, authorized, with the pattern.

        None stands for the ordinary answer (U1).
        """
        expected = f"one authorized request for {_pattern(pattern)}"
        entries = self.observation.upstream
        if not entries and not self.response.transcript.reads:
            self._has_head("applied", expected)
        elif self._request("applied", expected) is not None:
            if len(entries) > 1:
                # The API may have processed the first one already.
                actual = f"{plural(len(entries), 'request')}"
                self._fail("applied", FindingKind.REPEATED, expected, actual, UPSTREAM)
            for entry in entries:
                if not entry.authorized:
                    actual = "the bearer key is not the one this daemon was given"
                    self._fail("applied", FindingKind.REQUEST, expected, actual, _where(entry))
                if entry.pattern != pattern:
                    actual = f"{_pattern(entry.pattern)}, found in: {entry.source}"
                    self._fail("applied", FindingKind.REQUEST, expected, actual, _where(entry))
                self._reached_as_declared(entry)
        return self

    def _reached_as_declared(self, entry: JournalEntry) -> None:
        """The request used the protocol and the transport that the manifest declares (U3)."""
        declared = set(self.observation.declared)
        protocols = declared & {"h1", "h2"}
        protocol = "h2" if entry.protocol == "h2" else "h1"
        unix = entry.transport == "unix"
        if (protocols and protocol not in protocols) or (declared and unix != ("unix" in declared)):
            self._fail(
                "transport",
                FindingKind.REQUEST,
                f"a request as declared: upstream = {', '.join(self.observation.declared)}",
                f"{entry.protocol} over {entry.transport}",
                _where(entry),
                clause="U3",
            )

    def request_unchanged(self, *, clause: str | None = None) -> Self:
        """The API received what the client asked for: fields, key, headers (U1)."""
        check = "request_unchanged"
        entry = self._request(check, "a request with the client's fields", clause)
        if entry is None:
            return self

        def differs(expected: str, actual: str) -> None:
            kind = FindingKind.REQUEST
            self._fail(check, kind, expected, actual, _where(entry), clause=clause)

        if entry.method != "POST" or not entry.path.endswith("/chat/completions"):
            differs("POST {base}/chat/completions", f"{entry.method} {entry.path}")
        if not entry.authorized:
            differs("the configured key as bearer token", "another key, or none")
        asked = self.observation.asked
        for header, value in asked.headers.items():
            received_value = entry.header(header)
            if received_value is None:
                differs(f"{header}: {value}", f"no {header} header")
            elif received_value != value:
                differs(f"{header}: {value}", repr(received_value))
        received = sent.decoded(entry.body)
        if not isinstance(received, dict):
            differs("a JSON object", excerpt(entry.body))
            return self
        for name, value in asked.body.items():
            expected = f"{name} as the client's request gives it"
            if name not in received:
                differs(expected, f"no {name}")
            elif different := exact_json.difference(
                {name: value}, {name: received[name]}, digits=name in asked.exact
            ):
                differs(expected, different)
        return self

    def nothing_added(self) -> Self:
        """The API received no field beyond the client's, except those a daemon may add (U1)."""
        check, expected = "nothing_added", "no field that the client's request does not give"
        entry = self._request(check, expected)
        if entry is not None:
            asked = self.observation.asked
            allowed = asked.additions.union(asked.body)
            received = sent.decoded(entry.body)
            for name, value in received.items() if isinstance(received, dict) else ():
                if name not in allowed:
                    actual = f"{name}: {excerpt(str(value))}"
                    self._fail(check, FindingKind.REQUEST, expected, actual, _where(entry))
        return self


def _pattern(pattern: str | None) -> str:
    return "the ordinary answer" if pattern is None else f"pattern {pattern!r}"


def _where(entry: JournalEntry) -> str:
    return f"{UPSTREAM} {entry.id}"
