"""The library call: judge a selection in this process, on one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import groupby

from conformance.core.result import Result
from conformance.mock.addresses import Addresses
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.running.runner import Runner
from conformance.running.selection import Case, Selection, cases
from conformance.running.settings import Settings
from conformance.timing.calibration import Calibration, calibrate

__all__ = ["Selection", "Settings", "judge", "run"]

Publish = Callable[[Result], None]


def run(
    selection: Selection | Sequence[Case],
    settings: Settings | None = None,
    report: Publish = lambda result: None,
    *,
    mock: Addresses | None = None,
) -> tuple[Result, ...]:
    """Judge every selected case and return one Result for each, in the order of judging.

    report: called with each Result as soon as it exists. mock: a mock API that is running
    already; without it the call starts one and stops it.
    Raises SelectionError, ManifestError, ReplayError or ScenarioError before anything starts,
    and MockApiError when the mock API does not start. A broken daemon raises nothing.
    """
    selected = cases(selection) if isinstance(selection, Selection) else selection
    results: list[Result] = []

    def publish(result: Result) -> None:
        results.append(result)
        report(result)

    settings = settings or Settings()
    with ExitStack() as stack:
        if mock is None:
            mock = stack.enter_context(MockServer(port=settings.mock_port)).addresses
        for group in groups(selected):
            asyncio.run(judge(group, settings, mock, publish))
    return tuple(results)


async def judge(
    group: Sequence[Case],
    settings: Settings,
    mock: Addresses,
    publish: Publish,
    began: Callable[[Case], None] = lambda case: None,
    *,
    notify: Callable[[str], None] = lambda notice: None,
) -> Calibration:
    """Judge the cases of one variant of one daemon; return the calibration that they had.

    began: called with each case when its scenario begins. notify: called with each sentence
    about the daemon that a report should show.
    """
    calibration = await calibrate()
    async with MockClient.attach(mock) as upstream:
        runner = Runner(
            settings, upstream, calibration, publish=publish, began=began, notify=notify
        )
        await runner.judge(group)
    return calibration


def groups(selected: Iterable[Case]) -> list[tuple[Case, ...]]:
    """The cases of each variant of each daemon, in the order selected."""
    return [tuple(group) for _, group in groupby(selected, key=lambda case: case.group)]
