"""The command line and the environment."""

from __future__ import annotations

import pytest
from agent_chat.log import LogFormat
from agent_chat.options import Rate, parse

KEY = {"OPENAI_API_KEY": "sk"}


def test_defaults_are_the_origins() -> None:
    options = parse([], KEY)
    assert (options.session_ttl, options.interrupt_ttl) == (1800, 1800)
    assert options.rate == Rate(10, 10)
    assert options.api_key is None


def test_an_option_wins_over_its_variable() -> None:
    environment = KEY | {"SESSION_TTL_MINUTES": "2", "INTERRUPT_TTL_MINUTES": "0.5"}
    options = parse(["--session-ttl", "0"], environment | {"ADMIN_API_KEY": "a"})
    assert (options.session_ttl, options.interrupt_ttl) == (0, 30)
    assert options.api_key == "a"
    assert parse(["--api-key", "b"], KEY | {"ADMIN_API_KEY": "a"}).api_key == "b"
    assert parse(["--rate", "3/0.5"], KEY).rate == Rate(3, 0.5)
    json = KEY | {"LOG_FORMAT": "json"}
    assert parse([], json).log_format is LogFormat.JSON
    assert parse(["--log-format", "console"], json).log_format is LogFormat.CONSOLE


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        ([], {}, "OPENAI_API_KEY"),
        (["--session-ttl", "-1"], KEY, "--session-ttl"),
        (["--session-ttl", "nan"], KEY, "--session-ttl"),
        (["--rate", "10"], KEY, "--rate"),
        (["--rate", "0/10"], KEY, "--rate"),
        (["--rate", "10/0"], KEY, "--rate"),
        (["--port", "65536"], KEY, "--port"),
        (["--purge-interval", "0"], KEY, "--purge-interval"),
        (["--model-timeout", "0"], KEY, "--model-timeout"),
        ([], KEY | {"SESSION_TTL_MINUTES": "soon"}, "SESSION_TTL_MINUTES"),
        (["--log-format", "xml"], KEY, "--log-format"),
        ([], KEY | {"LOG_FORMAT": "xml"}, "LOG_FORMAT"),
    ],
)
def test_a_wrong_option_is_a_plain_error(
    arguments: list[str],
    environment: dict[str, str],
    named: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(arguments, environment)
    assert end.value.code == 2
    assert named in capsys.readouterr().err
