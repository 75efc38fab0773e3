"""The mocks of the tests: one for all of them, and others with options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, token_of


@pytest.fixture(scope="session")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    """A mock with every listener; tests must not stop it."""
    folder = tmp_path_factory.mktemp("mock")
    started = Mock("--tls", "--ca-file", str(folder / "ca.pem"), "--socket", str(folder / "s"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def silent_mock() -> Iterator[Mock]:
    """A mock that sends the head at once and then nothing for a minute."""
    started = Mock("--delay", "60000")
    yield started
    started.stop()


@pytest.fixture
def start_mock() -> Iterator[Callable[..., Mock]]:
    """Start a mock with these options."""
    started: list[Mock] = []

    def start(*options: str | Path) -> Mock:
        started.append(Mock(*map(str, options)))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.stop()


@pytest.fixture
def token(request: pytest.FixtureRequest) -> str:
    """A correlation token of the test's own."""
    return token_of(request.node.name)


@pytest.fixture
def h1(mock: Mock) -> Iterator[H1Client]:
    """An HTTP/1.1 connection to the mock."""
    client = H1Client(mock.connect())
    yield client
    client.close()


@pytest.fixture
def h2(mock: Mock) -> Iterator[H2Client]:
    """An HTTP/2 connection to the mock, with prior knowledge."""
    client = H2Client(mock.connect())
    yield client
    client.close()
