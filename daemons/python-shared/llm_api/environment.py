"""The API's address in environment variables; proxy variables are ignored."""

from __future__ import annotations

from collections.abc import Mapping

from llm_api.address import Address, address

DEFAULT_BASE = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-4o-mini"
_VARIABLES = {
    "base": "OPENAI_API_BASE",
    "key": "OPENAI_API_KEY",
    "ca_file": "OPENAI_CA_FILE",
}


def api_of(environ: Mapping[str, str]) -> Address:
    """The address that the variables OPENAI_… describe. Raises ValueError, naming the variable."""
    try:
        return address(
            environ.get("OPENAI_API_BASE") or DEFAULT_BASE,
            key=environ.get("OPENAI_API_KEY", ""),
            socket=environ.get("OPENAI_API_SOCKET") or None,
            ca_file=environ.get("OPENAI_CA_FILE") or None,
            insecure=flag(environ, "OPENAI_INSECURE_SSL", default=False),
            http2=flag(environ, "OPENAI_HTTP2_ENABLED", default=True),
        )
    except ValueError as error:
        setting, _, problem = str(error).partition(": ")
        raise ValueError(f"{_VARIABLES.get(setting, setting)}: {problem}") from None


def flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    """A variable that is true or false; empty is the default. Raises ValueError."""
    value = environ.get(name, "").strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if not value:
        return default
    raise ValueError(f"{name}: expected true or false, found {value!r}")
