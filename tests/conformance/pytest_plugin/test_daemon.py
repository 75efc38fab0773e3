"""The fixture conformance_daemon: three lines test a user's daemon."""

from __future__ import annotations

import pytest

from tests.conformance.pytest_plugin.conftest import Run

THREE_LINES = """
def test_emoji(conformance_daemon):
    answer = conformance_daemon.respond(pattern="unicode")
    answer.no_error().content_contains("😀").done_marker()
"""

MANY = """
import os

import pytest

@pytest.mark.parametrize("number", range(4))
def test_answers(conformance_daemon, number):
    conformance_daemon.respond(pattern="short").no_error().done_marker()
    print("daemon", os.getpid(), conformance_daemon.environment.instance.pid)
"""

LIVE = """
def test_live(conformance_daemon):
    async def conversation(exchange):
        (await exchange.response()).no_error().done_marker()

    conformance_daemon.play(conversation, pattern="short")

def test_several(conformance_daemon):
    async def conversation(bench):
        for pattern in ("short", "unicode"):
            (await bench.respond(pattern=pattern)).no_error()

    conformance_daemon.play(conversation)
"""

ENDED = """
import os, signal

def test_ends(conformance_daemon):
    os.kill(conformance_daemon.environment.instance.pid, signal.SIGKILL)
    conformance_daemon.respond(pattern="short")

def test_next(conformance_daemon):
    conformance_daemon.respond(pattern="short").no_error()
    assert "listening" in conformance_daemon.log
    assert conformance_daemon.socket.exists()
"""


def test_a_sound_daemon_passes(project: Run) -> None:
    project(THREE_LINES).assert_outcomes(passed=1)


def test_a_failed_check_fails_the_test(project: Run) -> None:
    result = project(THREE_LINES, "--conformance-variant=canned")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["failed check: applied (*", "  expected: one authorized request *", "  actual: *"]
    )
    assert "the daemon is still running" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_one_daemon_serves_all_tests_of_a_process(project: Run) -> None:
    result = project(MANY, "-s")
    result.assert_outcomes(passed=4)
    assert len({line for line in result.outlines if line.startswith(("daemon", ".daemon"))}) <= 2


def test_each_worker_has_a_daemon_of_its_own(project: Run) -> None:
    project(MANY, "-p", "xdist", "-n2").assert_outcomes(passed=4)


def test_live_exchanges_are_played(project: Run) -> None:
    project(LIVE).assert_outcomes(passed=2)


def test_a_daemon_that_ended_is_started_again(project: Run) -> None:
    result = project(ENDED)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*was killed by SIGKILL*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--conformance-daemon=nowhere",), "no daemon (nor a daemon.toml at that path) 'nowhere'"),
        (("--conformance-variant=cannd",), "no variant 'cannd'; did you mean 'canned'?"),
        (("--conformance-variant=canned", "--conformance-variant=dead"), "needs one variant"),
    ],
)
def test_a_mistake_fails_the_test_with_the_fix(
    project: Run, arguments: tuple[str, ...], message: str
) -> None:
    result = project(THREE_LINES, *arguments)
    result.assert_outcomes(errors=1)
    assert message in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_a_daemon_that_does_not_start_fails_the_test(project: Run) -> None:
    result = project(THREE_LINES, "--conformance-variant=dead")
    result.assert_outcomes(errors=1)
    assert "before its socket accepted" in result.stdout.str()
