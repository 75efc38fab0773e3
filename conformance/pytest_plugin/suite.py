"""The Suite: what the plugin holds in one process, and starts when it is first used.

A pytest item waits for one case at a time, while all cases of its daemon's variant are
judged concurrently in a background thread. The first item of a group starts them all.
Under xdist each worker has a Suite of its own. The workers of `conformance run` get
theirs as values from the controlling process, with the address of one mock API.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar, cast

from conformance.core.result import Result, Verdict
from conformance.daemon.manifest import Manifest
from conformance.mock.addresses import Addresses
from conformance.mock.process import MockServer
from conformance.running.background import Background
from conformance.running.judging import judge
from conformance.running.news_file import NewsFile
from conformance.running.selection import Case, Selection, cases, manifests
from conformance.running.settings import Settings
from conformance.running.verdicts import result_of


class Resource(Protocol):
    """Something that a Suite starts when it is first used."""

    def __init__(self, suite: Suite) -> None: ...

    def close(self) -> None:
        """Stop it."""


R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Plan:
    """What is judged and how; it travels to xdist's workers."""

    selection: Selection
    settings: Settings = field(default_factory=Settings)
    strict: bool = False
    """Whether a warning fails its item."""
    manifests: tuple[Manifest, ...] = ()
    """Those of the selection, where they have been read already."""
    mock: Addresses | None = None
    """The run's mock API, where there is one already."""
    news: Path | None = None
    """The file for the news of the run, where a report follows them."""


class Suite:
    """The plan of this process, and what was started for it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.calibration: dict[str, float] = {}
        """The last measurement of the machine; see Calibration.to_json."""
        self.notices: list[str] = []
        """What was found out about daemons before they were judged."""
        self._mock: MockServer | None = None
        self._background: Background | None = None
        self._resources: dict[type[Resource], Resource] = {}
        self._futures: dict[str, Future[Result]] = {}
        self._waiting: dict[str, Case] = {}

    # What is judged

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The selected daemons. Raises SelectionError or ManifestError."""
        return self.plan.manifests or manifests(self.plan.selection)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Every selected case. Raises what `cases` raises."""
        return cases(self.plan.selection, self.manifests)

    def expect(self, selected: Iterable[Case]) -> None:
        """Take the cases of the items that will run."""
        self._waiting = {case.id: case for case in selected}

    def result(self, case: Case) -> Result:
        """The Result of the case; judges it, with the others of its group, or once more."""
        if case.id not in self._futures:
            group = [each for each in self._waiting.values() if each.group == case.group]
            self._submit(group if case.id in self._waiting else [case])
            for judged in group:
                del self._waiting[judged.id]
        return self._futures.pop(case.id).result()

    # What is started

    @property
    def addresses(self) -> Addresses:
        """Where the mock API listens; starts it unless the run has one. Raises MockApiError."""
        if self.plan.mock is None:
            self.start_mock()
            assert self._mock is not None
            self.plan = replace(self.plan, mock=self._mock.addresses)
        assert self.plan.mock is not None
        return self.plan.mock

    def start_mock(self) -> None:
        """Begin to start the mock API, without waiting for it."""
        if self.plan.mock is None and self._mock is None:
            self._mock = MockServer(port=self.plan.settings.mock_port)

    @property
    def background(self) -> Background:
        """The event loop of everything that the plugin does at the same time."""
        if self._background is None:
            self._background = Background()
        return self._background

    def once(self, kind: type[R]) -> R:
        """The Suite's one resource of this kind."""
        if kind not in self._resources:
            self._resources[kind] = kind(self)
        return cast(R, self._resources[kind])

    def close(self) -> None:
        """Stop everything that was started."""
        for resource in self._resources.values():
            resource.close()
        if self._background is not None:
            self._background.close()
        if self._mock is not None:
            self._mock.stop()

    def _submit(self, group: Sequence[Case]) -> None:
        futures: dict[str, Future[Result]] = {case.id: Future() for case in group}
        addresses = self.addresses
        news = NewsFile(self.plan.news)

        async def judged() -> None:
            calibration = await judge(
                group,
                self.plan.settings,
                addresses,
                publish,
                lambda case: news.began(case.id),
                notify=self.notices.append,
            )
            self.calibration = calibration.to_json()

        def publish(result: Result) -> None:
            news.ended(result)
            futures[result.id].set_result(result)

        task = self.background.start(judged())
        task.add_done_callback(lambda done: _settle(group, futures, done))
        self._futures.update(futures)


def _settle(group: Iterable[Case], futures: dict[str, Future[Result]], done: Future[None]) -> None:
    """Give cases that were left without a Result one that says why."""
    cause = "the run was stopped" if done.cancelled() else str(done.exception())
    for case in group:
        if not futures[case.id].done():
            reason = f"not judged: {cause}"
            futures[case.id].set_result(result_of(case, Verdict.ERROR, reason=reason))
