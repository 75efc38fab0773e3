"""Several reports of one run: `FORMAT` on the console, `FORMAT=FILE` in files."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from conformance.report._several import Several, Target
from tests.conformance.conftest import Command
from tests.conformance.report.samples import mixture, replay

RUN = ("run", "tests/faulty/handoff", "--variant=default", "--scenario=finish_stop")


def test_a_run_writes_every_report(conformance: Command, tmp_path: Path) -> None:
    tap, packed = tmp_path / "run.tap", tmp_path / "run.json.gz"
    done = conformance(*RUN, f"--report=tap={tap}", f"--report=json={packed}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("green: 1 pass")
    assert tap.read_text().splitlines()[-1] == "ok 1 - faulty/default/finish_stop"
    assert json.loads(gzip.decompress(packed.read_bytes()))["green"] is True
    assert f"tap report: {tap}\n" in done.stderr


def test_format_and_output_are_short_forms(conformance: Command, tmp_path: Path) -> None:
    file = tmp_path / "run.tap"
    done = conformance(*RUN, "--format=tap", "-o", str(file), "--report=tap14")
    assert done.stdout.startswith("TAP version 14\n")
    assert file.read_text().startswith("TAP version 13\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--report=jsno=x"], "no output format 'jsno'; did you mean 'json'?"),
        (["--report=tap", "--report=json"], "expected one report on the console, found tap and"),
        (["--report=tap=/nowhere/run.tap"], "found /nowhere/run.tap (No such file or directory)"),
    ],
)
def test_what_cannot_be_written_is_an_error(
    conformance: Command, arguments: list[str], says: str
) -> None:
    done = conformance(*RUN, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_each_report_is_as_it_is_alone(tmp_path: Path) -> None:
    names = ("tap", "tap14", "json")
    for name in names:
        replay(Several([Target(name, str(tmp_path / f"{name}.alone"))], strict=False), mixture())
    together = Several([Target(name, str(tmp_path / name)) for name in names], strict=False)
    replay(together, mixture())
    for name in names:
        assert (tmp_path / name).read_text() == (tmp_path / f"{name}.alone").read_text()
        assert os.path.getsize(tmp_path / name) > 1000


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_a_saved_run_is_rendered_as_if_it_had_just_ended(
    conformance: Command, tmp_path: Path, suffix: str
) -> None:
    file, tap, again = tmp_path / f"run{suffix}", tmp_path / "run.tap", tmp_path / "again.tap"
    done = conformance(
        *("run", "tests/faulty/handoff", "--variant=canned", "--category=unicode"),
        *(f"--report=json={file}", f"--report=tap={tap}"),
    )
    assert done.returncode == 1
    later = conformance("report", str(file), f"--report=tap={again}", "--report=human")
    assert later.returncode == 0, later.stderr
    assert "not ok 1 " in again.read_text()
    assert again.read_text() == tap.read_text()
    assert later.stdout.splitlines()[-1].startswith("red: ")


def test_a_file_that_is_no_run_is_an_error(conformance: Command, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    for content in (None, b"\xff", b"{}"):
        if content is not None:
            file.write_bytes(content)
        done = conformance("report", str(file))
        assert done.returncode == 2
        assert f"write one with --report json={file}" in done.stderr
