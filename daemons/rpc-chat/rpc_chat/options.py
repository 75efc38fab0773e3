"""The command line and the environment."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rpc_chat import catalogue, config
from rpc_chat.config import Config

NO_STAGE = "none"
LOG_LEVELS = ("debug", "info", "warning", "error")


class Flavour(Enum):
    """The source that the messages follow where the engine's document and its code differ."""

    CODE = "code"
    DOCUMENTED = "documented"
    """A thinking message comes before an answer, and sync_state has no content."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The choices that a connection's own stage starts with."""

    world_id: str
    character_id: str
    rules: tuple[str, ...] = ()


DOCUMENTED_PRESET = Preset("darkwood", "ranger")
"""The world and the character that the engine's document uses."""


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of one process."""

    host: str
    port: int
    data: Path
    model: str
    model_timeout: float
    """Seconds of silence after which the model has failed. Reasoning models are silent for
    minutes, and a user can cancel earlier."""
    flavour: Flavour
    preset: Preset | None
    """None: a connection's own stage starts without choices."""
    config: Config
    log_level: str
    api_base: str
    api_key: str


def parse(arguments: Sequence[str]) -> Options:
    """Read the arguments. A wrong one ends the program with status 2, as in argparse."""
    parser = argparse.ArgumentParser(prog="rpc-chat", description="A roleplay engine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0: any free port")
    parser.add_argument("--data", type=Path, default=Path("rpc-chat-data"), metavar="DIR")
    parser.add_argument("--config", type=_config, default=None, metavar="FILE")
    parser.add_argument("--model", help="the default model; also MODEL_NAME")
    parser.add_argument("--model-timeout", type=_seconds, default=600.0, metavar="SECONDS")
    parser.add_argument("--variant", choices=[each.value for each in Flavour], default="code")
    parser.add_argument(
        "--stage",
        type=_preset,
        metavar="WORLD/CHARACTER[/RULE,RULE]",
        help="the stage of each connection that names none; `none`: an empty one",
    )
    parser.add_argument("--log-level", choices=LOG_LEVELS, default="warning")
    given = parser.parse_args(arguments)
    flavour = Flavour(given.variant)
    preset = DOCUMENTED_PRESET if flavour is Flavour.DOCUMENTED else None
    if given.stage is not None:
        preset = given.stage if isinstance(given.stage, Preset) else None
    models: Config = given.config or config.load()
    model = given.model or models.default_model or os.environ.get("MODEL_NAME") or "gpt-4o-mini"
    return Options(
        host=given.host,
        port=given.port,
        data=given.data,
        model=model,
        model_timeout=given.model_timeout,
        flavour=flavour,
        preset=preset,
        config=models.with_default(model),
        log_level=given.log_level,
        api_base=os.environ.get("OPENAI_API_BASE") or "https://api.openai.com/v1",
        # The client library refuses an empty key. An API without keys accepts any text.
        api_key=os.environ.get("OPENAI_API_KEY") or "none",
    )


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a decimal number above 0, found {text!r}")
    return float(text)


def _config(text: str) -> Config:
    try:
        return config.load(Path(text))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {text}: {error.strerror}") from None
    except config.ConfigError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None


def _preset(text: str) -> Preset | str:
    if text == NO_STAGE:
        return NO_STAGE
    world, _, rest = text.partition("/")
    character, _, listed = rest.partition("/")
    rules = tuple(rule for rule in listed.split(",") if rule)
    known = (
        ("world", catalogue.WORLDS, (world,)),
        ("character", catalogue.CHARACTERS, (character,)),
        ("rule", catalogue.RULES, rules),
    )
    for kind, things, names in known:
        for name in names:
            if name not in things:
                raise argparse.ArgumentTypeError(
                    f"expected a {kind} ({', '.join(things)}), found {name!r}; "
                    "the form is WORLD/CHARACTER[/RULE,RULE]"
                )
    return Preset(world, character, rules)
