"""The complete examples of docs/manifest.md are judged: nginx, and a relay of one's own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "manifest.md").read_text()

BLOCKS = re.findall(r"^```(toml|python)\n(.*?)^```", PAGE, re.M | re.S)

NGINX, RELAY = (text for language, text in BLOCKS if language == "toml")
(RELAY_PROGRAM,) = (text for language, text in BLOCKS if language == "python")

Results = Callable[..., dict[str, Any]]


def judge(results: Results, folder: Path, manifest: str) -> None:
    (folder / "daemon.toml").write_text(manifest)
    run = results(str(folder), "--category=basic")
    verdicts = {each["scenario"]: each["verdict"] for each in run["results"]}
    assert set(verdicts.values()) == {"pass"}, run["results"]
    assert len(verdicts) >= 4


@pytest.mark.skipif(shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="no nginx")
def test_nginx(results: Results, tmp_path: Path) -> None:
    # Started by root, nginx gives its workers to another user, who may not enter this folder.
    judge(results, tmp_path, NGINX.replace("daemon off;", "daemon off;\nuser root;"))


def test_a_relay_of_ones_own(results: Results, tmp_path: Path) -> None:
    for needed in ("fastapi", "uvicorn"):
        pytest.importorskip(needed)
    (tmp_path / "relay.py").write_text(RELAY_PROGRAM)
    judge(results, tmp_path, RELAY)
