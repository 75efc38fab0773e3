"""pytest runs the suite: options, collection, scheduling, and a verdict for each item.

A driver in integration/ is a module with a PROFILE and a test that takes
`case` and `judge`; it is parametrised with every selected case of its profile.
The first item of a daemon's variant starts all the selected scenarios of that
variant at once; every item then waits for its own result. That is why all
items of a daemon must run in one worker, and why the plugin brings its own
xdist scheduler: `--dist loadgroup` is silently ignored for such items.

One mock API serves the whole run: the controlling process starts it and tells
the workers where it is. Results travel from a worker in the reports'
user_properties and are rendered in the controlling process alone.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from conformance.core.result import Result, Verdict
from conformance.daemon.guardian import mark_this_process
from conformance.daemon.manifest import ManifestError, Served
from conformance.mock.addresses import Addresses
from conformance.mock.process import MockServer
from conformance.pytest_plugin.background import Engine
from conformance.pytest_plugin.reporting import CALIBRATION, PROPERTY, Reporting, daemon_of
from conformance.running.replay import ReplayError
from conformance.running.runner import Settings
from conformance.running.selection import Case, Selection, SelectionError, cases


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "stream conformance")

    def many(name: str, metavar: str, text: str) -> None:
        group.addoption(name, action="append", default=[], metavar=metavar, help=text)

    many("--daemon", "DAEMON", "a name below daemons/, a folder or a daemon.toml")
    many("--variant", "VARIANT", "judge only this variant")
    many("--category", "CATEGORY", "judge only this category")
    many("--scenario", "SCENARIO", "judge only this scenario")
    many("--replay", "FILE", "judge this scenario file, instead of the catalog")
    many("--require", "DAEMON", "fail where this daemon would be skipped")
    group.addoption("--profile", metavar="PROFILE", help="judge only daemons of this profile")
    group.addoption("--socket", metavar="PATH", help="judge what is served here already")
    group.addoption("--url", metavar="URL", help="judge what is served there already")
    group.addoption("--api-key", metavar="KEY", help="the API key which that daemon was given")
    group.addoption("--deadline", type=float, metavar="S", help="bound each scenario, in seconds")
    group.addoption("--silence", type=float, metavar="S", help="how long a slow model thinks")
    group.addoption("--warnings-fail", action="store_true", help="a warning fails the run")
    group.addoption("--report", metavar="FORMAT", help="replace pytest's own output")
    group.addoption("--report-to", metavar="FILE", help="write the report to this file")
    group.addoption("--command", default="conformance", help="how this program was called")


def selection(config: pytest.Config) -> Selection:
    """What the command line selects."""
    option = config.option
    return Selection(
        daemons=tuple(option.daemon),
        profile=option.profile,
        variants=tuple(option.variant),
        categories=tuple(option.category),
        scenarios=tuple(option.scenario),
        replay=tuple(Path(each) for each in option.replay),
        require=tuple(option.require),
        served=served(option.socket, option.url, option.api_key),
    )


def served(socket: str | None, url: str | None, api_key: str | None) -> Served | None:
    """What is served already, as the options of that name say. Raises SelectionError."""
    if socket and url:
        raise SelectionError("give a --socket or a --url, not both")
    if not socket and not url:
        return None
    return Served(Path(socket) if socket else None, api_key or "", url or "")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    try:
        selected = cases(selection(config))
    except (SelectionError, ManifestError, ReplayError) as error:
        raise pytest.UsageError(str(error)) from None
    for mark, meaning in marks(selected).items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None:
        mark_this_process()
    judge = Judge(config, selected, None if worker is None else worker["mock_api"])
    config.pluginmanager.register(judge, "conformance-judge")
    if worker is None and config.option.report:
        config.pluginmanager.register(Reporting(config), "conformance-reporting")


def marks(selected: tuple[Case, ...]) -> dict[str, str]:
    """What `-m` can select by, with the meaning of each."""
    found = {"alone": "has a daemon instance of its own", "quiet": "runs with nothing beside it"}
    for case in selected:
        found[case.scenario.category] = "a category"
        for clause in case.scenario.clauses:
            found[clause.id] = f"cites clause {clause.id}"
            found[clause.level.value.lower()] = f"cites a clause of level {clause.level.value}"
    return found


def _marks_of(case: Case) -> Iterator[pytest.MarkDecorator]:
    scenario = case.scenario
    yield getattr(pytest.mark, scenario.category)
    for clause in scenario.clauses:
        yield getattr(pytest.mark, clause.id)
        yield getattr(pytest.mark, clause.level.value.lower())
    if scenario.alone:
        yield pytest.mark.alone
    if scenario.quiet:
        yield pytest.mark.quiet


@pytest.fixture(scope="session")
def judge(request: pytest.FixtureRequest) -> Judge:
    """What judges the cases of this process."""
    found = request.config.pluginmanager.get_plugin("conformance-judge")
    assert isinstance(found, Judge)
    return found


class Judge:
    """Judges the cases that pytest runs in this process."""

    def __init__(
        self, config: pytest.Config, selected: tuple[Case, ...], mock_api: dict[str, Any] | None
    ) -> None:
        self._config = config
        self._selected = selected
        self._addresses = None if mock_api is None else Addresses.from_json(mock_api)
        # Started at once, so that it gets ready while pytest collects.
        starts = mock_api is None and not config.option.collectonly
        self._mock = MockServer() if starts else None
        self._engine: Engine | None = None
        self._items: list[pytest.Item] = []
        self._futures: dict[str, Future[Result]] = {}
        self._results: dict[str, Result] = {}

    def addresses(self) -> Addresses:
        """Where the run's mock API listens; waits until it does."""
        if self._addresses is None:
            assert self._mock is not None
            self._addresses = self._mock.addresses
        return self._addresses

    def report(self, case: Case) -> None:
        """Turn the case's verdict into pytest's outcome for the running item."""
        if case.id not in self._futures:
            self._submit(case)
        result = self._futures[case.id].result()
        self._results[case.id] = result
        match result.verdict:
            case Verdict.SKIP:
                pytest.skip(result.reason)
            case Verdict.KNOWN:
                pytest.xfail(result.reason)
            case verdict if verdict.red or (verdict is Verdict.WARN and self._strict):
                pytest.fail(as_text(result), pytrace=False)

    def _measured(self) -> dict[str, float]:
        return {} if self._engine is None else self._engine.calibration

    @property
    def _strict(self) -> bool:
        return bool(self._config.option.warnings_fail)

    def _submit(self, first: Case) -> None:
        """Start every selected case of this one's daemon and variant."""
        chosen = {
            item.callspec.params["case"].id for item in self._items if hasattr(item, "callspec")
        }
        group = [
            case
            for case in self._selected
            if case.manifest is first.manifest and case.variant == first.variant
            if case.id in chosen
        ]
        if self._engine is None:
            option = self._config.option
            self._engine = Engine(
                Settings(
                    addresses=self.addresses(),
                    require=frozenset(option.require),
                    deadline=option.deadline,
                    **({} if option.silence is None else {"silence": option.silence}),
                    command=option.command,
                )
            )
        self._futures.update(self._engine.submit(group))

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrise a driver with the cases of its profile."""
        if "case" not in metafunc.fixturenames:
            return
        mine = [each for each in self._selected if each.scenario.profile == metafunc.module.PROFILE]
        metafunc.parametrize(
            "case",
            [pytest.param(each, id=each.id, marks=list(_marks_of(each))) for each in mine],
        )

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out a driver without cases, which pytest would count as skipped."""
        items[:] = [
            item
            for item in items
            if not (callspec := getattr(item, "callspec", None))
            or isinstance(callspec.params.get("case"), Case)
        ]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what is left after every selection that pytest makes."""
        self._items = session.items

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give the report the Result, and the scenario's own duration."""
        report = yield
        result = self._results.get(_case_id(item))
        if call.when == "call" and result is not None:
            report.duration = result.duration
            report.user_properties.append((PROPERTY, result.to_json()))
            report.user_properties.append((CALIBRATION, self._measured()))
        return report

    def pytest_unconfigure(self) -> None:
        """Stop what still runs, whatever ended the session."""
        if self._engine is not None:
            self._engine.close()
        if self._mock is not None:
            self._mock.stop()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker where the mock API is."""
        node.workerinput["mock_api"] = self.addresses().to_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> LoadScopeScheduling:
        """Keep all items of a daemon in one worker."""
        return ByDaemon(config, log)


class ByDaemon(LoadScopeScheduling):
    """Spreads items over workers, those of a daemon always together."""

    def _split_scope(self, nodeid: str) -> str:
        return daemon_of(nodeid)


def _case_id(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[2].removesuffix("]")


def as_text(result: Result) -> str:
    """A red result for a terminal that pytest itself writes to."""
    lines = [f"{result.verdict.value}: {result.description}"]
    if result.reason:
        lines.append(result.reason)
    for failed in result.failures:
        lines += [
            f"{failed.check} ({failed.clause} {failed.level}) at {failed.where}",
            f"  expected: {failed.expected}",
            f"  actual:   {failed.actual}",
        ]
    return "\n".join([*lines, result.evidence, f"repeat: {result.repeat}"])
