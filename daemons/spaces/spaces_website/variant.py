"""In what the two accounts of this website differ.

The testing guide tells how the website behaves; the website's code of January
2026 behaves otherwise. `guide` does what the guide says. `code` does what a
client could see of the code. What the code did wrongly is right in both: a
request belongs to the app that was given it, outlives the app and the
website, and fails after its time; a socket serves one space.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """One account of the website."""

    name: str
    audio_required: bool
    """A request without an audio link is refused, after quota and cooldown were spent on it."""
    files_forwarded: bool
    """The app is told about uploaded files."""
    queue_drains: bool
    """A finished request leaves the queue; else the queue counts all that its app was given."""
    live_pages: bool
    """Everybody sees status and queue, and sees them change; else admins do, on loading."""
    english_refusal: bool
    """The refusal for want of an app also says so in English, which the guide's script reads."""


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
