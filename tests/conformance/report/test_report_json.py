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
from conformance.core.record import unpack
from conformance.core.result import Result, Run, Verdict
from conformance.report.json import DocumentError, read
from tests.conformance.conftest import Command
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
        fields = {**read_result, "repeat": result.repeat}
        assert Result.from_json(fields, record=result.record) == result
        assert read_result["record"] == unpack(result.record)
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
        (["version"], 1),
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


def test_a_document_is_read_back_as_the_same_run() -> None:
    run = replace(mixture(), notices=("building go",))
    assert read(Path("run.json"), rendered("json", run)) == run


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "run.json: expected the JSON of a run (Expecting value"),
        ("[]", "expected a run in JSON version 2, found version None"),
        ('{"version": 1, "results": []}', "expected a run in JSON version 2, found version 1"),
        ('{"version": 2, "results": []}', "found one without 'started'"),
        ('{"version": 2, "results": [{}]}', "found one without 'record'"),
    ],
)
def test_what_is_no_document_is_an_error_with_the_fix(text: str, says: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(Path("run.json"), text)
    assert says in str(error.value)
    assert "--report json=run.json" in str(error.value)


def test_the_records_of_a_real_run_are_valid(conformance: Command, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = conformance(
        *("run", "tests/faulty/handoff", "--variant=default", "--variant=canned"),
        *("--scenario=unicode_emoji", "--scenario=abort_stream"),
        f"--report=json={file}",
    )
    assert done.returncode == 1
    written = json.loads(file.read_text())
    validate(written)
    passed = next(each for each in written["results"] if each["verdict"] == "pass")
    (exchange,) = passed["record"]["exchanges"]
    (request,) = passed["record"]["requests"]
    received = "".join(part["data"]["text"] for part in exchange["parts"] if not part["sent"])
    assert received.encode()[exchange["events"][-1]["offset"] :] == b"data: [DONE]\n\n"
    assert request["at"] <= exchange["events"][0]["at"] <= exchange["ended"]
    assert passed["record"]["held"]
    about = next(each for each in written["scenarios"] if each["name"] == passed["scenario"])
    path, line = about["source"].rsplit(":", 1)
    assert "@scenario" in Path(path).read_text().splitlines()[int(line) - 1]
    assert {each["id"] for each in written["clauses"]} >= set(passed["clauses"])
