"""A scenario's description is one short sentence that names its actor."""

from __future__ import annotations

import pytest

from conformance.core.scenario import Scenario
from conformance.profiles.registry import profile_named

LONGEST = 90


@pytest.mark.parametrize(
    "scenario", profile_named("handoff").scenarios, ids=lambda scenario: scenario.name
)
def test_a_description_is_one_short_sentence(scenario: Scenario) -> None:
    text = scenario.description
    assert len(text) <= LONGEST
    assert text[0].isupper()
    assert text.endswith(".")
