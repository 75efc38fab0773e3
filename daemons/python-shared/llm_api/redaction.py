"""Keeps secrets out of errors and logs: the API's key, and the API's address.

APIs like to quote the key that they refused. Every message that leaves the
server, except the answer itself, passes through here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

Redact = Callable[[str], str]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def redactor(*secrets: str | None) -> Redact:
    """A function that removes these secrets from a text; empty ones are ignored."""
    longest_first = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    if not longest_first:
        return str
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: pattern.sub("[redacted]", text)


class OneLine(logging.Formatter):
    """A log format: one line an event, whatever the message holds, without the secrets."""

    def __init__(self, redact: Redact) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Format the record; control characters become escapes."""
        text = self._redact(super().format(record))
        return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
