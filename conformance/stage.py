"""A stage: where scenarios are played."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.daemon.instance import Instance
from conformance.daemon.manifest import Manifest, Variant
from conformance.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Stage:
    """One started daemon and what surrounds it."""

    instance: Instance
    upstream: Upstream
    manifest: Manifest
    variant: Variant
    scale: float
    """By how much time bounds are stretched on this machine, now."""
