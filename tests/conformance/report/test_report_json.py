"""The JSON document and its published schema."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from conformance.core.clause import Level
from conformance.core.result import Result, Run, Verdict
from tests.conformance.report.samples import mixture, rendered

SCHEMA = json.loads(
    Path(__file__).parents[3].joinpath("docs/results.schema.json").read_text(encoding="utf-8")
)


def document(run: Run) -> Any:
    return json.loads(rendered("json", run))


def validate(value: Any) -> None:
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("run", [mixture(), replace(mixture(), results=())])
def test_results_are_valid(run: Run) -> None:
    validate(document(run))


def test_nothing_is_lost() -> None:
    run = mixture()
    read = document(run)
    for read_result, result in zip(read["results"], run.results, strict=True):
        command = ["conformance", "run", *result.repeat]
        assert shlex.split(read_result["repeat"]) == command
        assert Result.from_json({**read_result, "repeat": result.repeat}) == result
    assert read["notices"] == ["building go"]
    assert read["calibration"] == run.calibration
    assert sum(read["counts"].values()) == read["planned"] == len(run.results)
    assert read["counts"]["fail"] == 14
    assert read["green"] is False


def test_schema_and_code_know_the_same_words() -> None:
    verdicts = [each.value for each in Verdict]
    assert sorted(SCHEMA["$defs"]["verdict"]["enum"]) == sorted(verdicts)
    assert sorted(SCHEMA["properties"]["counts"]["required"]) == sorted(verdicts)
    levels = SCHEMA["$defs"]["failed_check"]["properties"]["level"]["enum"]
    assert levels == [each.value for each in Level]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["version"], 2),
        (["surplus"], 1),
        (["counts", "passed"], 1),
        (["results", 0, "verdict"], "ok"),
        (["results", 0, "surplus"], ""),
        (["results", 0, "duration"], -1),
        (["results", 8, "failures", 0, "level"], "must"),
        (["results", 8, "failures", 0, "surplus"], ""),
    ],
)
def test_the_schema_is_strict(path: list[Any], value: Any) -> None:
    read = document(mixture())
    *way, last = path
    place = read
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(ValidationError):
        validate(read)


def test_every_member_is_required() -> None:
    for name in document(mixture()):
        read = document(mixture())
        del read[name]
        with pytest.raises(ValidationError):
            validate(read)


def test_the_document_is_utf8_whatever_a_daemon_said() -> None:
    assert "😀" in rendered("json", mixture())
    rendered("json", mixture()).encode()
