"""Output: a stream for a report that does not fail while the run goes on.

A disk may be full, a pipe's reader may have gone, and a terminal may not know a letter.
None of that may cost the run or another report. What cannot be written is lost, and the
Output says why.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TextIO

_PLAIN = str.maketrans({"✓": "+", "✗": "x", "─": "-", "│": "|", "×": "x", "…": "..."})
"""Signs of the reports, for streams that are not UTF-8. Other letters become escapes."""


class Output:
    """Writes to `stream`; the name is for messages: `stdout`, or a file's path."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name = stream, name
        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self._plain = self.encoding.lower().replace("-", "") != "utf8"
        self._error: OSError | None = None

    @property
    def abandoned(self) -> bool:
        """Whether its reader has gone."""
        return self._error is not None and self._error.errno == errno.EPIPE

    @property
    def lost(self) -> str:
        """Why a part of the report is lost, and what to do; empty where all was written."""
        if self._error is None:
            return ""
        return (
            f"expected room for the report on {self._name}, found none ({self._error.strerror}); "
            "write it to a file that has room: --report FORMAT=FILE"
        )

    def write(self, text: str) -> int:
        """Write the text, or lose it."""
        if self._error is None:
            shown = text
            if self._plain:
                shown = shown.translate(_PLAIN)
                shown = shown.encode(self.encoding, "backslashreplace").decode(self.encoding)
            try:
                self._stream.write(shown)
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written."""
        if self._error is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def close(self) -> None:
        """Pass on what was written, and close the stream."""
        self.flush()
        try:
            self._stream.close()
        except OSError as error:
            self._lose(error)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's descriptor."""
        return self._stream.fileno()

    def _lose(self, error: OSError) -> None:
        self._error = self._error or error
        # What is still in the stream's buffer goes nowhere, also when the interpreter ends.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
