"""The file of `--config`: a TOML table `[[api]]` for each API.

[[api]]
base = "https://api.openai.com/v1"
key_variable = "OPENAI_API_KEY"
models = ["gpt-*"]

[[api]]
base = "http://localhost/v1"
socket = "/run/vllm.sock"
models = ["*"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_api.address import address
from llm_api.environment import flag

from llm_gateway.routes import Route

_TYPES = {
    "base": str,
    "models": list,
    "key": str,
    "key_variable": str,
    "socket": str,
    "ca_file": str,
    "insecure": bool,
    "http2": bool,
}


def read_routes(path: Path, environ: Mapping[str, str]) -> tuple[Route, ...]:
    """The routes in this file. Raises ValueError or OSError, which names the place."""
    try:
        document = tomllib.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    unknown = document.keys() - {"api"}
    if unknown:
        raise ValueError(f"{path}: expected [[api]] only, found {sorted(unknown)[0]!r}")
    tables = document.get("api")
    if not isinstance(tables, list) or not tables:
        raise ValueError(f"{path}: expected at least one [[api]]")
    return tuple(
        _route(f"{path}: api {number}", table, environ) for number, table in enumerate(tables, 1)
    )


def _route(where: str, table: Any, environ: Mapping[str, str]) -> Route:
    if not isinstance(table, dict):
        raise ValueError(f"{where}: expected a table")
    for name, value in table.items():
        if name not in _TYPES:
            raise ValueError(f"{where}: expected one of {', '.join(_TYPES)}, found {name!r}")
        if not isinstance(value, _TYPES[name]):
            raise ValueError(f"{where}: {name}: expected {_TYPES[name].__name__}")
    models = table.get("models", ["*"])
    if not models or not all(isinstance(model, str) for model in models):
        raise ValueError(f"{where}: models: expected a list of names")
    if "base" not in table:
        raise ValueError(f"{where}: expected a base URL")
    key = table.get("key", "")
    if "key_variable" in table:
        key = environ.get(table["key_variable"], "")
    try:
        api = address(
            table["base"],
            key=key,
            socket=table.get("socket"),
            ca_file=table.get("ca_file") or environ.get("OPENAI_CA_FILE") or None,
            insecure=table.get("insecure", flag(environ, "OPENAI_INSECURE_SSL", default=False)),
            http2=table.get("http2", True),
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return Route(api, tuple(models))
