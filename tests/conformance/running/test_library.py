"""The library: `conformance.judge` and `conformance.running.run`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import conformance
from conformance import judge
from conformance.core.result import Result, Verdict
from conformance.running import Selection, run
from conformance.running.lookup import SelectionError

SOUND = Path(__file__).parents[2] / "faulty" / "handoff"


def test_a_daemon_is_judged() -> None:
    reported: list[Result] = []
    results = judge(
        SOUND, variants=["default", "canned"], scenarios=["finish_stop"], report=reported.append
    )
    assert {result.id: result.verdict for result in results} == {
        "faulty/default/finish_stop": Verdict.PASS,
        "faulty/canned/finish_stop": Verdict.FAIL,
    }
    assert tuple(reported) == results
    failed = next(result for result in results if result.verdict is Verdict.FAIL)
    assert failed.repeat[1:] == ("--variant", "canned", "--scenario", "finish_stop")


def test_a_mistake_is_an_exception_before_anything_starts() -> None:
    with pytest.raises(SelectionError, match="did you mean 'finish_stop'"):
        judge(SOUND, scenarios=["finish_stopp"])
    with pytest.raises(SelectionError, match="no daemon"):
        run(Selection(daemons=("nowhere",)))


def test_the_public_face_is_complete_and_lazy() -> None:
    assert all(getattr(conformance, name) for name in conformance.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'judgee'"):
        conformance.judgee  # noqa: B018
    code = (
        "import sys, conformance\n"
        "loaded = {name for name in sys.modules if name.startswith('conformance')}\n"
        "assert loaded == {'conformance'}, loaded\n"
        "assert 'asyncio' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
