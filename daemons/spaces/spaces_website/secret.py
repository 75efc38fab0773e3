"""The key that signs sessions. The data folder stores it, and only its owner can read it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def session_key(folder: Path) -> str:
    """The key of the data folder. The first call creates it."""
    path = folder / "session.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        key = secrets.token_urlsafe(48)
        file.write(key)
    return key
