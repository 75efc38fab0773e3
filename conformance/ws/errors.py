"""How a declarative test fails: the errors, and the page that comes with them.

The texts of a WSTimeoutError are an interface that tests compare word for word.
So the transcript and the nearest misses travel beside the text, as notes (PEP
678), which every traceback prints; `with_report_on_error` appends them to the
text as well.
"""

from __future__ import annotations


class WSTimeoutError(Exception):
    """Something that was declared did not happen in time."""


class WSExpectationError(AssertionError):
    """Something arrived that contradicts what was declared."""

    def __init__(self, check: str, *, expected: str, actual: str, where: str) -> None:
        super().__init__(f"{check}: expected {expected}, found {actual} ({where})")
        self.check = check
        """The declaration that does not hold: `expect_close`."""
        self.expected = expected
        self.actual = actual
        self.where = where
        """A place in the transcript: `frame 3 at +0.120 s`."""
