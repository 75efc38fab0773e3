"""The report for people: pages, matrix, notes, colour and progress."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from conformance.core.result import Run, Verdict
from conformance.profiles.registry import profile_named
from conformance.report import load
from tests.conformance.report.samples import HOSTILE, TRANSCRIPT, failed, mixture, rendered, result


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def run_of(*results: Any, **fields: Any) -> Run:
    return replace(mixture(), results=results, planned=len(results), **fields)


def pages(text: str) -> list[list[str]]:
    """The lines of each failure's page, from its heading to its command."""
    found = re.findall(r"^── (?:FAIL|ERROR|SURPRISE).*?^  repeat .*?$", text, re.M | re.S)
    return [each.splitlines() for each in found]


def on_a_terminal(run: Run, *, color: bool | None = None) -> str:
    """What a terminal of 100 columns is sent."""
    leader, follower = os.openpty()
    os.set_blocking(leader, False)
    written = []

    def drain() -> None:
        try:
            while data := os.read(leader, 65536):
                written.append(data)
        except (BlockingIOError, OSError):
            pass

    with os.fdopen(follower, "w") as stream, os.fdopen(leader, "rb"):
        report = load("human")(stream, color=color)
        report.begin(run.planned, ["go"], [each.id for each in run.results])
        for each in run.results:
            report.result(each)
            stream.flush()
            drain()
        report.end(run)
        stream.flush()
        drain()
    return b"".join(written).decode()


def test_a_failure_is_one_screen() -> None:
    found = pages(rendered("human", mixture()))
    assert len(found) == 5
    for each in found:
        assert len(each) <= 40
        assert max(cell_len(line) for line in each) <= 100


def test_a_page_says_everything() -> None:
    page = "\n".join(pages(rendered("human", mixture()))[0])
    shown = " ".join(page.split())
    assert "FAIL go/default/abort_stream ─" in shown
    assert "An answer cut off after five deltas is reported as failed." in shown
    assert profile_named("handoff").clause("R6").sentence in shown
    assert profile_named("handoff").clause("R2").sentence in shown
    for check in ("no_done_marker R6 MUST", "error_event R6 MUST", "events_in_order R2 MUST"):
        assert check in shown
    assert "expected no [DONE] actual [DONE] as event 6 where event 6 at byte 512" in shown
    for line in TRANSCRIPT.splitlines():
        assert line.replace("\x1b", "\\x1b") in page
    assert page.endswith(
        "  repeat  conformance run daemons/go --variant default --scenario abort_stream"
    )


def test_what_does_not_fit_is_named() -> None:
    page = "\n".join(pages(rendered("human", mixture()))[-1])
    assert "8 more failed: check_1 (S1), check_2 (S1)" in page
    assert re.search(r"… \d+ lines left out; --format json has them …", page)


def test_a_long_command_is_not_broken() -> None:
    words = tuple(f"--variant=v{n}" for n in range(20))
    text = rendered("human", run_of(result("go/h1/a", Verdict.FAIL, repeat=words)))
    assert f"  repeat  conformance run {' '.join(words)}\n" in text


def test_one_cause_is_told_once_and_repeated_by_its_commands() -> None:
    text = rendered("human", mixture())
    assert "\n".join(map("\n".join, pages(text))).count("the daemon did not start") == 1
    assert "4 to 15 of 16" in text
    assert "11 more of dead failed in the same way:" in text
    for each in mixture().red:
        assert shlex.join(each.repeat) in text


def test_the_end_names_what_is_red() -> None:
    """A log of a run elsewhere is often all that is there, and only its end."""
    *_, named = rendered("human", mixture()).split("\n\n")
    first, *_, last = named.splitlines()
    assert first.startswith("FAIL  go/default/abort_stream: failed checks: no_done_marker, ")
    assert last.startswith("red: ")
    assert "\nFAIL  dead/default/basic_response (and 11 more alike): the daemon did not st" in named
    many = [
        result(f"go/h1/{n}", Verdict.FAIL, failures=(failed("c", actual=f"{n} events"),))
        for n in "abcdefghijkl"
    ]
    last = "FAIL  go/h1/j: failed check: c\n      j events\nand 2 more\nred: 12 fail"
    assert last in rendered("human", run_of(*many))


def test_only_the_same_cause_is_the_same() -> None:
    late = "nothing arrived from ws://{}/chat, and the connection is still open at +{} s"
    alike = [
        result(f"go/default/{n}", Verdict.FAIL, failures=(failed("c", actual=late.format(*at)),))
        for n, *at in (("a", "127.3.4.5:8000", "2.001"), ("b", "127.21.13.50:34567", "2.013"))
    ]
    other = result("go/default/c", Verdict.FAIL, failures=(failed("c", actual="17 events"),))
    another = result("go/default/d", Verdict.FAIL, failures=(failed("c", actual="18 events"),))
    elsewhere = replace(alike[0], daemon="rust")
    text = rendered("human", run_of(*alike, other, another, elsewhere))
    assert len(pages(text)) == 4
    assert text.count("failed in the same way") == 1


def test_the_matrix_counts_what_passed_of_what_was_judged() -> None:
    lines = [line.split() for line in rendered("human", mixture()).splitlines()]
    assert ["daemon", "variant", "basic", "unicode", "chunks", "abort", "finish"] in lines
    assert ["go", "default", "2/2", "4/4", "2/2", "✗", "1/2", "2/2"] in lines
    assert ["h1", "2/2", "✗", "3/4", "2/2", "1/2", "✗", "1/2"] in lines
    assert ["rust", "default", "skip", "skip", "skip", "skip", "skip"] in lines
    assert ["php", "default", "·", "✗", "0/1", "·", "·", "·"] in lines


