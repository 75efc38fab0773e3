"""`conformance compare`, `--since`, and the badges."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.core.result import Result, Run, Verdict
from conformance.report._compare import as_text, compare
from tests.conformance.conftest import Command
from tests.conformance.report.samples import failed, mixture, rendered, result

SOUND = "tests/faulty/handoff"


def run_of(**verdicts: Verdict) -> Run:
    results = tuple(
        result(f"go/h1/{name}", verdict, failures=(failed("done"),) if verdict.red else ())
        for name, verdict in verdicts.items()
    )
    return replace(mixture(), results=results, planned=len(results))


def names(results: tuple[Result, ...]) -> list[str]:
    return [each.scenario for each in results]


def test_each_difference_is_named() -> None:
    old = run_of(
        same=Verdict.FAIL,
        broke=Verdict.PASS,
        fixed=Verdict.FAIL,
        hidden=Verdict.PASS,
        gone=Verdict.PASS,
    )
    new = run_of(
        same=Verdict.FAIL,
        broke=Verdict.FAIL,
        fixed=Verdict.PASS,
        hidden=Verdict.SKIP,
        more=Verdict.PASS,
    )
    found = compare(old, new)
    assert [pair[1].scenario for pair in found.worse] == ["broke", "hidden"]
    assert [pair[1].scenario for pair in found.better] == ["fixed"]
    assert (names(found.appeared), names(found.went)) == (["more"], ["gone"])
    assert found.regressed
    *lines, total = as_text(found)
    assert lines[0] == "worse     go/h1/broke  pass → fail: failed check: done"
    assert total == "2 worse, 1 better, 1 appeared, 1 went"


@pytest.mark.parametrize(
    ("old", "new", "regressed"),
    [
        (run_of(a=Verdict.FAIL), run_of(a=Verdict.FAIL), False),
        (run_of(a=Verdict.FAIL), run_of(a=Verdict.PASS), False),
        (run_of(a=Verdict.PASS), run_of(a=Verdict.WARN), True),
        (run_of(a=Verdict.PASS), run_of(a=Verdict.PASS, b=Verdict.PASS), False),
        (run_of(a=Verdict.PASS), run_of(a=Verdict.PASS, b=Verdict.FAIL), True),
        (run_of(a=Verdict.PASS, b=Verdict.FAIL), run_of(a=Verdict.PASS), False),
        (run_of(a=Verdict.PASS), replace(run_of(a=Verdict.PASS), planned=2), True),
    ],
)
def test_only_what_got_worse_is_a_regression(old: Run, new: Run, regressed: bool) -> None:
    assert compare(old, new).regressed is regressed


def test_the_command_exits_with_1_where_something_got_worse(
    conformance: Command, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"{name}.json" for name in ("old", "new")}
    files["old"].write_text(rendered("json", run_of(a=Verdict.PASS)))
    files["new"].write_text(rendered("json", run_of(a=Verdict.FAIL)))
    worse = conformance("compare", str(files["old"]), str(files["new"]))
    assert (worse.returncode, worse.stderr) == (1, "")
    assert worse.stdout.startswith("worse     go/h1/a  pass → fail")
    assert conformance("compare", str(files["new"]), str(files["old"])).returncode == 0
    missing = conformance("compare", str(files["old"]), str(tmp_path / "none.json"))
    assert missing.returncode == 2
    assert "write one with --report json=" in missing.stderr


def test_since_selects_what_a_version_had(conformance: Command, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "from conformance import scenario\n"
        "@scenario(clause='R1', since='9.1.0')\n"
        "def mine_later(response):\n"
        "    'The daemon answers.'\n"
        "    response.http_status(200)\n"
    )
    common = ("run", SOUND, "--variant=default", f"--scenarios={folder}", "--report=tap")
    both = ("--scenario=finish_stop", "--scenario=mine_later")
    old = conformance(*common, *both, "--since=0.1.0")
    assert "1..1\n" in old.stdout
    assert "mine_later" not in old.stdout
    assert "1..2\n" in conformance(*common, *both, "--since=9.1").stdout
    for wrong in ("nine", "1.x", ""):
        done = conformance(*common, f"--since={wrong}")
        assert done.returncode == 2
        assert "expected a version such as 0.1.0" in done.stderr


def test_a_badge_says_how_many_passed() -> None:
    run = mixture()
    judged = sum(each.verdict is not Verdict.SKIP for each in run.results)
    passed = sum(each.verdict in (Verdict.PASS, Verdict.WARN) for each in run.results)
    svg = ElementTree.fromstring(rendered("badge", run))  # noqa: S314, our own text
    assert svg.get("aria-label") == f"stream conformance: {passed}/{judged}"
    shields = json.loads(rendered("shields", run))
    assert shields["schemaVersion"] == 1
    assert shields["message"] == f"{passed}/{judged}"
    assert (shields["color"], shields["isError"]) == ("#c4232b", True)
    green = run_of(a=Verdict.PASS)
    assert json.loads(rendered("shields", green))["color"] == "#1a7f37"
