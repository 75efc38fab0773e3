"""A green run means something: miniatures of broken daemons are red, and the report says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FAULTY = str(Path(__file__).parents[2] / "faulty" / "handoff")

TWELVE = (
    "basic_response",
    "basic_content",
    "unicode_content",
    "unicode_emoji",
    "unicode_cjk",
    "unicode_4byte",
    "short_chunks",
    "long_chunks",
    "abort_stream",
    "abort_early",
    "finish_stop",
    "finish_length",
)

WHAT_HAPPENED = {
    "dead": "before its socket accepted",
    "closes": "nothing arrived, then EOF",
    "silent": "nothing arrived",
    "empty": "the API received no request",
    "canned": "the API received no request",
    "drops_pattern": "the API received no request",
}
"""What the first failed check of a red result must say, by miniature."""


@pytest.fixture(scope="module")
def run(results: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """All miniatures, judged in one run; a short deadline, since one of them is silent."""
    return results(
        FAULTY,
        "--deadline=2",
        "--keep-going",
        *(f"--variant={name}" for name in WHAT_HAPPENED),
        *(f"--scenario={name}" for name in TWELVE),
    )


def test_the_run_is_red(run: dict[str, Any]) -> None:
    assert run["status"] == 1
    assert run["green"] is False
    assert len(run["results"]) == len(TWELVE) * len(WHAT_HAPPENED)


@pytest.mark.parametrize("scenario", TWELVE)
@pytest.mark.parametrize("miniature", WHAT_HAPPENED)
def test_a_miniature_is_red(run: dict[str, Any], miniature: str, scenario: str) -> None:
    (result,) = (
        each
        for each in run["results"]
        if each["variant"] == miniature and each["scenario"] == scenario
    )
    if miniature == "drops_pattern" and scenario.startswith("basic"):
        assert result["verdict"] == "pass", result["failures"]
        return
    if miniature == "dead":
        assert result["verdict"] == "not judged"
        assert WHAT_HAPPENED[miniature] in result["setup_error"]["message"]
        assert result["repeat"].endswith("--variant dead")
        return
    assert result["verdict"] == "fail"
    first = result["failures"][0]
    assert WHAT_HAPPENED[miniature] in first["actual"]
    assert first["expected"]
    assert first["where"]
    assert result["repeat"].endswith(f"--variant {miniature} --scenario {scenario}")


def test_a_sound_daemon_is_green(results: Callable[..., dict[str, Any]]) -> None:
    run = results(
        FAULTY, "--variant=default", "--strict", *(f"--scenario={name}" for name in TWELVE)
    )
    assert {each["verdict"] for each in run["results"]} == {"pass"}, run["results"]
    assert run["status"] == 0
