"""The report of a failure, and the documents: JSON, JUnit XML."""

from __future__ import annotations

import asyncio
import json
import re
import traceback
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from conformance.ws import (
    WSMessage,
    WSResponse,
    WSScenario,
    WSTest,
    WSTimeoutError,
    write_json,
    write_junit,
)
from conformance.ws.transcript import Direction, Transcript, What, page
from tests.conformance.ws.servers import Serve, failing, impatient, play, sends

TIME = r" *\+\d+\.\d{3} s  "


def expected(text: str) -> WSResponse:
    return WSResponse().with_attribute("message", text)


@pytest.fixture
def failed(serve: Serve) -> WSTest:
    url = serve(sends({"message": "rob has connected"}))
    test = WSTest(url).with_name("Rob").with_message(WSMessage().with_attribute("message", "hi"))
    return impatient(test.with_response(expected("Rob has connected")))


def suites(path: Path) -> ET.Element:
    return ET.parse(path).getroot()  # noqa: S314 - written by the test itself


TEXT = 'Timed out waiting for responses:\n{"message": "Rob has connected"}'


def test_a_failure_prints_the_nearest_miss_and_the_transcript(failed: WSTest) -> None:
    error = failing(failed, WSTimeoutError)
    assert str(error) == TEXT
    (note,) = error.__notes__
    lines = note.splitlines()
    assert lines[0] == 'not met: {"message": "Rob has connected"}'
    assert re.fullmatch(
        r'  nearest: frame 1 at \+\d\.\d{3} s: {"message": "rob has connected"}', lines[1]
    )
    assert lines[2] == '    message: expected "Rob has connected", found "rob has connected"'
    assert lines[3] == "transcript of Rob"
    shapes = [
        TIME + "--  connected to ws://localhost:[0-9]+",
        TIME + '->  {"message": "hi"}    message 1',
        TIME + '<-  {"message": "rob has connected"}    frame 1',
        TIME + "--  Timed out waiting for responses:",
        TIME + "->  closes",
    ]
    entries = lines[4:]
    assert len(entries) == len(shapes)
    # Either side may send the first message.
    entries[1:3] = sorted(entries[1:3], key=lambda line: "<-" in line)
    for line, shape in zip(entries, shapes, strict=True):
        assert re.fullmatch(shape, line), line
    assert note in "".join(traceback.format_exception(error)), "a traceback prints the note"


def test_the_text_contains_the_report_on_demand(failed: WSTest) -> None:
    error = failing(failed.with_report_on_error(), WSTimeoutError)
    assert str(error) == f"{TEXT}\n{error.__notes__[0]}"


