"""Keeps the API key out of what a client or a log can see.

APIs like to quote the key they refused. Every message that leaves the daemon
and is not the answer itself passes through here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

Redact = Callable[[str], str]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def redactor(key: str) -> Redact:
    """A function that removes this key from a text."""
    if not key:
        return str
    return lambda text: text.replace(key, "[redacted]")


class OneLine(logging.Formatter):
    """A log format: one line an event, whatever the message holds, and never the key."""

    def __init__(self, redact: Redact) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Format the record; control characters become escapes."""
        text = self._redact(super().format(record))
        return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
