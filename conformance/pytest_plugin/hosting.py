"""pytest in this process, for `conformance run`: it selects items and schedules them.

The plan and the report go in as objects. Only pytest's own arguments are text.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import conformance
from conformance.daemon.guardian import guardian, mark_this_process
from conformance.mock.addresses import MockApiError
from conformance.pytest_plugin.holding import hold
from conformance.pytest_plugin.reporting import Reporting
from conformance.pytest_plugin.suite import Plan
from conformance.running.news_file import Following


def run_pytest(
    plan: Plan, reporting: Reporting, arguments: Sequence[str], *, plugins: bool, jobs: int
) -> pytest.ExitCode | int:
    """Run the driver of integration/ in `jobs` workers; pytest's exit status.

    arguments: pytest's own. plugins: whether the plugins that are installed are loaded, as
    pytest does by itself; one of them alone can cost a second. PYTEST_ADDOPTS loads them too.
    """
    mark_this_process()
    with tempfile.TemporaryDirectory(prefix="news-", dir=guardian().folder) as folder:
        news = Path(folder, "news")
        with Following(news, reporting.news):
            return _run(replace(plan, news=news), reporting, arguments, plugins=plugins, jobs=jobs)


def _run(
    plan: Plan, reporting: Reporting, arguments: Sequence[str], *, plugins: bool, jobs: int
) -> pytest.ExitCode | int:
    if not plugins and not os.environ.get("PYTEST_ADDOPTS"):
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    driver = _driver()
    return pytest.main(
        [
            str(driver),
            f"--rootdir={driver}",
            *("-c", str(driver / "pytest.ini")),
            *("-o", f"cache_dir={Path.cwd() / '.pytest_cache'}"),
            "--capture=no",
            *("-p", "xdist", "-p", "conformance.pytest_plugin.plugin"),
            # It would leave a folder behind, for the workers, that no driver uses.
            *("-p", "no:tmpdir"),
            *([f"--numprocesses={jobs}"] if jobs > 1 else []),
            *arguments,
        ],
        plugins=[Host(plan), reporting],
    )


class Host:
    """Gives the plan to pytest."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def pytest_configure(self, config: pytest.Config) -> None:
        """Hold the plan, and start the mock API while pytest collects."""
        self._suite = hold(config, self._plan)
        if not config.option.collectonly:
            with _usage_errors():
                self._suite.start_mock()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Wait for the mock API where workers need its address."""
        if session.config.getoption("numprocesses", None):
            self._await_mock(session)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Wait for the mock API, before the first scenario needs it."""
        self._await_mock(session)

    def _await_mock(self, session: pytest.Session) -> None:
        if not session.config.option.collectonly:
            with _usage_errors():
                assert self._suite.addresses


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Show why the mock API does not start as one message, without a traceback."""
    try:
        yield
    except MockApiError as error:
        raise pytest.UsageError(str(error)) from None


def _driver() -> Path:
    """integration/, which a wheel carries inside the package."""
    package = Path(conformance.__file__).parent
    inside = package / "integration"
    return inside if inside.is_dir() else package.parent / "integration"
