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

ANSWERS = """
import pytest

def ask(client, text, **more):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="m", messages=messages, **more)

@pytest.mark.parametrize("number", range(3))
def test_answers(conformance_mock, number):
    client = conformance_mock.openai()
    conformance_mock.answer(f"It is {number}.", when="number")
    conformance_mock.answer(call={"name": "f", "arguments": {"x": number}}, when="call")
    assert ask(client, "Which number?").choices[0].message.content == f"It is {number}."
    (call,) = ask(client, "Please call.").choices[0].message.tool_calls
    assert call.function.arguments == '{"x":%d}' % number
    assert ask(client, "Else?").choices[0].message.content.startswith("Streams")

def test_failures_come_once_and_before_answers(conformance_mock):
    import openai
    client = conformance_mock.openai()
    conformance_mock.answer("Hello")
    conformance_mock.fail_next(429)
    with pytest.raises(openai.RateLimitError) as error:
        ask(client, "Hi")
    assert error.value.code == "rate_limit_exceeded"
    assert error.value.request_id == "req_mock"
    assert ask(client, "Hi").choices[0].message.content == "Hello"
    assert [request.status for request in conformance_mock.requests] == [429, 200]

def test_nothing_is_left_for_the_next_test(conformance_mock):
    assert conformance_mock.requests == ()
    assert ask(conformance_mock.openai(), "Hi").choices[0].message.content.startswith("Streams")

def test_wrong_answers_and_missing_packages(conformance_mock):
    with pytest.raises(Exception, match=r"answers\\[0\\]"):
        conformance_mock.answer("a", fail=500)
    with pytest.raises(Exception, match="pip install"):
        conformance_mock._made("no_such_package", "Client")
"""


def test_answers_and_failures_belong_to_one_test(project: Run) -> None:
    project(ANSWERS).assert_outcomes(passed=6)
    project(ANSWERS, "-p", "xdist", "-n2").assert_outcomes(passed=6)


def test_a_client_meets_the_misbehaving_api(project: Run) -> None:
    project(THREE_LINES).assert_outcomes(passed=1)


def test_tests_do_not_see_each_other(project: Run) -> None:
    project(CLEAN).assert_outcomes(passed=5)
    project(CLEAN, "-p", "xdist", "-n2").assert_outcomes(passed=5)
