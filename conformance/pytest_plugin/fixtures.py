"""The fixtures. They import the suite when a test first uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from conformance.pytest_plugin.holding import suite_of

if TYPE_CHECKING:
    from conformance.pytest_plugin.daemon import Daemon
    from conformance.pytest_plugin.mock import Mock


@pytest.fixture
def conformance_daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """The daemon that the ini key conformance_daemon names, running next to a mock API."""
    from conformance.pytest_plugin.daemon import Daemons  # noqa: PLC0415

    with suite_of(request.config).once(Daemons).opened(request.node.name) as daemon:
        yield daemon


@pytest.fixture
def conformance_mock(request: pytest.FixtureRequest) -> Iterator[Mock]:
    """A mock of the LLM API that misbehaves on request; each test has an API key of its own."""
    from conformance.pytest_plugin.mock import Mocks  # noqa: PLC0415

    with suite_of(request.config).once(Mocks).opened() as mock:
        yield mock


@pytest.fixture
def conformance_case(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Judges one selected case when it is called; a test that takes it runs once for each."""
    from conformance.pytest_plugin.items import report  # noqa: PLC0415

    return lambda: report(suite_of(request.config), request.node, request.param)
