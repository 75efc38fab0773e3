"""Under xdist, all items of a daemon run in one worker."""

from conformance.pytest_plugin.scheduling import pytest_xdist_make_scheduler

__all__ = ["pytest_xdist_make_scheduler"]
