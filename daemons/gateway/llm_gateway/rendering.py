"""Chunks as the client receives them."""

from __future__ import annotations

import logging

from llm_api import exact_json
from llm_api.answer import Chunk
from llm_api.writing import raw_event

log = logging.getLogger(__name__)


def as_sent(chunk: Chunk) -> bytes:
    """The chunk as the API wrote it, with every digit and escape."""
    return raw_event(chunk.raw)


def without_usage(chunk: Chunk) -> bytes:
    """The chunk without the usage, which the gateway asked for and the client did not.

    The API adds a member `usage` to every chunk, null in all but the last one,
    which has no choices. The gateway logs the usage.
    """
    if "usage" not in chunk.value:
        return as_sent(chunk)
    usage = chunk.value["usage"]
    if isinstance(usage, dict):
        log.info("usage: %s tokens", usage.get("total_tokens", "unknown"))
        if not chunk.value.get("choices"):
            return b""
    members = exact_json.members(chunk.raw.decode())
    del members["usage"]
    return raw_event(exact_json.join(members).encode())
