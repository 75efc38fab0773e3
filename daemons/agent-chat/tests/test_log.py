"""Structured logs: their two forms, and what they never contain."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from conftest import KEY, Backend, Chat, Mock


def play(backend: Backend) -> list[str]:
    """A turn that the model fails and one that it completes; the lines of the log."""
    with backend.chat() as connection:
        chat = Chat(connection)
        assert chat.say("t-1", "hello [[test:status:500]]")[-1]["type"] == "error"
        assert chat.say("t-1", "hello [[test:finish:stop]]")[-1]["type"] == "message_complete"
    status, log = backend.end()
    assert status == 0
    assert KEY not in log
    assert "hello" not in log, "the log does not contain the customers' words"
    return log.splitlines()


def test_json_lines_are_for_machines(start: Callable[..., Backend]) -> None:
    lines = play(start("--log-format", "json", "--log-level", "info"))
    failure, failed, completed = (json.loads(line) for line in lines)
    assert failure["event"] == "model failed"
    assert failure["level"] == "warning"
    assert (failure["status"], failure["error"]) == (500, "InternalServerError")
    assert (failed["event"], failed["end"]) == ("turn", "model_failed")
    assert (completed["event"], completed["end"]) == ("turn", "message_complete")
    for record in (failure, failed, completed):
        assert record["thread_id"] == "t-1"
        assert record["logger"] == "agent_chat"
        assert record["timestamp"].endswith("Z")


def test_console_lines_are_for_people(start: Callable[..., Backend]) -> None:
    (line,) = play(start())
    assert "model failed" in line
    assert "thread_id=t-1" in line
    assert "status=500" in line


def test_the_variable_chooses_the_form(start: Callable[..., Backend]) -> None:
    lines = play(start(LOG_FORMAT="json"))
    assert [json.loads(line)["event"] for line in lines] == ["model failed"]


def test_a_bug_has_a_traceback_without_local_variables(
    start: Callable[..., Backend], mock: Mock
) -> None:
    backend = start("--log-format", "json")
    with backend.chat() as connection:
        with sqlite3.connect(backend.data / "support.sqlite") as database:
            database.execute("DROP TABLE approvals")
        assert Chat(connection).say("t", "hello")[-1]["code"] == "internal"
    _, log = backend.end()
    (record,) = (json.loads(line) for line in log.splitlines())
    assert record["event"] == "turn failed"
    assert "OperationalError: no such table: approvals" in record["exception"]
    assert "hello" not in log
