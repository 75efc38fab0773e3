"""The fixture conformance_mock: three lines test a user's client."""

from __future__ import annotations

from tests.conformance.pytest_plugin.conftest import Run

THREE_LINES = """
from openai import OpenAI

def test_my_client(conformance_mock):
    client = OpenAI(base_url=conformance_mock.url, api_key=conformance_mock.key)
    stream = client.chat.completions.create(
        model="test:unicode", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert "😀" in text
    (request,) = conformance_mock.wait()
    assert request.authorized and request.pattern == "unicode"
"""

CLEAN = """
import httpx
import pytest

from conformance import script

@pytest.mark.parametrize("number", range(4))
def test_each_test_sees_its_own_requests(conformance_mock, number):
    assert conformance_mock.requests == ()
    pattern = conformance_mock.script(script.finished(script.delta(f"number {number}")))
    answer = httpx.post(
        f"{conformance_mock.url}/chat/completions",
        headers={"Authorization": f"Bearer {conformance_mock.key}", "X-Test-Pattern": pattern},
        json={"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]},
    )
    assert f"number {number}" in answer.text
    (request,) = conformance_mock.wait()
    assert request.pattern == pattern

def test_a_wrong_script_is_refused(conformance_mock):
    with pytest.raises(Exception, match="steps"):
        conformance_mock.script({"steps": [{"nonsense": 1}]})
"""


def test_a_client_meets_the_misbehaving_api(project: Run) -> None:
    project(THREE_LINES).assert_outcomes(passed=1)


def test_tests_do_not_see_each_other(project: Run) -> None:
    project(CLEAN).assert_outcomes(passed=5)
    project(CLEAN, "-p", "xdist", "-n2").assert_outcomes(passed=5)
