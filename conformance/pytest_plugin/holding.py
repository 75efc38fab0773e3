"""The Suite of this process, made when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.pytest_plugin.suite import Plan, Suite

SUITE = pytest.StashKey["Suite"]()
"""Where a pytest configuration holds its Suite."""


def hold(config: pytest.Config, plan: Plan) -> Suite:
    """Make the Suite for this plan."""
    from conformance.pytest_plugin.suite import Suite  # noqa: PLC0415

    suite = config.stash[SUITE] = Suite(plan)
    return suite


def suite_of(config: pytest.Config) -> Suite:
    """The Suite of this process; options and ini keys describe a new one's plan.

    Fails the running test, or the collection, for a mistake in them.
    """
    if SUITE not in config.stash:
        from conformance.pytest_plugin.asked import plan, readable  # noqa: PLC0415

        with readable():
            hold(config, plan(config))
    return config.stash[SUITE]
