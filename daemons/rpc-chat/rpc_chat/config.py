"""The configuration file: the models and the default model, in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from rpc_chat.catalogue import ModelEntry

BUNDLED = Path(__file__).parent / "config.yaml"

_TEXTS = ("id", "name", "api_base", "api_key_variable")


class ConfigError(Exception):
    """The configuration file is not valid. The message says what is expected."""


@dataclass(frozen=True, slots=True)
class Config:
    """The content of a configuration file."""

    models: Mapping[str, ModelEntry]
    default_model: str = ""

    def with_default(self, model: str) -> Config:
        """The same with this default model, which comes first and is always listed."""
        first = self.models.get(model, ModelEntry(model, model))
        return Config({model: first, **self.models}, model)


def load(path: Path = BUNDLED) -> Config:
    """Read a file. Raises ConfigError and OSError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"expected YAML: {error}") from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigError(f"expected a mapping, found {type(content).__name__}")
    _no_others(content, {"models", "default_model"}, "the file")
    rows = content.get("models", [])
    if not isinstance(rows, list):
        raise ConfigError(f"models: expected a list, found {type(rows).__name__}")
    models = [_model(row, number) for number, row in enumerate(rows, 1)]
    default = content.get("default_model", "")
    if not isinstance(default, str):
        raise ConfigError(f"default_model: expected text, found {default!r}")
    return Config({model.id: model for model in models}, default)


def _model(row: Any, number: int) -> ModelEntry:
    where = f"models, entry {number}"
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: expected a mapping, found {row!r}")
    _no_others(row, {field.name for field in fields(ModelEntry)}, where)
    if not row.get("id"):
        raise ConfigError(f"{where}: expected an id")
    for name, value in row.items():
        expected: tuple[type, ...] = (str,) if name in _TEXTS else (int, float)
        if not isinstance(value, expected) or isinstance(value, bool):
            kind = "text" if name in _TEXTS else "a number"
            raise ConfigError(f"{where}: {name}: expected {kind}, found {value!r}")
    return ModelEntry(**{"name": row["id"], **row})


def _no_others(mapping: dict[Any, Any], known: set[str], where: str) -> None:
    for key in mapping:
        if key not in known:
            raise ConfigError(f"{where}: expected {', '.join(sorted(known))}, found {key!r}")
