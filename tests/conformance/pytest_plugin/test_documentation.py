"""The examples of docs/pytest.md run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.manifests import SOUND
from tests.conformance.pytest_plugin.conftest import PLUGINS

PAGE = Path(__file__).parents[3] / "docs" / "pytest.md"

BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)


def blocks(*words: str) -> str:
    """The page's one block for each word."""
    return "\n".join(next(block for block in BLOCKS if word in block) for word in words)


def test_the_examples_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(f"[pytest]\nconformance_daemon = {SOUND}\nconformance_variant = default\n")
    registered = re.sub("^", "    ", blocks("script.stall"), flags=re.M)
    pytester.makepyfile(
        test_fixtures=blocks("def test_emoji", "def test_my_client"),
        test_scenario=blocks("def emoji"),
        test_driver=blocks("def test_conformance"),
        test_script=f"def test_script(conformance_mock):\n{registered}\n    assert pattern",
        conftest=blocks("pytest_xdist_make_scheduler"),
    )
    selected = ("--conformance-scenario=finish_stop", "-p", "xdist", "-n2")
    pytester.runpytest_subprocess(*PLUGINS, *selected).assert_outcomes(passed=5)


def test_the_library_call_runs(pytester: pytest.Pytester) -> None:
    code = blocks("import judge").replace("path/to/daemon.toml", str(SOUND))
    code = code.replace('categories=["unicode"]', 'scenarios=["unicode_cjk"], variants=["default"]')
    assert pytester.runpython(pytester.makepyfile(code)).ret == 0
