"""What a user asked for by options and ini keys, as values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.core.scenario import ScenarioError
from conformance.daemon.manifest import ManifestError
from conformance.mock.addresses import MockApiError
from conformance.mock.process import usable_port
from conformance.profiles.environment import SILENCE
from conformance.pytest_plugin.suite import Plan
from conformance.report import shows_records
from conformance.running.lookup import SelectionError
from conformance.running.replay import ReplayError
from conformance.running.selection import Selection
from conformance.running.serving import served
from conformance.running.settings import Settings, SettingsError

MISTAKES = (
    SelectionError,
    ManifestError,
    ReplayError,
    ScenarioError,
    SettingsError,
    MockApiError,
)
"""What is raised for a wrong name, manifest, file, scenario, time or port, with the fix."""


def plan(config: pytest.Config) -> Plan:
    """The plan that options and ini keys describe. Raises SelectionError."""
    option = config.option
    daemons, variants = list(option.conformance_daemon), list(option.conformance_variant)
    port = usable_port(option.conformance_mock_port)
    running = served(
        socket=option.conformance_socket,
        url=option.conformance_url,
        api_key=option.conformance_api_key,
        model=option.conformance_model,
        ca_file=option.conformance_ca_file,
        mock_port=port,
        declared=option.conformance_declare,
    )
    if not daemons and running is None:
        daemons = _written(config)
        variants = variants or config.getini("conformance_variant").split()
    return Plan(
        Selection(
            daemons=tuple(daemons),
            profile=option.conformance_profile,
            variants=tuple(variants),
            categories=tuple(option.conformance_category),
            scenarios=tuple(option.conformance_scenario),
            folders=tuple(map(Path, option.conformance_scenarios)),
            require=tuple(option.conformance_require),
            served=running,
        ),
        Settings(
            deadline=option.conformance_deadline,
            mock_port=port,
            silence=SILENCE if option.conformance_silence is None else option.conformance_silence,
            keep_going=option.conformance_keep_going,
            records=any(
                shows_records(each.partition("=")[0]) for each in option.conformance_report
            ),
        ),
        strict=option.conformance_strict,
    )


@contextmanager
def readable() -> Iterator[None]:
    """Show a user's mistake as one message, without a traceback."""
    try:
        yield
    except MISTAKES as error:
        pytest.fail(str(error), pytrace=False)


def _written(config: pytest.Config) -> list[str]:
    """The manifest that the ini file names, from that file's folder."""
    name = config.getini("conformance_daemon").strip()
    folder = config.rootpath if config.inipath is None else config.inipath.parent
    return [str(folder / name)] if name else []
