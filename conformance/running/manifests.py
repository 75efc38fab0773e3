"""Manifests, read with the installed profiles."""

from __future__ import annotations

from pathlib import Path

from conformance.daemon import manifest_reader
from conformance.daemon.manifest import Manifest
from conformance.profiles.registry import ManifestRules


def load(path: Path | str) -> Manifest:
    """Read a manifest, given its file or its folder. Raises ManifestError."""
    return manifest_reader.load(path, ManifestRules())


def discover(folder: Path) -> tuple[Manifest, ...]:
    """The manifests in the folders below this one, by name; ManifestError for a name used twice."""
    return manifest_reader.discover(folder, ManifestRules())
