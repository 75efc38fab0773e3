"""Steadiness: repeat a run and compare the verdicts.

Users ignore a suite that is red once in fifty runs without a reason. So every run must
give every scenario the verdict of the first run. With `busy`, a process spins on one
core meanwhile, as other builds do on a shared machine.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from conformance.core.result import Verdict


def repeat(
    arguments: Sequence[str], *, runs: int, busy: bool, tell: Callable[[str], None]
) -> dict[str, Counter[Verdict]]:
    """Run `conformance run ARGUMENTS` this many times; count the verdicts of each case.

    tell: called with a line after each run. Raises RuntimeError, with the output, for a run
    that was used wrongly.
    """
    seen: dict[str, Counter[Verdict]] = {}
    with _spinning() if busy else nullcontext():
        for number in range(1, runs + 1):
            verdicts = _run(arguments)
            for case, verdict in verdicts.items():
                seen.setdefault(case, Counter())[verdict] += 1
            changed = [case for case, counted in seen.items() if len(counted) > 1]
            tell(f"run {number} of {runs}: {len(verdicts)} verdicts, {len(changed)} unsteady")
    return seen


def unsteady(seen: Mapping[str, Counter[Verdict]], *, runs: int) -> Iterator[str]:
    """A line for each case with different verdicts, or missing from a run."""
    for case, verdicts in sorted(seen.items()):
        missing = runs - verdicts.total()
        if len(verdicts) > 1 or missing:
            counts = [f"{count} {verdict.value}" for verdict, count in verdicts.most_common()]
            yield f"{case}: {', '.join(counts + [f'{missing} missing'] * bool(missing))}"


def _run(arguments: Sequence[str]) -> dict[str, Verdict]:
    with tempfile.TemporaryDirectory(prefix="steady-") as folder:
        output = Path(folder, "results.json")
        command = [sys.executable, "-m", "conformance", "run", "--format=json"]
        done = subprocess.run(
            [*command, f"--output={output}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode > 1 or not output.exists():
            raise RuntimeError(f"the run ended with status {done.returncode}:\n{done.stdout}")
        results = json.loads(output.read_text())["results"]
    return {
        f"{each['daemon']}/{each['variant']}/{each['scenario']}": Verdict(each["verdict"])
        for each in results
    }


@contextmanager
def _spinning() -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(
        target=_spin, args=(os.getpid(),), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _spin(parent: int) -> None:
    """Burn one core until the parent is gone."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    while os.getppid() == parent:
        sum(range(100_000))
