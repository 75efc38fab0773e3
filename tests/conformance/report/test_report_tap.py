"""Flat TAP, read back by tap.py's parser and by Debian's prove."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tap.parser import Parser  # type: ignore[import-untyped]

from conformance.core.result import Run, Verdict
from conformance.profiles.registry import profile_named
from conformance.report._point import plain
from tests.conformance.report.samples import HOSTILE, failed, mixture, rendered, result


def points(text: str) -> dict[str, Any]:
    """tap.py's result lines by description; whatever is neither result, plan nor comment fails."""
    lines = list(Parser().parse_text(text))
    assert {each.category for each in lines} <= {"version", "plan", "test", "diagnostic"}
    return {each.description: each for each in lines if each.category == "test"}


def prove(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("prove") is None:
        pytest.skip("prove is missing; install perl (Debian: perl)")
    file = folder / "run.tap"
    file.write_text(text)
    return subprocess.run(
        ["prove", "--exec", "cat", file], capture_output=True, text=True, check=False
    )


def green() -> Run:
    run = mixture()
    results = tuple(each for each in run.results if not each.verdict.red)
    return replace(run, results=results, planned=len(results))


def test_tap_py_reads_every_point() -> None:
    run = mixture()
    read = points(rendered("tap", run))
    assert list(read) == [f"- {each.id}" for each in run.results]
    assert [each.number for each in read.values()] == list(range(1, len(run.results) + 1))
    for each in run.results:
        line = read[f"- {each.id}"]
        assert line.ok == (each.verdict in (Verdict.PASS, Verdict.WARN, Verdict.SKIP))
        assert line.skip == (each.verdict is Verdict.SKIP)
        assert line.todo == (each.verdict is Verdict.KNOWN)
        if line.skip or line.todo:
            assert line.directive.reason == each.reason


def test_diagnostics_are_exact() -> None:
    run = mixture()
    read = points(rendered("tap", run))
    for each in run.results:
        block = read[f"- {each.id}"].yaml_block
        if each.verdict in (Verdict.PASS, Verdict.SKIP, Verdict.WARN):
            assert block is None
            continue
        assert block["severity"] == each.verdict.value
        assert block["repeat"] == f"conformance run {shlex.join(each.repeat)}"
        assert block["description"] == plain(each.description)
        told = [block, *block.get("also", [])] if each.failures else []
        for failure, told_of in zip(each.failures, told, strict=True):
            for name in ("check", "clause", "level", "expected", "actual", "where"):
                assert told_of[name] == plain(getattr(failure, name))
            assert told_of["rule"] == profile_named("handoff").clause(failure.clause).sentence
        shown = plain(each.evidence.expandtabs(4)).strip("\n").splitlines()
        assert [line["line"] for line in block.get("evidence", [])] == [
            line.rstrip() for line in shown
        ]


def test_npms_readers_find_what_is_red(npm_readers: Path) -> None:
    run = mixture()
    text = rendered("tap", run)

    def read(name: str) -> str:
        command = [str(npm_readers / name)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout

    spec = read("tap-spec")
    failed = len(run.red) + sum(each.verdict is Verdict.KNOWN for each in run.results)
    assert f"total:     {len(run.results)}\n" in spec
    assert f"failing:   {failed}\n" in spec  # it does not know TODO
    assert "✖ go/default/abort_stream" in spec
    assert 'actual: "6 events, none of them an error"' in spec
    for name in ("tap-junit", "tap-xunit"):
        (suite,) = ElementTree.fromstring(read(name)).iter("testsuite")  # noqa: S314, our own text
        assert suite.get("tests") == str(len(run.results))
        names = [case.get("name", "") for case in suite.iter("testcase")]
        assert [each.rpartition(" ")[2] for each in names] == [each.id for each in run.results]
        broken = [case for case in suite.iter("testcase") if case.find("failure") is not None]
        assert len(broken) in (len(run.red), failed)


def test_no_line_of_a_daemon_begins_a_line() -> None:
    command = "::error file=x::y"
    failure = result("go/default/a", Verdict.FAIL, evidence=f"log\n{command}\n##[error]z\n")
    for name in ("tap", "tap14"):
        text = rendered(name, replace(mixture(), results=(failure,), planned=1))
        assert "error file=x" in text
        assert not re.search(r"^\s*(::|##)", text, re.M)


def test_prove_accepts_a_green_run(tmp_path: Path) -> None:
    done = prove(rendered("tap", green()), tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Result: PASS" in done.stdout
    assert done.stderr == ""


def test_prove_finds_what_is_red(tmp_path: Path) -> None:
    run = mixture()
    done = prove(rendered("tap", run), tmp_path)
    assert done.returncode == 1
    assert f"Failed {len(run.red)}/{len(run.results)} subtests" in done.stdout
    assert "Parse errors" not in done.stdout


def test_prove_notices_a_run_cut_short(tmp_path: Path) -> None:
    run = green()
    done = prove(rendered("tap", replace(run, planned=run.planned + 1)), tmp_path)
    assert done.returncode != 0
    assert "Bailout called." in done.stdout + done.stderr
    assert f"1 of {run.planned + 1} scenarios were not judged" in done.stdout + done.stderr


@pytest.mark.parametrize("strict", [False, True])
def test_a_warning_is_red_where_it_is_strict(strict: bool) -> None:
    warned = result("go/default/chunks_long", Verdict.WARN, failures=(failed("header", "R1"),))
    run = replace(mixture(), results=(warned,), planned=1)
    (line,) = points(rendered("tap", run, strict=strict)).values()
    assert line.ok is not strict
    text = rendered("tap", run, strict=strict)
    assert ('severity: "warn"' in text) is strict
    assert ("# warning: header (R1 MUST): expected no [DONE], found [DONE]" in text) is not strict


def test_hostile_names_and_reasons_stay_on_their_line(tmp_path: Path) -> None:
    skipped = result("go/default/a", Verdict.SKIP, reason=HOSTILE)
    known = result("go/default/b", Verdict.KNOWN, reason=HOSTILE)
    odd = replace(skipped, scenario="odd # TODO \n1..0\x1b", verdict=Verdict.PASS)
    run = replace(mixture(), results=(skipped, known, odd), planned=3)
    text = rendered("tap", run)
    assert all(each.isprintable() or each == "\n" for each in text)
    first, second, third = points(text).values()
    assert (first.skip, second.todo, third.todo) == (True, True, False)
    assert third.description == "- go/default/odd \\x23 TODO 1..0\\x1b"
    assert prove(text, tmp_path).returncode == 0


def test_a_notice_is_a_comment() -> None:
    comments = [
        each.text
        for each in Parser().parse_text(rendered("tap", mixture()))
        if each.category == "diagnostic"
    ]
    assert comments[:2] == ["# building go", "# go/default"]
