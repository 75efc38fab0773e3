"""One line to stderr for each event worth telling, without the API key."""

from __future__ import annotations

import sys

_secrets: list[str] = []


def withhold(secret: str) -> None:
    """From now on this string is written as `[key]`."""
    if secret:
        _secrets.append(secret)


def redacted(text: str) -> str:
    """The text without the key."""
    for secret in _secrets:
        text = text.replace(secret, "[key]")
    return text


def log(text: str) -> None:
    """Write one line; what is not printable, a line end above all, is escaped."""
    line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in redacted(text))
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
