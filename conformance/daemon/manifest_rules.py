"""What a profile says about the manifests of its daemons."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.core.capability import Vocabulary
from conformance.core.reach import Reach


@dataclass(frozen=True, slots=True)
class Rules:
    """The part of a profile that the reader of manifests needs."""

    reach: Reach
    """How its daemons are reached."""
    vocabulary: Vocabulary
    """What may be declared about them."""
