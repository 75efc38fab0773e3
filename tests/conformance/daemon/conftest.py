"""What the tests of daemons share: one mock API, and manifests of the miniature daemon."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.daemon.manifest import Manifest
from conformance.mock.addresses import Addresses
from conformance.mock.process import MockServer
from conformance.running.manifests import load

MINIATURE = Path(__file__).with_name("miniature.py")


@pytest.fixture(scope="session")
def addresses() -> Iterator[Addresses]:
    """A running mock API."""
    with MockServer() as mock:
        yield mock.addresses


@pytest.fixture
def miniature(tmp_path: Path) -> Callable[..., Manifest]:
    """miniature(HABIT, [run] lines…, sections): the manifest of a miniature daemon."""

    def make(habit: str, *run: str, sections: str = "", program: str = "{python}") -> Manifest:
        command = [program, "-I", "-S", str(MINIATURE), "{socket}", habit]
        lines = [
            *("[daemon]", 'name = "mini"', 'profile = "handoff"'),
            *("[run]", f"command = {json.dumps(command)}", *run),
            *("[options]", 'x_limit = ["--limit", "{}"]'),
            sections,
        ]
        (tmp_path / "daemon.toml").write_text("\n".join(lines))
        return load(tmp_path)

    return make
