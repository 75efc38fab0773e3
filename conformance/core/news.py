"""News: what happens to a scenario while the run goes on. A value without I/O."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.core.result import Result, Verdict


@dataclass(frozen=True, slots=True)
class News:
    """A scenario began to be played, or its verdict is known."""

    case: str
    """`daemon/variant/scenario`."""
    at: float
    """When, by the monotonic clock."""
    verdict: Verdict | None = None
    """None where the scenario began."""
    cause: str = ""
    """Why it is red, in a few words that are the same for results that fail alike."""
    seen: str = ""
    """What was found, where it is red."""

    @classmethod
    def of(cls, result: Result, at: float) -> News:
        """The news of a verdict."""
        failed = result.failures[0] if result.failures else None
        cause = f"{failed.check} ({failed.clause})" if failed else ""
        seen = failed.actual if failed else result.reason
        return cls(result.id, at, result.verdict, cause, seen)
