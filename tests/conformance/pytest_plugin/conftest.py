"""A project of a user's own, whose tests use the plugin."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.manifests import SOUND

Run = Callable[..., pytest.RunResult]

PLUGINS = ("-p", "conformance.pytest_plugin.plugin", "-p", "no:cacheprovider")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """project(TEST_MODULE, ARGUMENT…): run pytest there; the ini file names the sound daemon.

    Installed plugins other than the suite's are not loaded, since some take seconds.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(f"[pytest]\nconformance_daemon = {SOUND}\n")

    def run(module: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_mine=module)
        return pytester.runpytest_subprocess(*PLUGINS, *arguments)

    return run