def test_a_pass_prints_nothing(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    play(WSTest(serve(sends({"message": "x"}))).with_response(expected("x")))
    assert capsys.readouterr() == ("", "")


def test_a_transcript_loses_its_middle_and_nothing_unprintable_shows() -> None:
    transcript = Transcript()
    for number in range(1000):
        transcript.add(Direction.RECEIVED, What.MESSAGE, "\x1b[31m" + "é" * number, at=0.0)
    transcript.add(Direction.SENT, What.MESSAGE, b"\x00\x1b")
    lines = str(transcript).splitlines()
    assert len(lines) == 61
    assert "… 941 more …" in lines[30]
    assert all(line.isprintable() for line in lines)
    assert lines[-1].endswith("->  b'\\x00\\x1b'")


def test_transcripts_are_merged_by_time() -> None:
    first, second = Transcript(), Transcript()
    first.opened, second.opened = 10.0, 10.5
    first.add(Direction.SENT, What.MESSAGE, "a", at=11.0)
    second.add(Direction.RECEIVED, What.MESSAGE, "b", at=10.75)
    assert page([("one", first), ("second", second)]).splitlines() == [
        "   +0.750 s  second  <-  b",
        "   +1.000 s  one     ->  a",
    ]


def scenario(serve: Serve, failed: WSTest) -> WSScenario:
    passing = WSTest(serve(sends({"message": "x"}))).with_name("Eve").with_response(expected("x"))
    return WSScenario("greeting").with_client(passing).with_client(failed)


def test_the_json_report_has_everything(serve: Serve, failed: WSTest, tmp_path: Path) -> None:
    both = scenario(serve, failed)
    failing(both, WSTimeoutError)
    write_json(tmp_path / "report.json", both.outcomes)
    document = json.loads((tmp_path / "report.json").read_text())
    assert (document["version"], document["green"]) == (1, False)
    eve, rob = document["results"]
    assert (eve["verdict"], eve["reason"], eve["misses"]) == ("pass", "", [])
    assert eve["met"] == ['{"message": "x"}']
    assert (rob["verdict"], rob["scenario"], rob["name"]) == ("fail", "greeting", "Rob")
    assert rob["reason"] == f"WSTimeoutError: {TEXT}"
    (miss,) = rob["misses"]
    assert miss["differences"] == [
        {
            "path": "message",
            "expected": '"Rob has connected"',
            "found": '"rob has connected"',
            "remark": "",
        }
    ]
    directions = {(entry["direction"], entry["what"]) for entry in rob["transcript"]}
    assert {("sent", "message"), ("received", "message"), ("local", "connection")} <= directions
    assert rob["latency"]["connect"] > 0
    assert all(entry["at"] >= rob["zero"] for entry in rob["transcript"])


def test_the_junit_report_has_the_form_that_ci_servers_read(
    serve: Serve, failed: WSTest, tmp_path: Path
) -> None:
    both = scenario(serve, failed)
    failing(both, WSTimeoutError)
    write_junit(tmp_path / "report.xml", both.outcomes)
    (suite,) = suites(tmp_path / "report.xml")
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("greeting", "2", "1")
    assert (suite.get("errors"), suite.get("skipped")) == ("0", "0")
    eve, rob = suite
    assert (eve.get("name"), eve.get("classname")) == ("Eve", "greeting")
    assert eve.find("failure") is None
    failure = rob.find("failure")
    assert failure is not None
    assert failure.get("type") == "WSTimeoutError"
    assert 'found "rob has connected"' in (failure.text or "")
    properties = {each.get("name"): each.get("value") for each in eve.iter("property")}
    assert {"connect", "first_frame", "1 first", "1 last"} <= properties.keys()
    assert "connected to" in (rob.findtext("system-out") or "")


def test_reports_carry_any_data_that_a_server_sends(serve: Serve, tmp_path: Path) -> None:
    """Binary data, control characters and lone surrogates do not break a report."""
    odd = WSTest(serve(sends(b"\x00\xff", '{"a": "\\ud800"}', "\x1b]0;\x07\x00\ufffe")))
    odd.with_name("\x00\ud800").with_response(WSResponse().with_attribute("a").times(2))
    failing(impatient(odd, after=3), WSTimeoutError)
    assert odd.outcome is not None
    write_json(tmp_path / "report.json", [odd.outcome])
    (result,) = json.loads((tmp_path / "report.json").read_text())["results"]
    data = [each for each in result["transcript"] if each["direction"] == "received"]
    assert data[0]["base64"] == "AP8="
    assert data[2]["text"] == "\x1b]0;\x07\x00\ufffe"
    write_junit(tmp_path / "report.xml", [odd.outcome])
    (suite,) = suites(tmp_path / "report.xml")
    assert suite[0].get("name") == "\\x00\\xd800"


def test_an_error_is_not_a_failure(tmp_path: Path) -> None:
    test = WSTest("ws://localhost:1")
    with pytest.raises(OSError, match=r"refused|failed"):
        asyncio.run(test.run())
    assert test.outcome is not None
    write_junit(tmp_path / "report.xml", [test.outcome])
    (suite,) = suites(tmp_path / "report.xml")
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    assert suite[0].find("error") is not None


def test_a_report_without_results_is_not_green(tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", [])
    write_junit(tmp_path / "report.xml", [])
    assert json.loads((tmp_path / "report.json").read_text())["green"] is False
    assert len(suites(tmp_path / "report.xml")) == 0
