"""Redaction of API keys: some APIs repeat the key in their error messages."""

from __future__ import annotations

import logging

REDACTED = "[key]"

SHORTEST = 8
"""Characters. A shorter key also occurs in ordinary text."""


class Redaction:
    """The keys that neither a client nor the log may see."""

    def __init__(self, *keys: str) -> None:
        self._keys = sorted({key for key in keys if len(key) >= SHORTEST}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with each key replaced."""
        for key in self._keys:
            text = text.replace(key, REDACTED)
        return text


class RedactingFormatter(logging.Formatter):
    """A log formatter that replaces keys in messages and tracebacks."""

    def __init__(self, layout: str, redact: Redaction) -> None:
        super().__init__(layout)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The formatted record without keys."""
        return self._redact(super().format(record))
