"""A scenario's request: its fields, and the mark by which the API recognises it.

A mark names the pattern and the exchange's token. It travels in a header, in the
model's name or in the prompt, by the manifest's capability `pattern`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.daemon.manifest import Manifest, Variant

PROMPT = "Tell me a story in eighteen words."
"""The prompt of a scenario without one."""

ORDINARY = ""
"""The pattern of the mock API's ordinary answer, when a mark names it."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The fields of a request, with its mark."""

    fields: Mapping[str, Any]
    """The scenario's fields; a mark in the prompt or the model is part of them."""
    header: str | None
    """The value of X-Test-Pattern, where the mark travels there."""


def marked(
    request: Mapping[str, Any],
    *,
    pattern: str | None,
    token: str,
    manifest: Manifest,
    variant: Variant,
) -> Marked:
    """Mark a request. Without a pattern the mark stands in the prompt, for every daemon."""
    fields = {"prompt": PROMPT, **request}
    mark = f"{pattern or ORDINARY};t={token}"
    if pattern is None or manifest.declares("pattern=prompt", variant):
        return Marked(_in_prompt(fields, f" [[test:{mark}]]"), None)
    if manifest.declares("pattern=model", variant):
        return Marked({**fields, "model": f"test:{mark}"}, None)
    return Marked(fields, mark)


def _in_prompt(fields: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """The fields, with the mark in the text of the last user message."""
    messages = fields.get("messages")
    if not isinstance(messages, list):
        return {**fields, "prompt": f"{fields['prompt']}{mark}"}
    marked_messages = list(messages)
    for place, message in reversed(list(enumerate(messages))):
        if isinstance(message, dict) and message.get("role") == "user":
            if isinstance(message.get("content"), str):
                marked_messages[place] = {**message, "content": f"{message['content']}{mark}"}
            break
    return {**fields, "messages": marked_messages}
