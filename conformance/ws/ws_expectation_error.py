"""WSExpectationError: the server contradicts the declaration."""

from __future__ import annotations


class WSExpectationError(AssertionError):
    """A message, an answer or a close contradicts the declaration."""

    def __init__(self, check: str, *, expected: str, actual: str, where: str) -> None:
        super().__init__(f"{check}: expected {expected}, found {actual} ({where})")
        self.check = check
        """The declaration that failed: `expect_close`."""
        self.expected = expected
        self.actual = actual
        self.where = where
        """A place in the transcript: `frame 3 at +0.120 s`."""
