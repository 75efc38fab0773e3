"""`conformance run --scenarios DIR`: scenarios of a user's own next to the catalog."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.core.scenario import ScenarioError
from conformance.running.scenario_folder import scenarios_in

SOUND = str(Path(__file__).parents[2] / "faulty" / "handoff")

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]

MODULE = '''\
from conformance import Checks, scenario


@scenario(clause="R3", pattern="unicode")
def emoji(response: Checks) -> None:
    """The daemon relays an emoji."""
    response.no_error().content_contains("😀")


@scenario(clause="R2", pattern="short")
def complete(response: Checks) -> None:
    """The daemon ends a complete answer with the done marker."""
    response.no_error().done_marker()
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "emoji_cases.py").write_text(MODULE)
    return tmp_path / "mine"


def test_they_are_judged_next_to_the_catalog(
    results: Callable[..., dict[str, Any]], folder: Path
) -> None:
    run = results(
        *(SOUND, f"--scenarios={folder}", "--variant=default"),
        *("--category=emoji_cases", "--scenario=emoji", "--scenario=complete"),
    )
    assert {each["scenario"]: each["verdict"] for each in run["results"]} == {
        "emoji": "pass",
        "complete": "pass",
    }
    both = results(SOUND, f"--scenarios={folder}", "--variant=default", "-k", "emoji")
    assert {"emoji", "unicode_emoji"} <= {each["scenario"] for each in both["results"]}


def test_a_red_one_is_repeated_with_its_folder(
    conformance: Conformance, results: Callable[..., dict[str, Any]], folder: Path
) -> None:
    chosen = (SOUND, f"--scenarios={folder}", "--variant=canned", "--scenario=emoji")
    (result,) = results(*chosen)["results"]
    assert result["verdict"] == "fail"
    words = result["repeat"].partition(" run ")[2].split()
    assert f"--scenarios {folder}" in result["repeat"]
    assert conformance("run", *words).returncode == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('clause="R3", ', "", "emoji_cases.py:4: emoji: has no clause; add the one"),
        ("response: Checks", "answer", "emoji_cases.py:4: emoji: expected `def name(response)`"),
        ("def complete", "def emoji", "emoji_cases.py:10: emoji: the name is taken by line 4"),
        ("-> None:", "-> None", "emoji_cases.py:5: expected ':'; correct the syntax"),
        ('pattern="short"', 'patern="short"', "emoji_cases.py:10: complete: TypeError: scenario()"),
        ("import Checks", "import Cheks", "emoji_cases.py:1: ImportError: cannot import name"),
        (
            '@scenario(clause="R3", pattern="unicode")',
            "@scenario",
            "emoji: write @scenario(clause=",
        ),
        (MODULE, "", "no module here declares a scenario; decorate a function with @scenario"),
    ],
    ids=[
        *("no clause", "wrong parameter", "name taken", "syntax", "wrong keyword", "import"),
        *("bare decorator", "empty"),
    ],
)
def test_a_mistake_names_file_function_and_fix(
    folder: Path, old: str, new: str, message: str
) -> None:
    (folder / "emoji_cases.py").write_text(MODULE.replace(old, new))
    with pytest.raises(ScenarioError) as error:
        scenarios_in(folder)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('clause="R3"', 'clause="R33"', "emoji: no clause 'R33' in the contract of handoff"),
        ("def complete", "def unicode_emoji", "unicode_emoji: the name is taken by "),
    ],
)
def test_a_mistake_is_a_usage_error_of_the_command(
    conformance: Conformance, folder: Path, old: str, new: str, message: str
) -> None:
    (folder / "emoji_cases.py").write_text(MODULE.replace(old, new))
    done = conformance("run", SOUND, f"--scenarios={folder}")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    nowhere = conformance("run", SOUND, "--scenarios=nowhere")
    assert "there is no such folder" in nowhere.stderr
