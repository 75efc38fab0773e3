"""The seam: finding formats, the order of results, and what counts as green."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from conformance import report
from conformance.core.result import Result, Run, Verdict
from conformance.report import exit_status, formats, load
from tests.conformance.report.samples import mixture, replay, result


def run_of(*verdicts: Verdict, **fields: object) -> Run:
    results = tuple(result(f"go/default/basic_{n}", each) for n, each in enumerate(verdicts))
    values = {"results": results, "started": "", "duration": 0.0, "version": "0", **fields}
    return Run(**values)  # type: ignore[arg-type]


def test_formats_are_the_modules_of_the_folder() -> None:
    assert formats() == (
        *("badge", "github", "html", "human", "json", "junit", "markdown", "shields"),
        *("tap", "tap14"),
    )
    assert all(callable(load(each)) for each in formats())


def test_a_format_is_added_by_one_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("dots.py").write_text(
        "class Dots:\n"
        "    def __init__(self, stream): self.write = stream.write\n"
        "    def begin(self, total, daemons, planned=()): self.write(f'{total} ')\n"
        "    def result(self, result): self.write('.')\n"
        "    def notice(self, text): pass\n"
        "    def end(self, run): self.write(' done')\n"
        "def open_report(stream, *, color=None, strict=False, program=''): return Dots(stream)\n"
    )
    monkeypatch.setattr(report, "__path__", [*report.__path__, str(tmp_path)])
    stream = io.StringIO()
    assert "dots" in formats()
    replay(load("dots")(stream), run_of(Verdict.PASS, Verdict.FAIL, planned=2))
    assert stream.getvalue() == "2 .. done"


@pytest.mark.parametrize(
    ("name", "hint"), [("jsno", "did you mean 'json'? there are: "), ("xml", "there are: ")]
)
def test_an_unknown_format_names_one_that_is_near(name: str, hint: str) -> None:
    with pytest.raises(LookupError) as error:
        load(name)
    assert str(error.value).startswith(f"no output format {name!r}; {hint}")


@pytest.mark.parametrize("module", ["report", "report.listing", "report.explain", "report.json"])
def test_what_does_not_need_rich_does_not_load_it(module: str) -> None:
    code = (
        f"import sys, conformance.{module}; from conformance.report import formats; formats();"
        "print({'rich', 'tap', 'yaml'} & sys.modules.keys() or 'none')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (run_of(Verdict.PASS), 0),
        (run_of(Verdict.PASS, Verdict.WARN, Verdict.KNOWN, Verdict.SKIP), 0),
        (run_of(Verdict.PASS, Verdict.WARN, strict=True), 1),
        (run_of(Verdict.PASS, Verdict.FAIL), 1),
        (run_of(Verdict.PASS, Verdict.ERROR), 1),
        (run_of(Verdict.PASS, Verdict.SURPRISE), 1),
        (run_of(), 1),
        (run_of(Verdict.SKIP, Verdict.SKIP), 1),
        (run_of(Verdict.PASS, planned=2), 1),
    ],
)
def test_green_means_that_something_was_judged_and_nothing_is_red(run: Run, status: int) -> None:
    assert exit_status(run) == status


@pytest.mark.parametrize("name", ["tap", "tap14"])
@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_arrival_does_not_show(name: str, seed: int) -> None:
    run = mixture()
    shuffled = random.Random(seed).sample(run.results, len(run.results))  # noqa: S311
    assert _written(name, run, tuple(shuffled)) == _written(name, run, run.results)


@pytest.mark.parametrize(
    ("name", "pattern"), [("tap", r"^(?:not )?ok \d+ - (.*?)/"), ("tap14", r"^# Subtest: (.*)")]
)
def test_without_a_plan_daemons_still_stand_together(name: str, pattern: str) -> None:
    run = mixture()
    report_, stream = _opened(name)
    daemons = list(dict.fromkeys(each.daemon for each in run.results))
    report_.begin(len(run.results), daemons)
    # Daemons are judged side by side, each in its own order.
    for each in sorted(run.results, key=lambda each: each.scenario):
        report_.result(each)
    report_.end(run)
    seen = re.findall(pattern, stream.getvalue(), re.M)
    assert [daemon for daemon, _ in groupby(seen)] == daemons


@pytest.mark.parametrize("name", ["tap", "tap14"])
def test_a_result_is_written_as_soon_as_its_turn_comes(name: str) -> None:
    first, second, third = run_of(Verdict.PASS, Verdict.PASS, Verdict.PASS).results
    report_, stream = _opened(name)
    report_.begin(3, ["go"], [first.id, second.id, third.id])
    assert "1..3" in stream.getvalue() or name == "tap14"
    report_.result(second)
    assert "basic_1" not in stream.getvalue()
    report_.result(first)
    assert "ok 2 - " in stream.getvalue()
    assert "basic_2" not in stream.getvalue()


def _opened(name: str) -> tuple[report.Report, io.StringIO]:
    stream = io.StringIO()
    return load(name)(stream), stream


def _written(name: str, run: Run, arrival: tuple[Result, ...]) -> str:
    report_, stream = _opened(name)
    replay(report_, replace(run, results=run.results), arrival=arrival)
    return stream.getvalue()
