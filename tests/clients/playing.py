"""Playing the table: one process for each client, its cases in a row."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.clients.table import Case, Client

HERE = Path(__file__).parent
INSTALLED = HERE / ".installed"
"""Where `make clients` puts the packages; git ignores it."""

PATIENCE = 120
"""Seconds for all cases of a client, its imports included."""


def command(client: Client) -> list[str] | str:
    """How its driver is started; a text says why it cannot be."""
    driver = HERE / "drivers" / client.driver
    match client.toolchain:
        case "python":
            python = INSTALLED / "python" / "bin" / "python"
            if client.package == "curl" and shutil.which("curl") is None:
                return "curl is not installed"
            return [str(python), str(driver)] if python.exists() else "run `make clients`"
        case "node":
            if shutil.which("node") is None:
                return "node is not installed"
            ready = (HERE / "drivers" / "node_modules").is_dir()
            return ["node", str(driver)] if ready else "run `make clients`"
        case _:
            program = INSTALLED / client.driver
            if shutil.which("go") is None and not program.exists():
                return "go is not installed"
            return [str(program)] if program.exists() else "run `make clients`"


def play(client: Client, run: list[str], url: str, key: str) -> list[tuple[Case, dict[str, Any]]]:
    """Each case, and what the client reported. Raises CalledProcessError."""
    cases = client.cases()
    lines = [
        json.dumps({"url": url, "key": key, "model": f"test:{case.pattern}", "stream": case.stream})
        for case in cases
    ]
    done = subprocess.run(
        run,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        env={**os.environ, "NO_COLOR": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return list(zip(cases, reports, strict=True))