def test_a_wide_matrix_is_cut_into_tables_that_fit() -> None:
    categories = [f"category{n}" for n in range(17)]
    run = run_of(*(result(f"go/default/{each}_a", Verdict.PASS) for each in categories))
    lines = rendered("human", run).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.split() == ["daemon", "variant", *line.split()[2:]] for line in lines) > 1
    assert all(any(each in line for line in lines) for each in categories)


def test_skips_are_one_line_for_each_daemon_and_reason() -> None:
    text = rendered("human", mixture())
    assert text.count("cargo is missing; install Rust 1.75 or newer") == 1
    assert "(12 scenarios)" in text


def test_known_failures_and_warnings_are_told() -> None:
    text = rendered("human", mixture())
    assert "go/h1/abort_early  reports success after a truncated upstream (tracker #12)" in text
    warnings = text.partition("── warnings")[2]
    assert "header  R1 SHOULD" in warnings
    assert "expected  cache-control: no-cache" in warnings


def test_what_passed_at_the_second_try_is_told() -> None:
    why = "second try; the first was inconclusive: tried once, and the machine was 0.46 s late"
    text = rendered("human", run_of(result("go/h1/a", Verdict.PASS, reason=why)))
    assert "── tried twice ──" in text
    assert f"  go/h1/a  {why}\n" in text


def test_strict_gives_a_warning_its_page() -> None:
    warned = result("go/default/chunks_a", Verdict.WARN, failures=(failed("header", "R1"),))
    text = rendered("human", run_of(warned, strict=True), strict=True)
    assert "── WARN  go/default/chunks_a" in text
    assert "── warnings" not in text
    assert "✗ 0/1" in text
    assert text.endswith("red: 1 warn in 3.2 s\n")


@pytest.mark.parametrize(
    ("run", "last"),
    [
        (
            mixture(),
            "red: 14 fail, 1 error, 1 surprise, 1 warn, 1 known, 31 pass, 12 skip in 3.2 s",
        ),
        (run_of(result("go/default/a", Verdict.PASS)), "green: 1 pass in 3.2 s"),
        (run_of(), "red: no scenario was judged in 3.2 s"),
        (
            run_of(result("go/default/a", Verdict.SKIP)),
            "red: 1 skip in 3.2 s; every scenario was skipped, so the run shows nothing",
        ),
        (
            replace(run_of(result("go/default/a", Verdict.PASS)), planned=3),
            "red: 1 pass in 3.2 s; cut short: 2 scenarios were not judged",
        ),
    ],
)
def test_the_last_line_says_it_all(run: Run, last: str) -> None:
    assert rendered("human", run).splitlines()[-1] == last


def test_hostile_text_is_shown_and_never_interpreted() -> None:
    text = rendered("human", mixture())
    assert all(each.isprintable() or each == "\n" for each in text)
    assert "\\x1b[31mred\\x07 [bold]markup[/bold] \\u202e…\\u2028 # 100%" in text
    hostile = run_of(*(replace(each, reason=HOSTILE) for each in mixture().results))
    everywhere = [
        replace(each, daemon=f"{HOSTILE}/", repeat=(HOSTILE,)) for each in hostile.results
    ]
    for color in (True, False):
        shown = rendered("human", replace(hostile, results=tuple(everywhere)), color=color)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        assert all(each.isprintable() or each == "\n" for each in plain)


def test_no_colour_and_no_bars_where_there_is_no_terminal() -> None:
    text = rendered("human", mixture())
    assert "\x1b" not in text
    assert "━" not in text
    progress = text.partition("──")[0].splitlines()
    assert progress[:3] == [
        "61 scenarios on go, dead, python-http2, rust, php",
        "building go",
        "  ✗ go/default            1 fail, 1 warn, 10 pass",
    ]
    assert len(progress) == 2 + 6 + 1


def test_a_variant_is_told_when_its_last_result_comes() -> None:
    run = mixture()
    by_scenario = tuple(sorted(run.results, key=lambda each: each.scenario))
    assert rendered("human", run, arrival=by_scenario).count("✓ python-http2/default  12 pass") == 1


@pytest.mark.parametrize(
    ("environment", "color", "colored"),
    [
        ({}, None, False),
        ({}, True, True),
        ({"FORCE_COLOR": "1"}, None, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, None, False),
        ({"NO_COLOR": "1"}, None, False),
        ({"FORCE_COLOR": "1"}, False, False),
    ],
)
def test_colour_follows_the_option_then_the_environment(
    environment: dict[str, str],
    color: bool | None,
    colored: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    text = rendered("human", mixture(), color=color)
    assert ("\x1b[" in text) == colored
    assert "━" not in text


def test_a_terminal_gets_bars_and_colour() -> None:
    run = run_of(*(result(f"go/default/basic_{n}", Verdict.PASS) for n in range(3)))
    text = on_a_terminal(run)
    assert "━" in text
    assert re.search(r"\x1b\[[0-9;]*32m3 pass", text)
    assert text.rstrip().endswith("in 3.2 s")


def test_a_terminal_without_colour_still_gets_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = on_a_terminal(run_of(result("go/default/basic_a", Verdict.FAIL)))
    assert "━" in text
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)
