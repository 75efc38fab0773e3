"""Secrets: API keys in what is shown of a run.

A daemon may log its key, send it to a client, or put it into an error. The checks find
that; a report must not repeat it, because CI logs are public.
"""

from __future__ import annotations

import re

PREFIX = "sk-conformance-"
"""How the keys begin that the suite gives to daemons."""

MASK = "<API key>"

_KEY = re.compile(PREFIX + r"[0-9a-f]{24}")


def masked(text: str, key: str = "") -> str:
    """The text without the keys that the suite gives to daemons, and without this one."""
    shown = _KEY.sub(MASK, text)
    return shown.replace(key, MASK) if key else shown
