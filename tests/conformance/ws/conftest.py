"""Fixtures: WebSocket servers, a REST API, a certificate authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import trustme

from tests.conformance.ws.servers import Api, Authority, Serve, serving, serving_api


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(handler, **options)` starts a server and returns its URL."""
    with ExitStack() as stack:
        yield lambda handler, **options: stack.enter_context(serving(handler, **options))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(trustme.CA(), tmp_path_factory.mktemp("authority"))


@pytest.fixture
def api() -> Iterator[Api]:
    with serving_api() as api:
        yield api
