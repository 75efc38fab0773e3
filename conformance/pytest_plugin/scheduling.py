"""A scheduler for pytest-xdist: all items of a daemon run in one worker.

The items of a daemon's variant share one instance. `--dist loadgroup` cannot group
them: it ignores a group whose name holds a slash. A driver's conftest.py names the hook:

    from conformance.pytest_plugin.scheduling import pytest_xdist_make_scheduler
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from conformance.pytest_plugin.reporting import daemon_of


class ByDaemon(LoadScopeScheduling):
    """Spreads items over workers, those of a daemon always together."""

    def _split_scope(self, nodeid: str) -> str:
        return daemon_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """The scheduler of this run."""
    return ByDaemon(config, log)
