"""The runner: verdicts from levels, what a late suite may not judge, what broke."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.checks import Checks
from conformance.core.finding import Finding
from conformance.core.masking import PREFIX
from conformance.core.record import empty, masked_record, pack, unpack, with_log
from conformance.core.result import FailedCheck, Result, Verdict
from conformance.daemon.served import Served
from conformance.mock.addresses import Addresses
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.registry import profile_named
from conformance.running import retries
from conformance.running.manifests import load
from conformance.running.play import Judgement
from conformance.running.retries import LONG
from conformance.running.runner import Runner
from conformance.running.selection import Case
from conformance.running.settings import Settings
from conformance.running.verdicts import judged, without_keys
from conformance.timing.calibration import CALM
from conformance.timing.loop_lag import TOO_LATE

SOUND = load(Path(__file__).parents[2] / "faulty" / "handoff")


@pytest.fixture(scope="module")
def addresses() -> Any:
    with MockServer() as mock:
        yield mock.addresses


def case(function: Callable[..., Any], **fields: Any) -> Case:
    """A case like basic_response, except for its function."""
    plain = next(
        each for each in profile_named("handoff").scenarios if each.name == "basic_response"
    )
    scenario = replace(plain, name=function.__name__, function=function, **fields)
    return Case(SOUND, SOUND.variants[0], scenario)


def judge(addresses: Addresses, *cases: Case) -> dict[str, Result]:
    results: dict[str, Result] = {}

    async def run() -> None:
        def publish(result: Result) -> None:
            assert result.scenario not in results
            results[result.scenario] = result

        async with MockClient.attach(addresses) as upstream:
            await Runner(Settings(), upstream, CALM, publish=publish).judge(cases)

    asyncio.run(run())
    return results


async def leaks(bench: HandoffBench) -> None:
    """A check that quotes the daemon's key, as a daemon may log it or send it."""
    key = bench.daemon.key
    bench.check(False, "key", expected=f"not {key}", actual=f"Bearer {key}!", where=key)
    bench.note(Finding("other", "no key", key, "the daemon"))
    raise RuntimeError(key)


def test_no_report_repeats_an_api_key(addresses: Addresses) -> None:
    results = judge(addresses, case(leaks, alone=True))
    text = json.dumps(results["leaks"].to_json())
    assert "sk-conformance-" not in text
    assert "RuntimeError: <API key>" in text
    asked = replace(SOUND, served=Served(Path("/s"), api_key="sk-mine"))
    one = Case(asked, SOUND.variants[0], case(leaks).scenario)
    shown = without_keys(one, replace(results["leaks"], reason="sk-mine was sent"))
    assert shown.reason == "<API key> was sent"


def test_a_record_keeps_no_key() -> None:
    key = f"{PREFIX}{'0' * 24}"
    packed = pack(with_log(empty(), f"Bearer {key} and sk-mine"))
    assert unpack(packed)["log"] == "Bearer <API key> and sk-mine"
    assert unpack(masked_record(packed, "sk-mine"))["log"] == "Bearer <API key> and <API key>"


def stand_still(seconds: float) -> None:
    time.sleep(seconds)  # the suite itself is late, which is what is tested here


def late(bench: HandoffBench, *, holds: bool, cited: str) -> None:
    stand_still(3 * TOO_LATE)
    bench.check(holds, "in_time", expected="in time", actual="late", clause=cited)


async def late_in_time(bench: HandoffBench) -> None:
    """A bound that does not hold while the suite is late."""
    late(bench, holds=False, cited="R7")


async def late_otherwise(bench: HandoffBench) -> None:
    """Something else that does not hold while the suite is late."""
    late(bench, holds=False, cited="R2")


async def late_and_well(bench: HandoffBench) -> None:
    """Everything holds though the suite is late."""
    late(bench, holds=True, cited="R7")


