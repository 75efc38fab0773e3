"""Fixtures: a website, with the configuration of the test."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent)]

from spaces_website.config import Config  # noqa: E402
from spaces_website.site import Site  # noqa: E402
from world import ADMIN, ManualClock, World, open_world  # noqa: E402


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A configuration with limits that no test reaches by accident."""
    return Config(data=tmp_path / "data", admin=ADMIN, quotas={"standard": 10_000, "pro": 20_000})


@pytest.fixture
async def world(
    config: Config, clock: ManualClock, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """A website. `@pytest.mark.website(field=value)` changes its configuration."""
    mark = request.node.get_closest_marker("website")
    changed = replace(config, **mark.kwargs) if mark else config
    async with open_world(Site(changed, clock)) as opened:
        yield opened


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "website(**fields): changes the website's configuration")
