"""Daemons that die, stop answering or answer nothing: one set-up error, and no more time lost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conformance.core.result import Result, Run, Setback, Verdict
from conformance.mock.process import MockServer
from conformance.report._cause import causes
from conformance.running import Selection, Settings, run
from conformance.timing.calibration import calibrate

FAULTY = Path(__file__).parents[2] / "faulty"

PROGRAM = """
import itertools, os, sys, time
sys.path[:0] = {folders!r}
import life, service

started = itertools.count(1)

def miniature(client):
    if next(started) > {after}:
        {how}
    return False

service._miniature = miniature
sys.exit(life.main())
"""

MANIFEST = """
[daemon]
name = "stopper"
profile = "handoff"

[run]
command = ["{python}", "{dir}/stopper.py", "--socket", "{socket}", "--format", "openai"]
env = { OPENAI_API_BASE = "{api_base_plain}", OPENAI_API_KEY = "{api_key}" }

[capabilities]
body = true
format = ["openai"]
upstream = ["h1"]
"""

HANGS, DIES = "time.sleep(1e6)", "os._exit(7)"

ONE_ENTRY = 60.0
DEAD = 15.0
"""Seconds within which such a daemon is reported, next to other tests; alone it takes a third."""


@pytest.fixture(scope="module")
def mock() -> Any:
    with MockServer() as server:
        yield server.addresses


def slowness() -> float:
    """By how much other processes slow this machine down now."""
    return asyncio.run(calibrate()).scale


def stopper(folder: Path, how: str, *, after: int) -> Path:
    """A daemon that is right for some exchanges, and then does this."""
    folders = [str(FAULTY / "handoff"), str(FAULTY)]
    program = PROGRAM.format(folders=folders, after=after, how=how)
    (folder / "stopper.py").write_text(program)
    (folder / "daemon.toml").write_text(MANIFEST)
    return folder


def judged(daemon: Path, mock: Any, **more: Any) -> tuple[Run, float]:
    """The whole catalog, and how long it took."""
    began = time.monotonic()
    settings = more.pop("settings", Settings())
    results = run(Selection(daemons=(str(daemon),), **more), settings, mock=mock)
    return Run(results, "", 0.0, ""), time.monotonic() - began


def verdicts(results: tuple[Result, ...]) -> Counter[Verdict]:
    return Counter(result.verdict for result in results)


def test_a_daemon_that_stops_answering_is_one_error(tmp_path: Path, mock: Any) -> None:
    seen, seconds = judged(stopper(tmp_path, HANGS, after=5), mock)
    (error,) = seen.setup_errors
    assert error.setback is Setback.STOPPED
    assert "did not answer a plain exchange within" in error.message
    assert "basic_content" in error.ran
    counts = verdicts(seen.red)
    assert counts[Verdict.NOT_JUDGED] > 100
    # A scenario with an instance of its own can see that one hang before the canary does.
    own = counts[Verdict.FAIL]
    assert counts.keys() <= {Verdict.NOT_JUDGED, Verdict.FAIL}
    assert own <= 2, own
    assert len(causes(seen.red)) <= 1 + own
    assert seconds < ONE_ENTRY * slowness(), seconds


def test_the_rest_is_judged_on_a_fresh_instance(tmp_path: Path, mock: Any) -> None:
    """Forty-five exchanges are too few for these categories, and enough for what is left."""
    more = {"categories": ("basic", "unicode", "chunks", "abort")}
    seen, _ = judged(stopper(tmp_path, DIES, after=45), mock, **more)
    (error,) = seen.setup_errors
    assert error.setback is Setback.DIED
    assert "exited with status 7 while, or just after" in error.message
    left = [result for result in seen.results if result.scenario not in error.ran]
    assert left
    assert verdicts(tuple(left)).keys() <= {Verdict.PASS, Verdict.SKIP}
    assert {result.verdict for result in seen.red} == {Verdict.NOT_JUDGED}
    reasons = {result.reason for result in seen.red}
    assert reasons == {"it ran when the daemon stopped; by itself it passes"}


def test_a_daemon_that_dies_on_fresh_instances_too_is_not_judged_on(
    tmp_path: Path, mock: Any
) -> None:
    seen, _ = judged(stopper(tmp_path, DIES, after=30), mock)
    (error,) = seen.setup_errors
    assert error.message.endswith("; so did 3 fresh instances; the rest is not judged")
    assert verdicts(seen.results)[Verdict.PASS]
    assert verdicts(seen.results)[Verdict.NOT_JUDGED]


def test_a_daemon_that_dies_at_once_is_one_error(tmp_path: Path, mock: Any) -> None:
    seen, seconds = judged(stopper(tmp_path, DIES, after=0), mock)
    (error,) = seen.setup_errors
    assert error.setback is Setback.DIED
    assert "no plain exchange had been answered before" in error.message
    assert seconds < DEAD * slowness(), seconds


def test_a_dead_daemon_is_one_error(mock: Any) -> None:
    seen, seconds = judged(FAULTY / "handoff", mock, variants=("dead",))
    (error,) = seen.setup_errors
    assert error.setback is Setback.NOT_STARTED
    assert "exited with status 1 before its socket accepted" in error.message
    assert verdicts(seen.results).keys() == {Verdict.NOT_JUDGED, Verdict.SKIP}
    assert seconds < DEAD * slowness(), seconds


@pytest.mark.parametrize("variant", ["closes", "empty", "canned"])
def test_the_gate_stops_what_fails_alike(variant: str, mock: Any) -> None:
    seen, seconds = judged(FAULTY / "handoff", mock, variants=(variant,))
    (error,) = seen.setup_errors
    assert error.setback is Setback.ALIKE
    assert "fails the first 5 scenarios alike: applied expected " in error.message
    assert error.message.endswith("correct this first, or judge the others with --keep-going")
    assert verdicts(seen.results)[Verdict.FAIL] == 5
    assert seconds < ONE_ENTRY * slowness(), seconds


def test_the_gate_lets_through_whom_the_user_asks_to_keep_going(mock: Any) -> None:
    more = {"variants": ("empty",), "categories": ("basic",)}
    seen, _ = judged(FAULTY / "handoff", mock, settings=Settings(keep_going=True), **more)
    assert seen.setup_errors == ()
    assert verdicts(seen.results).keys() == {Verdict.FAIL}


def test_a_daemon_that_cannot_be_built_is_one_error(tmp_path: Path, mock: Any) -> None:
    stopper(tmp_path, DIES, after=0)
    text = MANIFEST.replace("[run]", '[build]\ncommand = ["false"]\ninputs = ["*.py"]\n\n[run]')
    (tmp_path / "daemon.toml").write_text(text)
    seen, seconds = judged(tmp_path, mock)
    (error,) = seen.setup_errors
    assert error.setback is Setback.NOT_BUILT
    assert seconds < DEAD * slowness(), seconds


def test_a_set_up_error_survives_its_way_out_of_a_worker(mock: Any) -> None:
    seen, _ = judged(FAULTY / "handoff", mock, variants=("dead",), scenarios=("basic_content",))
    (result,) = seen.results
    assert Result.from_json(result.to_json()) == result
