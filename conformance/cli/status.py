"""What every command shares: exit statuses, a user's mistakes, and how it was called."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from conformance.core.scenario import ScenarioError
from conformance.daemon.manifest import ManifestError
from conformance.mock.addresses import MockApiError
from conformance.running.lookup import SelectionError
from conformance.running.replay import ReplayError
from conformance.running.settings import SettingsError

ALL_GREEN, SOMETHING_RED, USED_WRONGLY = 0, 1, 2
"""What `conformance` exits with."""


@contextmanager
def mistakes() -> Iterator[None]:
    """Turn a wrong name, manifest, file, scenario or port into a usage error: exit status 2."""
    try:
        yield
    except (
        SelectionError,
        ManifestError,
        ReplayError,
        ScenarioError,
        SettingsError,
        MockApiError,
    ) as error:
        raise click.UsageError(str(error)) from None


def program() -> str:
    """The command as the user can type it again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{os.path.relpath(sys.executable)} -m conformance"
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    return "conformance" if called.parent in folders else os.path.relpath(called)
