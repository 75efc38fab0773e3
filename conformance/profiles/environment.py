"""A stage: where scenarios are played."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.daemon.instance import Instance
from conformance.daemon.manifest import Manifest, Variant
from conformance.mock.client import MockClient

SILENCE = 2.0
"""Seconds, unless the run asks for more: longer than any turn of a backend that is well."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One started daemon and what surrounds it."""

    instance: Instance
    upstream: MockClient
    manifest: Manifest
    variant: Variant
    scale: float
    """By how much time bounds are stretched on this machine, now."""
    silence: float = SILENCE
    """Seconds for which a model thinks that thinks for long."""
