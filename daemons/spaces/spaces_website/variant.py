"""The two variants of the website.

The testing guide and the website's code of January 2026 differ. The variant `guide`
follows the guide. The variant `code` follows the code where a client can see it. Both
variants correct the code's errors: a request belongs to one app, survives the end of the
app and of the website, and fails at its deadline. A socket serves one space.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """The properties of a variant."""

    name: str
    audio_required: bool
    """A request without an audio link is refused after it has used quota and cooldown."""
    files_forwarded: bool
    """The app receives the descriptions of uploaded files."""
    queue_drains: bool
    """A finished request leaves the queue. Otherwise the queue has all requests of its app."""
    live_pages: bool
    """All users see status and queue live. Otherwise only admins do, when the page loads."""
    english_refusal: bool
    """The refusal without an app has English words too, because the guide's script reads them."""


GUIDE = Variant(
    "guide",
    audio_required=False,
    files_forwarded=True,
    queue_drains=True,
    live_pages=True,
    english_refusal=True,
)
CODE = Variant(
    "code",
    audio_required=True,
    files_forwarded=False,
    queue_drains=False,
    live_pages=False,
    english_refusal=False,
)
VARIANTS = {variant.name: variant for variant in (GUIDE, CODE)}