async def late_long(bench: HandoffBench) -> None:
    """A long unsuccessful wait, of which the suite itself has lost much in small parts."""
    for _ in range(20):
        stand_still(TOO_LATE * 2 / 3)
        await asyncio.sleep(0)
    bench.check(False, "event", expected="an event", actual="none", clause="R2")


async def hangs(bench: HandoffBench) -> None:
    """A long unsuccessful wait while the suite was on time."""
    await asyncio.sleep(LONG)
    bench.check(False, "event", expected="an event", actual="none", clause="R2")


async def late_and_too_large(bench: HandoffBench) -> None:
    """Memory that grows too much while the suite is late."""
    stand_still(3 * TOO_LATE)
    bench.at_most("growth", 100, 8, "MiB more memory", clause="R7")


TRIES: list[str] = []


async def late_once(bench: HandoffBench) -> None:
    """Does not hold the first time, when the suite is late, and holds the second time."""
    TRIES.append("late_once")
    if len(TRIES) == 1:
        late(bench, holds=False, cited="R7")
    else:
        bench.check(True, "in_time", expected="", actual="", clause="R7")


def breaks(response: Checks) -> None:
    """The suite's own fault."""
    raise ZeroDivisionError(response.text)


def holds(response: Checks) -> None:
    """A sound scenario next to a broken one."""
    response.no_error()


def test_what_a_late_suite_cannot_judge_is_tried_again_and_never_passes(
    addresses: Addresses,
) -> None:
    results = judge(addresses, *map(case, (late_in_time, late_otherwise, late_and_well, late_once)))
    assert results["late_in_time"].verdict is Verdict.ERROR
    assert results["late_in_time"].reason.startswith("inconclusive: tried twice")
    assert results["late_in_time"].failures[0].clause == "R7"
    assert results["late_otherwise"].verdict is Verdict.FAIL
    assert results["late_and_well"].verdict is Verdict.PASS
    assert results["late_once"].verdict is Verdict.PASS
    assert results["late_once"].reason.startswith("second try; the first was inconclusive: ")
    assert len(TRIES) == 2


def test_memory_is_judged_whatever_the_time(addresses: Addresses) -> None:
    result = judge(addresses, case(late_and_too_large))["late_and_too_large"]
    assert result.verdict is Verdict.FAIL
    assert result.failures[0].check == "growth"


def test_a_long_wait_of_a_late_suite_is_inconclusive_too(addresses: Addresses) -> None:
    results = judge(addresses, case(late_long))
    assert results["late_long"].verdict is Verdict.ERROR
    assert results["late_long"].reason.startswith("inconclusive: tried twice")
    assert judge(addresses, case(hangs))["hangs"].verdict is Verdict.FAIL


def test_second_tries_end(addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECOND_TRIES", 0.0)
    result = judge(addresses, case(late_in_time))["late_in_time"]
    assert result.verdict is Verdict.ERROR
    assert result.reason.startswith("inconclusive: tried once, and the machine was ")
    assert result.failures[0].clause == "R7"


def test_a_scenario_that_breaks_is_an_error_and_does_not_disturb_others(
    addresses: Addresses,
) -> None:
    results = judge(addresses, case(breaks), case(holds))
    assert results["breaks"].verdict is Verdict.ERROR
    assert "ZeroDivisionError" in results["breaks"].evidence
    assert results["holds"].verdict is Verdict.PASS


def failed(level: str) -> FailedCheck:
    return FailedCheck("check", "R1", level, "expected", "actual", "where")


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ([], Verdict.PASS),
        (["SHOULD"], Verdict.WARN),
        (["SHOULD", "MUST"], Verdict.FAIL),
        (["MAY"], Verdict.WARN),
    ],
)
def test_the_highest_level_decides(levels: list[str], verdict: Verdict) -> None:
    judgement = Judgement(tuple(map(failed, levels)), "")
    assert judged(case(holds), judgement).verdict is verdict
