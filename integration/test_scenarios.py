"""The driver: every scenario of every profile, on every variant of every daemon."""

from collections.abc import Callable


def test_scenario(conformance_case: Callable[[], None]) -> None:
    conformance_case()
