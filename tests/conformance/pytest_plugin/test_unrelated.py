"""The plugin costs nothing and changes nothing where none of it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import sys

def test_mine():
    loaded = {name for name in sys.modules if name.split(".")[0] in ("conformance", "mock_api")}
    assert "conformance.pytest_plugin.plugin" in loaded
    assert loaded <= {
        "conformance", "conformance.pytest_plugin", "conformance.pytest_plugin.plugin",
        "conformance.pytest_plugin.fixtures", "conformance.pytest_plugin.holding",
    }
    assert not {"asyncio", "httpx", "rich"} & sys.modules.keys()
"""


@pytest.mark.parametrize("arguments", [(), ("--help",), ("--fixtures",), ("--collect-only",)])
def test_the_entry_point_disturbs_no_other_project(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    pytester.makepyfile("def test_mine(): pass")
    slow = ("-p", "no:langsmith_plugin", "-p", "no:anyio")
    result = pytester.runpytest_subprocess(*slow, *arguments)
    assert result.ret == 0
    assert not result.stderr.str()
    if arguments == ("--fixtures",):
        result.stdout.fnmatch_lines(["conformance_daemon*", "conformance_mock*"])
    if arguments == ("--help",):
        result.stdout.fnmatch_lines(["*--conformance-daemon=DAEMON*"])
        lines = [line.strip() for line in result.outlines]
        options = [line for line in lines if line.startswith("-") and "conformance" in line]
        assert len(options) > 10
        assert all(option.startswith("--conformance-") for option in options)


def test_it_imports_nothing_of_the_suite(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(LOADED)
    plugin = ("-p", "conformance.pytest_plugin.plugin")
    pytester.runpytest_subprocess(*plugin).assert_outcomes(passed=1)


def test_it_takes_less_than_fifty_milliseconds() -> None:
    """Measured as processor time, which a busy machine stretches little."""
    code = "import pytest, time; t = time.process_time(); {}; print(time.process_time() - t)"
    plugin = code.format("import conformance.pytest_plugin.plugin")
    taken = min(float(subprocess.check_output([sys.executable, "-c", plugin])) for _ in range(3))
    assert taken < 0.05
