"""What the command line and the environment say."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Flavour(Enum):
    """Whose messages are sent, where the engine's document and its code differ."""

    CODE = "code"
    DOCUMENTED = "documented"
    """A thinking message comes before an answer, and sync_state has no content."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the engine is run."""

    host: str
    port: int
    data: Path
    model: str
    model_timeout: float
    """Seconds that the model's API may say nothing: one that thinks is silent for minutes, and a
    user who is tired of it cancels."""
    flavour: Flavour
    api_base: str
    api_key: str


def parse(arguments: Sequence[str]) -> Options:
    """Read them; a wrong one ends the program with status 2, as argparse does."""
    parser = argparse.ArgumentParser(prog="rpc-chat", description="A roleplay engine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one")
    parser.add_argument("--data", type=Path, default=Path("rpc-chat-data"), metavar="DIR")
    parser.add_argument("--model", default=os.environ.get("MODEL_NAME") or "gpt-4o-mini")
    parser.add_argument("--model-timeout", type=_seconds, default=600.0, metavar="SECONDS")
    parser.add_argument("--variant", choices=[each.value for each in Flavour], default="code")
    given = parser.parse_args(arguments)
    return Options(
        host=given.host,
        port=given.port,
        data=given.data,
        model=given.model,
        model_timeout=given.model_timeout,
        flavour=Flavour(given.variant),
        api_base=os.environ.get("OPENAI_API_BASE") or "https://api.openai.com/v1",
        # The client library refuses an empty key; an API without keys takes any.
        api_key=os.environ.get("OPENAI_API_KEY") or "none",
    )


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a decimal number above 0, found {text!r}")
    return float(text)
