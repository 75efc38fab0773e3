"""Runs that were written as JSON, read back from their files."""

from __future__ import annotations

import gzip
from pathlib import Path

from conformance.core.result import Run
from conformance.report.json import DocumentError, read


def saved(path: Path) -> Run:
    """Read the run in this file, compressed or not. Raises DocumentError."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise DocumentError(
            f"{path}: expected a file that can be read ({error}); "
            f"write one with --report json={path}"
        ) from None
    return read(path, text)
