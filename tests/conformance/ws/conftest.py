"""Servers for declarative tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

sys.path.insert(0, str(Path(__file__).parent))  # for the servers, which the tests share

from ws_servers import Api, Authority, Serve, serving, serving_api


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(handler, **options)`: the URL of a server whose connections run this handler."""
    with ExitStack() as stack:
        yield lambda handler, **options: stack.enter_context(serving(handler, **options))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(trustme.CA(), tmp_path_factory.mktemp("authority"))


@pytest.fixture
def api() -> Iterator[Api]:
    with serving_api() as found:
        yield found
