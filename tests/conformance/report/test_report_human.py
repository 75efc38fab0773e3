"""The report for people: pages, matrix, notes, colour and progress."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from conformance.core.news import News
from conformance.core.result import FailedCheck, Run, Verdict
from conformance.profiles.registry import profile_named
from conformance.report import load
from conformance.report._cause import causes, quoted_rule
from conformance.report._progress import Progress
from tests.conformance.report.samples import (
    HOSTILE,
    SCENARIOS,
    TRANSCRIPT,
    failed,
    mixture,
    rendered,
    result,
)


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
    text = rendered("human", mixture())
    (page,) = ("\n".join(each) for each in pages(text) if "abort_stream" in each[0])
    shown = " ".join(page.split())
    assert "FAIL go/default/abort_stream ─" in shown
    assert "An answer cut off after five deltas is reported as failed." in shown
    assert "after the first byte, end a failed stream with one event" in shown
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
    text = rendered("human", mixture())
    (page,) = ("\n".join(each) for each in pages(text) if "unicode_hostile" in each[0])
    assert "8 more failed: check_1 (S1), check_2 (S1)" in page
    assert re.search(r"… \d+ lines left out; --report json=FILE has them …", page)


def test_a_long_command_is_not_broken() -> None:
    words = tuple(f"--variant=v{n}" for n in range(20))
    text = rendered("human", run_of(result("go/h1/a", Verdict.FAIL, repeat=words)))
    assert f"  repeat  conformance run {' '.join(words)}\n" in text


def test_a_cause_has_one_page_and_the_names_of_what_it_explains() -> None:
    text = rendered("human", mixture())
    assert "\n".join(map("\n".join, pages(text))).count("the daemon did not start") == 1
    assert "cause 1 of 5: 12 of 16 red" in text
    also = text.partition("\n  also 11: ")[2].partition("\n\n")[0]
    assert " ".join(also.split()) == ", ".join(SCENARIOS[1:])


def test_causes_are_sorted_by_what_they_explain() -> None:
    """A check that failed in many results explains them, also where another failed before it."""
    both = (failed("first", "R1"), failed("second", "R2"))
    results = [
        result("go/default/a", Verdict.FAIL, failures=(failed("other", "R1"),)),
        result("go/default/b", Verdict.FAIL, failures=both),
        result("go/default/c", Verdict.FAIL, failures=both[1:]),
        result("go/default/d", Verdict.ERROR, failures=both[1:], reason="inconclusive"),
        result("rust/default/d", Verdict.FAIL, failures=both[1:]),
        result("go/default/e", Verdict.SURPRISE, reason="listed"),
    ]
    found = causes(results)
    assert [(each.name, len(each.results)) for each in found] == [
        ("second (R2)", 3),
        ("other (R1)", 1),
        ("second (R2)", 1),
        ("passed, although the manifest lists it as a known failure: listed", 1),
    ]
    assert found[0].shown.id == "go/default/c", "its first failed check is the cause"


def test_the_first_ten_causes_have_pages_and_others_a_line() -> None:
    many = [
        result(f"go/h1/basic_{n}", Verdict.FAIL, failures=(failed(f"check_{n}"),))
        for n in "abcdefghijkl"
    ]
    text = rendered("human", run_of(*many))
    assert len(pages(text)) == 10
    assert "── 2 further causes; --report json=FILE has all ──" in text
    assert "\n  check_k (R6): go/h1/basic_k\n  check_l (R6): go/h1/basic_l\n" in text


def test_the_end_says_what_to_fix_first_and_why() -> None:
    """A log of a run elsewhere is often all that is there, and only its end."""
    last = rendered("human", mixture()).partition("── fix these first ──")[2]
    assert len(last.splitlines()) < 25
    assert "  the daemon did not start: it exited with status 1 after 0.02 s: dead/default/" in last
    assert "    repeat    conformance run daemons/dead --variant default --scenario basic_r" in last
    assert "and 2 more causes, above" in last
    assert "The lowest category that is red is basic." in last
    assert "so a fault there often causes failures in later ones" in last
    assert "    conformance run daemons/dead --variant default --category basic\n" in last
    one = run_of(result("go/h1/abort_a", Verdict.FAIL, failures=(failed("c", actual="17"),)))
    last = rendered("human", one).partition("── fix these first ──")[2]
    assert "  c (R6): go/h1/abort_a\n    expected  no [DONE]\n    actual    17\n" in last
    assert "lowest" not in last, "there is only one"


def test_a_long_clause_is_quoted_by_the_sentence_that_matters() -> None:
    def rule(check: FailedCheck, description: str) -> str:
        return quoted_rule(result("go/h1/a", Verdict.FAIL, description=description), check)

    whole = profile_named("handoff").clause("R5").sentence
    late = failed("http_error", "R5", expected="status 502", actual="it was kept: Retry-After 3")
    assert len(whole) > 160
    assert rule(late, "The daemon keeps Retry-After.") == "… keep Retry-After …"
    assert rule(failed("x", "R2"), "") == profile_named("handoff").clause("R2").sentence


def test_the_reason_of_a_second_try_does_not_replace_the_failed_check() -> None:
    why = "inconclusive: tried twice, and the machine was 0.50 s late"
    late = result("go/h1/a", Verdict.ERROR, reason=why, failures=(failed("on_time"),))
    text = rendered("human", run_of(late))
    assert "  on_time  R6 MUST\n" in text
    assert text.index(why) > text.index("actual    [DONE]")
    assert "on_time (R6): go/h1/a\n" in text


def test_the_matrix_counts_what_passed_of_what_was_judged() -> None:
    lines = [line.split() for line in rendered("human", mixture()).splitlines()]
    assert ["basic", "unicode", "chunks", "abort", "finish"] in lines
    assert ["go/default", "2/2", "4/4", "2/2", "✗", "1/2", "2/2"] in lines
    assert ["go/h1", "2/2", "✗", "3/4", "2/2", "1/2", "✗", "1/2"] in lines
    assert ["php/default", "·", "✗", "0/1", "·", "·", "·"] in lines
    assert not any("rust/default" in line for line in lines), "nothing of it was judged"


def test_variants_that_are_not_red_share_a_row() -> None:
    variants = ("default", "h1", "unix")
    passed = [result(f"go/{each}/basic_a", Verdict.PASS) for each in variants]
    bad = result("go/h2/basic_a", Verdict.FAIL)
    lines = [line.split() for line in rendered("human", run_of(*passed, bad)).splitlines()]
    assert ["go/h2", "✗", "0/1"] in lines
    assert ["go", "×3", "3/3"] in lines


def test_a_profile_has_a_matrix_of_its_own_categories() -> None:
    run = run_of(
        result("go/default/basic_a", Verdict.PASS),
        result("spaces/default/queue_a", Verdict.PASS, profile="spaces"),
    )
    text = rendered("human", run)
    handoff, _, spaces = text.partition("── handoff ──")[2].partition("── spaces ──")
    assert re.findall("basic|queue", handoff) == ["basic"]
    assert re.findall("basic|queue", spaces) == ["queue"]


def test_a_wide_matrix_is_cut_into_tables_that_fit() -> None:
    categories = [f"category{n}" for n in range(17)]
    run = run_of(*(result(f"go/default/{each}_a", Verdict.PASS) for each in categories))
    lines = rendered("human", run).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("go/default") for line in lines) == 3
    assert all(any(each in line for line in lines) for each in categories)


def test_what_to_install_is_said_once_for_all_daemons() -> None:
    lacking = {
        "go": ("apt-get install golang-go, or https://go.dev/dl for a newer one",),
        "php": ("apt-get install php8.2-cli", "apt-get install php8.2-mbstring"),
        "swow": ("apt-get install php8.2-cli", "pecl install swow"),
        "spaces": ("pip install 'stream-conformance[spaces]'",) * 3,
    }
    skips = [
        result(f"{name}/{variant}/{n}", Verdict.SKIP, reason="needs", install=install)
        for name, install in lacking.items()
        for variant in ("default", "h1")
        for n in "abc"
    ]
    run = run_of(result("mine/default/basic_a", Verdict.PASS), *skips)
    text = rendered("human", run)
    assert (
        "\nnot judged, because this machine lacks their tools: go, php, swow, spaces. "
        "To judge them:\n"
        "  apt-get install golang-go php8.2-cli php8.2-mbstring\n"
        "  pip install 'stream-conformance[spaces]'\n"
        "  or: https://go.dev/dl for a newer one; pecl install swow\n"
    ) in text
    assert "php/" not in text
    assert len(text.splitlines()) < 15


def test_skips_are_merged_over_daemons() -> None:
    skips = [
        result(f"{name}/h1/{n}", Verdict.SKIP, reason=f"lacks {n}")
        for name in ("go", "rust")
        for n in "abcdef"
    ]
    text = rendered("human", run_of(*skips, result("go/h1/basic_a", Verdict.PASS)))
    assert (
        "\nskipped 12: lacks a (2), lacks b (2), lacks c (2), lacks d (2), 2 other reasons (4)\n"
        in text
    )


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
        "  ✗ go/default/abort_stream  no_done_marker (R6): [DONE] as event 6",
    ]
    assert "  ✓ python-http2  12 pass" in progress
    assert not any("rust" in line for line in progress[1:])
    assert sum("dead/" in line for line in progress) == 3, "one cause fills no log"


def test_a_ci_log_never_stands_still() -> None:
    stream, clock = io.StringIO(), iter(range(0, 1000, 3))
    seconds = 0.0

    def now() -> float:
        nonlocal seconds
        seconds = next(clock)
        return seconds

    ids = [f"go/h1/{n}" for n in "abcdefgh"]
    progress = Progress(Console(file=stream, width=100), ["go"], ids, now=now)
    progress.news([News("go/h1/a", 0.0), News("go/h1/b", 1.0)])
    progress.news([News("go/h1/c", 2.0, Verdict.FAIL, "done_marker (R4)", "none")])
    assert stream.getvalue() == "  ✗ go/h1/c  done_marker (R4): none\n"
    for _ in range(20):
        progress.news([])
    lines = stream.getvalue().splitlines()[1:]
    assert lines[0] == (
        f"  {re.match(r'  ([0-9]+) s', lines[0])[1]} s: 1 of 8 judged; 1 red, last go/h1/c; "
        f"2 running, longest go/h1/a for {re.search('for ([0-9]+)', lines[0])[1]} s"
    )
    assert len(lines) >= 4
    progress.result(result("go/h1/c", Verdict.FAIL))
    assert stream.getvalue().count("go/h1/c  ") == 1, "its news came before it"
    progress.stop()


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


def test_no_line_is_a_command_of_githubs_runner() -> None:
    words = "##[error]gone std::vector, ::1 ::error file=x::gone ::add-mask::x ::stop-commands::t"
    bad = result("go/h1/a", Verdict.FAIL, failures=(failed("c", actual=words),), evidence=words)
    text = rendered("human", run_of(bad))
    assert "\\x3a:error file=x" in text
    assert "\\x23#[error]gone std::vector, ::1" in text
    assert not re.search(r"(?m)::[a-z-]+( .*)?::|##\[", text)
