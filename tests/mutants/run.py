"""Judge mutants of the reference daemons: is each wrong daemon red?

    python tests/mutants/run.py go python-http2 --seed 1 --seconds 300

A mutant is drawn by chance, but the same ones for a seed, and judged by the catalog until
the first red scenario. A mutant that stays green has *survived*: either a check is missing,
or the change means nothing to any client, API or operator; then explained.toml says why.
Exit status 1 where fewer than LEAST of them were killed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from mutate import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "go": ("go",),
    "python-http2": ("python-http2", "python-shared"),
    "gateway": ("gateway", "python-shared"),
}
"""The folders of daemons/ whose sources are a daemon's."""

STAGES = (
    ("--variant", "default", "--category", "basic", "--category", "finish", "--category", "abort"),
    ("--variant", "default"),
    (),
)
"""What a mutant is judged by, one after the other: the shortest first, as most die at once."""

LIMIT = 240.0
"""Seconds for one stage. A daemon that hangs everywhere is red by then."""

LEAST = 0.97
"""The share that must be killed or explained."""


def main() -> int:
    """Judge mutants until the time is up."""
    parser = argparse.ArgumentParser(description="Judge mutants of the reference daemons.")
    parser.add_argument("daemon", nargs="*", choices=(*PARTS, []), metavar="DAEMON", default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, help="how many; all without --count and --seconds")
    parser.add_argument("--seconds", type=float, help="begin none after this time")
    given = parser.parse_args()
    drawn = _drawn(given.daemon or ["go", "python-http2"], given.seed)
    explained = _explained()
    end = time.monotonic() + (given.seconds or float("inf"))
    killed, fine, survived = 0, 0, []
    for number, (daemon, mutant) in enumerate(drawn, start=1):
        if time.monotonic() > end or (given.count is not None and number > given.count):
            break
        how = _judged(daemon, mutant)
        if how is None:
            continue
        if how:
            killed += 1
        elif (reason := explained.get(_key(mutant))) is not None:
            fine += 1
            how = f"explained: {reason}"
        else:
            survived.append(mutant)
            how = "SURVIVED"
        print(f"{number:4}  {mutant}  {how}", flush=True)
    judged = killed + fine + len(survived)
    share = (killed + fine) / judged if judged else 0.0
    counts = f"{killed} killed, {fine} explained, {len(survived)} survived"
    print(f"{judged} mutants: {counts} ({share:.1%})")
    return 0 if share >= LEAST else 1


def _drawn(daemons: list[str], seed: int) -> Iterator[tuple[str, Mutant]]:
    """Mutants of all daemons, in an order that the seed decides."""
    every = [
        (daemon, mutant)
        for daemon in daemons
        for mutant in mutants(ROOT / "daemons", *PARTS[daemon])
    ]
    random.Random(seed).shuffle(every)  # noqa: S311, the same for a seed
    return iter(every)


def _judged(daemon: str, mutant: Mutant) -> str | None:
    """How a mutant was killed, "" where it survived, None where it cannot be built."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder, "daemons")
        for part in PARTS[daemon]:
            shutil.copytree(
                ROOT / "daemons" / part,
                copy / part,
                ignore=shutil.ignore_patterns("__pycache__", "tests"),
            )
        file = copy / mutant.path
        file.write_bytes(mutant.applied(file.read_bytes()))
        if file.suffix == ".go" and not _builds(file.parent):
            return None
        for stage in STAGES:
            red = _red(copy / daemon, stage)
            if red:
                return red
    return ""


def _builds(folder: Path) -> bool:
    build = ("go", "vet", ".")
    return subprocess.run(build, cwd=folder, capture_output=True, check=False).returncode == 0


def _red(daemon: Path, stage: tuple[str, ...]) -> str:
    """The first red scenario, or another reason for a red run; "" for a green one."""
    command = [
        sys.executable,
        "-m",
        "conformance",
        "run",
        str(daemon),
        "-x",
        "--format",
        "tap",
        *stage,
    ]
    began = time.monotonic()
    try:
        run = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            env=os.environ | {"NO_COLOR": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the run did not end within {LIMIT:g} s"
    if run.returncode == 0:
        return ""
    red = (line for line in run.stdout.splitlines() if line.startswith("not ok"))
    first = next(red, "exit status " + str(run.returncode))
    return f"{first.split(' - ')[-1]}, {time.monotonic() - began:.0f} s"


def _explained() -> dict[str, str]:
    table = tomllib.loads(Path(__file__).with_name("explained.toml").read_text())
    return {key: reason for keys in table.values() for key, reason in keys.items()}


def _key(mutant: Mutant) -> str:
    """What stands in explained.toml: the line's text, since its number changes."""
    line = (ROOT / "daemons" / mutant.path).read_text().splitlines()[mutant.line - 1].strip()
    return f"{mutant.path}: {line} | {mutant.new or 'left out'}"


if __name__ == "__main__":
    sys.exit(main())
