"""Run the steps of `make check`, and say what is running.

    python tests/check.py STEP[,STEP…] …

Each argument is a group of make targets that run at the same time; groups run one after
the other. The output of a step is printed when it fails. The exit status is 0 when every
step has succeeded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

MAKE = os.environ.get("MAKE", "make")


def say(text: str) -> None:
    """Print the text at once, also while another step prints."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(step: str) -> bool:
    """Run one make target; whether it has succeeded."""
    say(f"      …  {step}")
    began = time.monotonic()
    done = subprocess.run(
        [MAKE, "--no-print-directory", step],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    seconds = time.monotonic() - began
    mark = "✗" if done.returncode else "✓"
    report = [f"{seconds:5.0f} s {mark}  {step}"]
    lines = done.stdout.splitlines()
    notes = [line for line in lines[:-1] if ": skipped, " in line or line.startswith("TOTAL ")]
    notes += lines[-1:]
    report += lines if done.returncode else [f"           {line}" for line in notes]
    say("\n".join(report))
    return done.returncode == 0


def main(groups: list[str]) -> int:
    """Run the groups; the exit status."""
    began = time.monotonic()
    # A group must not share one job server: its steps would wait for each other's places.
    os.environ.pop("MAKELEVEL", None)
    failed: list[str] = []
    for group in groups:
        steps = group.split(",")
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            results = zip(steps, pool.map(run, steps), strict=True)
            failed += [step for step, succeeded in results if not succeeded]
    took = time.monotonic() - began
    if failed:
        say(f"red after {took:.0f} s: {', '.join(failed)}")
    else:
        say(f"green: {sum(len(group.split(',')) for group in groups)} steps in {took:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
