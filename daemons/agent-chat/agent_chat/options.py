"""The command line and the environment.

As in the origin, the environment gives times in minutes and options give them in
seconds: minutes suit deployments, and seconds suit tests. An option has priority over
its variable.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_chat.log import LEVELS, LogFormat

MINUTES = "30"
"""The default of both times to live."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of messages of a thread in a number of seconds."""

    messages: int = 10
    seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The validated settings of one process. Times in seconds."""

    data: Path
    """The folder of the databases. The service creates it."""
    api_base: str
    """The model API's base URL, with its version."""
    model_key: str
    """The model API's key."""
    host: str = "127.0.0.1"
    port: int = 8000
    model: str = "gpt-4o-mini"
    session_ttl: float = 1800.0
    interrupt_ttl: float = 1800.0
    purge_interval: float = 60.0
    model_timeout: float = 600.0
    """Length of the API's silence after which a turn fails. Reasoning models start late."""
    rate: Rate = Rate()
    api_key: str | None = None
    """The key that clients need. None: the backend is open."""
    log_format: LogFormat = LogFormat.CONSOLE
    log_level: str = "warning"


class _Problem(argparse.ArgumentTypeError):
    """A wrong value. argparse adds the name of the option."""


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Parse the options. Exits with status 2 and a message if one is wrong."""
    parser = argparse.ArgumentParser(
        prog="agent-chat", description="A customer-support chat with approvals."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=8000, help="0: any free port")
    parser.add_argument("--data", type=Path, default=Path("agent-chat-data"), metavar="DIR")
    parser.add_argument("--model", default=environment.get("OPENAI_MODEL", "gpt-4o-mini"))
    parser.add_argument("--session-ttl", type=_seconds, metavar="SECONDS")
    parser.add_argument("--interrupt-ttl", type=_seconds, metavar="SECONDS")
    parser.add_argument("--purge-interval", type=_seconds, default=60.0, metavar="SECONDS")
    parser.add_argument("--model-timeout", type=_seconds, default=600.0, metavar="SECONDS")
    parser.add_argument("--rate", type=_rate, default=Rate(), metavar="N/SECONDS")
    parser.add_argument(
        "--api-key",
        help="prefer ADMIN_API_KEY, because every user of the machine can read command lines",
    )
    parser.add_argument(
        "--log-format",
        type=_log_format,
        metavar="console|json",
        default=environment.get("LOG_FORMAT", LogFormat.CONSOLE),
    )
    parser.add_argument("--log-level", choices=LEVELS, default="warning")
    given = parser.parse_args(arguments)

    def minutes(variable: str) -> float:
        try:
            return 60 * _seconds(environment.get(variable, MINUTES))
        except _Problem as error:
            parser.error(f"{variable}: {error}")

    key = environment.get("OPENAI_API_KEY", "")
    if not key:
        parser.error("OPENAI_API_KEY: expected the model API's key, found nothing")
    for name, given_seconds in (
        ("--purge-interval", given.purge_interval),
        ("--model-timeout", given.model_timeout),
    ):
        if given_seconds == 0:
            parser.error(f"{name}: expected more than 0 seconds")
    return Options(
        data=given.data,
        api_base=environment.get("OPENAI_API_BASE", "https://api.openai.com/v1"),
        model_key=key,
        host=given.host,
        port=given.port,
        model=given.model,
        session_ttl=_first(given.session_ttl, minutes("SESSION_TTL_MINUTES")),
        interrupt_ttl=_first(given.interrupt_ttl, minutes("INTERRUPT_TTL_MINUTES")),
        purge_interval=given.purge_interval,
        model_timeout=given.model_timeout,
        rate=given.rate,
        api_key=given.api_key or environment.get("ADMIN_API_KEY") or None,
        log_format=given.log_format,
        log_level=given.log_level,
    )


def _first(option: float | None, variable: float) -> float:
    return variable if option is None else option


def _log_format(text: str) -> LogFormat:
    if text not in list(LogFormat):
        raise _Problem(f"expected console or json (also in LOG_FORMAT), found {text!r}")
    return LogFormat(text)


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text) or int(text) > 65535:
        raise _Problem(f"expected a number from 0 to 65535, found {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        raise _Problem(f"expected a decimal number, 0 or more, found {text!r}")
    return float(text)


def _rate(text: str) -> Rate:
    rate = re.fullmatch(r"([1-9]\d{0,8})/(\d{1,9}(?:\.\d{1,9})?)", text)
    if not rate or float(rate[2]) == 0:
        raise _Problem(f"expected MESSAGES/SECONDS such as 10/10, found {text!r}")
    return Rate(int(rate[1]), float(rate[2]))
