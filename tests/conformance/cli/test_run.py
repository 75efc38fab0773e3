"""`conformance run`: selection, pytest's own options, exit statuses, skips, known failures."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.manifests import write

REPOSITORY = Path(__file__).parents[3]
FAULTY = REPOSITORY / "tests" / "faulty"
SOUND = str(FAULTY / "handoff")

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]
Results = Callable[..., dict[str, Any]]


def scenarios(*names: str) -> list[str]:
    return [f"--scenario={name}" for name in names]


def ids(run: dict[str, Any]) -> list[str]:
    return [f"{each['variant']}/{each['scenario']}" for each in run["results"]]


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., str]:
    """Write a manifest for the sound daemon; its path."""
    return partial(write, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nope"], "no daemon (nor a daemon.toml at that path) 'nope'"),
        ([SOUND, "--scenario=unicode_emojy"], "did you mean 'unicode_emoji', "),
        ([SOUND, "--scenario=abort_eraly"], "did you mean 'abort_early',"),
        ([SOUND, "--scenario=unicode"], "it is a category; use --category unicode"),
        ([SOUND, "--scenario=nothing_*"], "no scenario matches 'nothing_*'"),
        ([SOUND, "--category=unicod"], "did you mean 'unicode'?"),
        ([SOUND, "--variant=silen"], "did you mean 'silent'?"),
        ([SOUND, "--require=go"], "no selected daemon 'go'"),
        ([SOUND, "--profile=handof"], "did you mean 'handoff'?"),
        ([SOUND, "--variant=default", "-k", "nothing_like_this"], "nothing is selected"),
        ([SOUND, "--category=basic", "--scenario=unicode_cjk"], "nothing is selected"),
        ([SOUND, "--socket=/nowhere"], "not both"),
        ([SOUND, "--format=tapp"], "'tapp' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_an_error(
    conformance: Conformance, arguments: list[str], says: str
) -> None:
    done = conformance("run", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_selection_by_name_keyword_and_mark(results: Results) -> None:
    common = (SOUND, "--variant=default")
    category = results(*common, "--category=abort")
    assert {"default/abort_stream", "default/abort_early"} < set(ids(category))
    assert {each["category"] for each in category["results"]} == {"abort"}
    assert ids(results(*common, "-k", "unicode_cjk or unicode_emoji")) == [
        "default/unicode_emoji",
        "default/unicode_cjk",
    ]
    marked = results(*common, "-m", "R1 and basic and must and not alone")
    assert "default/basic_response" in ids(marked)
    assert {each["category"] for each in marked["results"]} == {"basic"}
    assert all("R1" in each["clauses"] for each in marked["results"])


def test_a_pattern_selects_scenarios(results: Results) -> None:
    run = results(SOUND, "--variant=default", *scenarios("finish_[sl]*", "unicode_cj?"))
    names = {each["scenario"] for each in run["results"]}
    assert {"finish_stop", "finish_length", "unicode_cjk"} <= names
    assert all(re.match("finish_[sl]|unicode_cj", name) for name in names)


def test_the_manifest_of_the_current_folder_is_judged(
    conformance: Conformance, manifest: Callable[..., str]
) -> None:
    done = conformance("run", *scenarios("finish_stop"), cwd=Path(manifest()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 scenarios on sound" in done.stdout


def test_a_scenario_can_fail_and_be_repeated_alone(
    conformance: Conformance, tmp_path: Path
) -> None:
    arguments = [SOUND, "--variant=drops_pattern", "--deadline=5", *scenarios("basic_response")]
    arguments += scenarios("short_chunks", "long_chunks")
    first = conformance("run", *arguments, cwd=tmp_path)
    assert first.returncode == 1
    again = conformance("run", *arguments, "--lf", cwd=tmp_path)
    assert again.returncode == 1
    assert "2 fail" in again.stdout
    assert "pass" not in again.stdout.splitlines()[-1]
    command = re.search(r"repeat +(.*)", first.stdout)
    assert command is not None
    alone = subprocess.run(
        shlex.split(command[1]), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert alone.returncode == 1
    assert "1 fail" in alone.stdout


def test_x_stops_at_the_first_failure(results: Results) -> None:
    run = results(SOUND, "--variant=canned", *scenarios("basic_content", "finish_stop"), "-x")
    assert len(run["results"]) == 1
    assert run["status"] == 1
    assert run["green"] is False


def test_pytest_receives_what_stands_behind_two_dashes(conformance: Conformance) -> None:
    done = conformance(
        *("run", SOUND, "--variant=default", *scenarios("finish_stop", "finish_length")),
        *("--", "-k", "finish_stop", "--durations=0", "-vv"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("green: 1 pass")
    assert len(re.findall(r"^\d+\.\d\ds call ", done.stderr, re.MULTILINE)) == 1
    wrong = conformance("run", SOUND, "--", "--no-such-option")
    assert wrong.returncode == 2
    assert "--no-such-option" in wrong.stderr


def test_a_missing_toolchain_is_a_skip_that_says_what_to_install(
    results: Results, manifest: Callable[..., str]
) -> None:
    lacking = manifest(
        build='[build]\ncommand = ["true"]\ninputs = ["daemon.toml"]\n'
        'requires = { no-such-tool = { install = "apt-get install no-such-tool" } }'
    )
    skipped = results(lacking, *scenarios("basic_content", "basic_response"))
    assert {each["verdict"] for each in skipped["results"]} == {"skip"}
    assert "apt-get install no-such-tool" in skipped["results"][0]["reason"]
    required = results(lacking, *scenarios("basic_response"), "--require=sound")
    assert required["status"] == 1
    (result,) = required["results"]
    assert result["verdict"] == "not judged"
    assert "the daemon is required, and cannot be judged" in result["reason"]


def test_a_build_that_fails_is_red_and_shows_its_output(
    results: Results, manifest: Callable[..., str]
) -> None:
    broken = manifest(
        build='[build]\ncommand = ["sh", "-c", "echo no such header; exit 3"]\n'
        'inputs = ["daemon.toml"]'
    )
    run = results(broken, "--scenario=basic_response")
    (result,) = run["results"]
    assert run["status"] == 1
    assert result["setup_error"]["setback"] == "not built"
    assert "exited with status 3" in result["setup_error"]["message"]
    assert "no such header" in result["setup_error"]["log"]


def test_known_failures(
    results: Results, conformance: Conformance, manifest: Callable[..., str]
) -> None:
    expected = manifest(
        '[variants.canned]\nargs = ["--fault", "canned"]\nwhole = true\n'
        '[known_failures]\n"canned/finish_stop" = "no API yet (tracker/1)"\n'
        '"default/finish_length" = "was fixed (tracker/2)"'
    )
    run = results(expected, *scenarios("finish_stop", "finish_length"))
    verdicts = {f"{each['variant']}/{each['scenario']}": each for each in run["results"]}
    assert verdicts["canned/finish_stop"]["verdict"] == "known"
    assert verdicts["canned/finish_stop"]["reason"] == "no API yet (tracker/1)"
    assert verdicts["default/finish_length"]["verdict"] == "surprise"
    assert verdicts["default/finish_stop"]["verdict"] == "pass"
    assert run["status"] == 1
    stale = manifest('[known_failures]\n"finish_stopp" = "gone"')
    done = conformance("run", stale)
    assert done.returncode == 2
    assert "did you mean 'finish_stop'?" in done.stderr


def test_a_scenario_that_a_daemon_cannot_be_asked_is_not_applicable(
    results: Results, manifest: Callable[..., str]
) -> None:
    run = results(manifest(), "--category=openai")
    reasons = {each["reason"] for each in run["results"] if each["verdict"] == "skip"}
    assert reasons == {"not applicable: lacks format=openai", "not applicable: lacks body"}
    assert run["status"] == 0


@pytest.mark.parametrize(("type_", "skipped"), [("--stream", 0), (None, 1)])
def test_a_served_socket(
    conformance: Conformance, tmp_path: Path, type_: str | None, skipped: int
) -> None:
    path = tmp_path / "served.sock"
    port = 20000 + os.getpid() % 10000
    daemon = subprocess.Popen(
        [sys.executable, f"{SOUND}/daemon.py", "--socket", str(path), *filter(None, [type_])],
        env={
            **os.environ,
            "OPENAI_API_BASE": f"http://127.0.0.1:{port}/v1",
            "OPENAI_API_KEY": "sk-mine",
        },
    )
    try:
        while not path.exists():
            assert daemon.poll() is None
        environment = {**os.environ, "MOCK_API_PORT": str(port)}
        run = subprocess.run(
            [
                *(sys.executable, "-m", "conformance", "run", f"--socket={path}"),
                "--api-key=sk-mine",
                *scenarios("basic_response", "abort_stream", "handoff_split"),
            ],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert "served/default" in run.stdout
        assert ("1 skip" in run.stdout) is bool(skipped)
    finally:
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
    gone = conformance(
        *("run", f"--socket={path}", "--api-key=sk-mine", f"--mock-port={port}"),
        "--scenario=basic_response",
    )
    assert gone.returncode == 1
    assert "start the daemon" in gone.stdout
