"""TAP 14, read back by npm's tap-parser in strict mode."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.core.result import Verdict
from tests.conformance.report.samples import mixture, rendered, result

TapParser = Callable[[str], tuple[int, list[Any]]]


def values(events: list[Any], kind: str) -> list[Any]:
    """What the events of one kind carry."""
    return [each[1] for each in events if each[0] == kind]


def asserts(events: list[Any]) -> list[dict[str, Any]]:
    return values(events, "assert")


def children(events: list[Any]) -> list[list[Any]]:
    return values(events, "child")


def complete(events: list[Any]) -> dict[str, Any]:
    (found,) = values(events, "complete")
    assert isinstance(found, dict)
    return found


def test_a_subtest_for_each_daemon(tap_parser: TapParser) -> None:
    run = mixture()
    status, events = tap_parser(rendered("tap14", run))
    assert status == 1
    daemons = list(dict.fromkeys(each.daemon for each in run.results))
    summed = {each["name"]: each for each in asserts(events)}
    assert list(summed) == daemons
    assert complete(events)["plan"]["end"] == len(daemons)
    for daemon, child in zip(daemons, children(events), strict=True):
        mine = [each for each in run.results if each.daemon == daemon]
        read = asserts(child)
        assert [each["name"] for each in read] == [f"{e.variant}/{e.scenario}" for e in mine]
        assert summed[daemon]["ok"] == (not any(each.verdict.red for each in mine))
        for each, line in zip(mine, read, strict=True):
            assert not line["tapError"]
            assert line["ok"] == (each.verdict in (Verdict.PASS, Verdict.WARN, Verdict.SKIP))
            assert (line["skip"] or "") == (each.reason if each.verdict is Verdict.SKIP else "")
            assert (line["todo"] or "") == (each.reason if each.verdict is Verdict.KNOWN else "")
            if each.failures:
                diagnostics = line["diag"]
                told = [diagnostics, *diagnostics.get("also", [])]
                assert [each["check"] for each in told] == [f.check for f in each.failures]
                assert diagnostics["repeat"] == f"conformance run {shlex.join(each.repeat)}"
    assert summed["rust"]["skip"]
    assert not complete(events)["bailout"]


def test_nothing_but_tap_and_comments(tap_parser: TapParser) -> None:
    def strays(events: list[Any]) -> list[Any]:
        mine = values(events, "extra")
        return mine + [stray for child in children(events) for stray in strays(child)]

    _, events = tap_parser(rendered("tap14", mixture()))
    assert strays(events) == []


def test_a_green_run_is_ok(tap_parser: TapParser) -> None:
    run = mixture()
    results = tuple(each for each in run.results if not each.verdict.red)
    status, events = tap_parser(
        rendered("tap14", replace(run, results=results, planned=len(results)))
    )
    assert status == 0
    assert complete(events)["ok"]


def test_strict_turns_a_warning_red(tap_parser: TapParser) -> None:
    warned = result("go/default/chunks_long", Verdict.WARN)
    run = replace(mixture(), results=(warned,), planned=1)
    assert tap_parser(rendered("tap14", run))[0] == 0
    assert tap_parser(rendered("tap14", run, strict=True))[0] == 1


def test_a_run_cut_short_is_not_ok(tap_parser: TapParser) -> None:
    run = mixture()
    whole = [each for each in run.results if each.daemon == "python-http2"]
    text = rendered("tap14", replace(run, results=tuple(whole)), arrival=tuple(whole[:-1]))
    status, events = tap_parser(text)
    assert status == 1
    assert [each["ok"] for each in asserts(events)] == [False]


def test_a_hash_in_a_name_is_escaped(tap_parser: TapParser) -> None:
    odd = result("go/default/odd # TODO \\ later", Verdict.FAIL)
    status, events = tap_parser(rendered("tap14", replace(mixture(), results=(odd,))))
    assert status == 1
    (line,) = asserts(children(events)[0])
    assert line["name"] == "default/odd # TODO \\ later"
    assert line["todo"] is False
