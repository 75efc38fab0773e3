"""Readers of what the reports write."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TapParser = Callable[[str], tuple[int, list[Any]]]


@pytest.fixture(scope="session")
def npm_readers(request: pytest.FixtureRequest) -> Path:
    """The folder of npm's readers of TAP, with a command for each.

    Installed once, into pytest's cache, by the package.json next to this file.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing; install Node.js 18 or newer (Debian: nodejs npm)")
    package = Path(__file__).with_name("package.json")
    content = hashlib.sha256(package.read_bytes()).hexdigest()[:12]
    home = request.config.cache.mkdir(f"tap-readers-{content}") / "home"
    if not home.exists():
        _install(package, home)
    return home / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def tap_parser(npm_readers: Path) -> TapParser:
    """npm's tap-parser in strict mode: text -> its exit status and its events."""
    command = [str(npm_readers / "tap-parser"), "--strict", "--json"]

    def parse(text: str) -> tuple[int, list[Any]]:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    return parse


def _install(package: Path, home: Path) -> None:
    """Install next to `home` and rename, so that several workers may do it at once."""
    folder = Path(tempfile.mkdtemp(dir=home.parent))
    shutil.copy(package, folder)
    done = subprocess.run(
        ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        shutil.rmtree(folder)
        pytest.skip(f"npm cannot install the readers of TAP: {done.stderr.strip()[-300:]}")
    try:
        os.rename(folder, home)
    except OSError:  # another worker was first
        shutil.rmtree(folder)
