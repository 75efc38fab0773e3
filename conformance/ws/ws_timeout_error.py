"""WSTimeoutError: a declared event did not happen in time.

Tests compare the text of this error word for word. The report of a failure therefore
travels as a note of the exception (PEP 678), which every traceback prints.
"""

from __future__ import annotations


class WSTimeoutError(Exception):
    """A declared event did not happen in time."""
