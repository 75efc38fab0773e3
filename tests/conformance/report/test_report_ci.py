"""What CI servers read: JUnit by junitparser, Markdown by markdown-it, GitHub's commands."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt

from conformance.core.result import About, Judged, Run, Verdict
from tests.conformance.report.samples import HOSTILE, failed, mixture, rendered, result

COMMAND = re.compile(r"^::(?P<name>[a-z]+)(?: (?P<properties>.*?))?::(?P<message>.*)$")
"""How GitHub documents a workflow command."""


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    found = []
    for match in filter(None, map(COMMAND.match, text.splitlines())):
        pairs = (each.partition("=") for each in (match["properties"] or "").split(","))
        properties = {name: _decoded(value) for name, _, value in pairs if name}
        found.append((match["name"], properties, _decoded(match["message"])))
    return found


def _decoded(text: str) -> str:
    for code, character in (("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def placed(run: Run) -> Run:
    daemon = Judged("go", "handoff", "daemons/go/daemon.toml", "v1", {"run": 11, "build": 5})
    surprise = replace(daemon, lines={**daemon.lines, "known_failures.h1/finish_stop": 42})
    scenario = About("handoff", "unicode_cjk", "unicode", "…", ("U1",), "README.md:3")
    return replace(run, daemons=(surprise,), scenarios=(scenario,))


def test_junit_is_read_with_every_verdict() -> None:
    run = mixture()
    read = JUnitXml.fromstring(rendered("junit", run).encode())
    cases = {
        f"{suite.name}/{case.name}": [type(each) for each in case.result]
        for suite in read
        for case in suite
    }
    assert list(cases) == [each.id for each in run.results]
    kinds = {Verdict.FAIL: Failure, Verdict.SURPRISE: Failure, Verdict.ERROR: Error}
    kinds |= {Verdict.SKIP: Skipped, Verdict.KNOWN: Skipped}
    for each in run.results:
        kind = kinds.get(each.verdict)
        assert cases[each.id] == ([kind] if kind else []), each.id
    suite = next(suite for suite in read if suite.name == "go/default")
    assert (suite.tests, suite.failures, suite.skipped) == (12, 1, 0)
    (case,) = [case for case in suite if case.name == "abort_stream"]
    assert case.classname == "go.default.abort"
    assert "6 events, none of them an error" in case.result[0].text
    assert "repeat: conformance run daemons/go --variant default" in case.result[0].text


@pytest.mark.parametrize("strict", [False, True])
def test_a_warning_fails_junit_only_where_it_is_strict(strict: bool) -> None:
    warned = result("go/default/a", Verdict.WARN, failures=(failed("header", "R1"),))
    run = replace(mixture(), results=(warned,), planned=1, strict=strict)
    (suite,) = JUnitXml.fromstring(rendered("junit", run, strict=strict).encode())
    assert suite.failures == int(strict)


def test_a_run_cut_short_is_an_error_in_junit() -> None:
    run = replace(mixture(), planned=1000)
    *_, last = JUnitXml.fromstring(rendered("junit", run).encode())
    assert last.errors == 1
    assert "cut short" in next(iter(last)).result[0].message


def test_markdown_is_short_and_starts_with_what_is_red() -> None:
    run = mixture()
    text = rendered("markdown", run)
    assert len(text.splitlines()) <= 60
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert not [token for token in tokens if token.type.startswith("html")]
    assert not [child for token in tokens for child in token.children or () if "html" in child.type]
    headings = [tokens[at + 1].content for at, t in enumerate(tokens) if t.type == "heading_open"]
    assert headings == ["Stream conformance: 🔴 red", "What is red"]
    items = [token for token in tokens if token.type == "list_item_open"]
    assert len(items) == 5
    assert "`dead/default/basic_response` and 11 more" in text
    rows = [tokens[at + 2].content for at, t in enumerate(tokens) if t.type == "tr_open"]
    assert rows == ["daemon", "`dead`", "`go`", "`php`", "`python-http2`", "`rust`"]


def test_markdown_of_many_daemons_and_causes_has_at_most_60_lines() -> None:
    results = tuple(
        result(
            f"d{number}/v/s", Verdict.FAIL, failures=(failed(f"check_{number}", actual="`|<b>"),)
        )
        for number in range(100)
    )
    text = rendered("markdown", replace(mixture(), results=results, planned=101))
    assert len(text.splitlines()) <= 60
    assert "Cut short: 1 scenarios" in text
    assert "and 88 more causes" in text


def test_github_annotates_causes_at_their_places() -> None:
    run = placed(mixture())
    found = commands(rendered("github", run))
    errors = [(properties, message) for name, properties, message in found if name == "error"]
    titles = [properties["title"] for properties, _ in errors]
    assert titles[0].endswith("dead/default/basic_response")
    places = {
        properties["title"].rpartition(" ")[2]: (properties.get("file"), properties.get("line"))
        for properties, _ in errors
    }
    assert places["go/h1/finish_stop"] == ("daemons/go/daemon.toml", "42")
    assert places["go/h1/unicode_cjk"] == ("README.md", "3")
    assert places["go/default/abort_stream"] == ("daemons/go/daemon.toml", "11")
    message = next(message for _, message in errors if "6 events, none of them" in message)
    assert message.splitlines()[-1].startswith("conformance run daemons/go --variant default")
    names = [name for name, _, _ in found]
    assert names.count("group") == names.count("endgroup") == 6


def test_a_daemon_cannot_command_githubs_runner() -> None:
    evil = "::error::gone\n::set-output name=a::b %0A::stop-commands::x " + HOSTILE
    failure = failed("a::b", expected=evil, actual=evil, where=evil)
    results = (
        result("go/default/a", Verdict.FAIL, failures=(failure,), reason=evil, evidence=evil),
        result("go/default/b", Verdict.SKIP, reason=evil),
        result("go/default/c", Verdict.ERROR, reason=evil, description=evil),
    )
    text = rendered("github", replace(mixture(), results=results, planned=3))
    names = [name for name, _, _ in commands(text)]
    assert names == ["group", "endgroup", "error", "error"]
    for line in text.splitlines():
        assert line.isprintable()
        assert line.count("::") == (2 if line.startswith("::") else 0), line


def test_a_run_cut_short_is_annotated() -> None:
    text = rendered("github", replace(mixture(), results=(), planned=7))
    assert ("error", {"title": "cut short"}, "7 scenarios were not judged") in commands(text)
