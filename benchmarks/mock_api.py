"""How fast the mock API is, as ratios measured in one run.

    python benchmarks/mock_api.py [--seconds S] [--rounds N] [--against CHECKOUT]

The server has one core, the load generator another. No two requests are alike: prompts,
tokens and request ids differ. Two servers take turns, round after round, so other
work on the machine slows both alike, and the median round counts. `--against` compares
with the mock API in another checkout instead of with the baselines. Exits 1 when a target
is missed.

A slow load generator hides the speed of a server: the server idles. The table therefore
also shows the server's CPU time per request, which does not depend on the generator. Where
the generator was the bottleneck the ratio of CPU times is judged, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")

SEEDS = count(1)
"""One for each round, so that requests differ between rounds too."""

BODY = json.dumps(
    {"model": "mock", "stream": True, "messages": [{"role": "user", "content": "Hello there"}]}
)

STREAMS = 1000
EVENTS = 20
DELAY = 0.010
IDEAL = EVENTS * DELAY

IDLE = 0.85
"""A server that used less of its core than this was waiting for its load generator."""


@dataclass(frozen=True)
class Measure:
    """One server under load for a while."""

    requests: int
    seconds: float
    cpu: float
    """Seconds of CPU the server used."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_per_request(self) -> float:
        return self.cpu / self.requests

    @property
    def busy(self) -> float:
        return self.cpu / self.seconds


@dataclass(frozen=True)
class Server:
    """A server on the first core."""

    pid: int
    port: int

    def cpu(self) -> float:
        """Seconds of CPU it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def serving(
    command: list[str], port_of: Callable[[str], int], root: Path = ROOT
) -> Iterator[Server]:
    """Run a server that prints where it listens in its first line."""
    process = subprocess.Popen(
        [*pinned(SERVER_CORE), sys.executable, *command],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    try:
        yield Server(process.pid, port_of(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def mock(*options: str, root: Path = ROOT) -> AbstractContextManager[Server]:
    """The mock API of a checkout, its journal on."""
    command = ["-m", "mock_api", "--quiet", *options]
    port_of = lambda line: int(json.loads(line)["http"].split(":")[2].split("/")[0])  # noqa: E731
    return serving(command, port_of, root)


def baseline(module: str) -> AbstractContextManager[Server]:
    """A server to compare with; it prints its port."""
    return serving([f"benchmarks/baseline/{module}.py"], int)


CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]


def pinned(core: int) -> list[str]:
    """The beginning of a command that runs on one core."""
    return ["taskset", "-c", str(core)]


def wrk(server: Server, seconds: float) -> Measure:
    """Requests over HTTP/1.1, 32 connections at once, no two requests alike."""
    script = str(ROOT / "benchmarks/unlike_requests.lua")
    seed = str(next(SEEDS))
    command = ["wrk", "-t1", "-c32", f"-d{seconds:g}s", "-s", script, url(server), "--", seed]
    output, cpu = loaded(server, command)
    totals = re.search(r"(\d+) requests in ([\d.]+)s", output)
    assert totals is not None, output
    assert "Non-2xx" not in output, output
    assert "Socket errors" not in output, output
    return Measure(int(totals[1]), float(totals[2]), cpu)


def h2_load(server: Server, requests: int) -> Measure:
    """Requests over h2c, 10 connections with 10 streams each, no two requests alike."""
    script = str(ROOT / "benchmarks/h2_load.py")
    command = [sys.executable, script, str(server.port), str(requests)]
    output, cpu = loaded(server, command)
    return Measure(requests, float(output), cpu)


def timed(server: Server, *options: str) -> list[float]:
    """How long each of many timed streams took, in seconds, 1,000 at a time."""
    with body_file() as body, tempfile.NamedTemporaryFile() as log:
        requests = STREAMS * 5
        loaded(
            server,
            [
                "h2load",
                f"-n{requests}",
                f"-d{body}",
                f"--log-file={log.name}",
                *options,
                url(server),
            ],
        )
        rows = [line.split("\t") for line in Path(log.name).read_text().splitlines()]
    assert len(rows) == requests
    assert all(status == "200" for _, status, _ in rows)
    return sorted(int(duration) / 1e6 for _, _, duration in rows)


def loaded(server: Server, command: list[str]) -> tuple[str, float]:
    """Run a load generator on the other core: what it said, and the server's CPU time."""
    before = server.cpu()
    done = subprocess.run(
        [*pinned(CLIENT_CORE), *command], capture_output=True, text=True, check=True
    )
    return done.stdout, server.cpu() - before


@contextmanager
def body_file() -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as body:
        body.write(BODY)
        body.flush()
        yield body.name


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}/v1/chat/completions"


def middle(measures: list[Measure]) -> Measure:
    """The round in the middle, by CPU per request."""
    return sorted(measures, key=lambda measure: measure.cpu_per_request)[len(measures) // 2]


@dataclass(frozen=True)
class Target:
    """A figure and what it must reach."""

    name: str
    found: float
    bound: float
    at_least: bool
    unit: str = ""

    @property
    def reached(self) -> bool:
        return self.found >= self.bound if self.at_least else self.found <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        verdict = "reached" if self.reached else "MISSED"
        return (
            f"{self.name:44} {self.found:8.2f}{self.unit:2} {sign} {self.bound:g}{self.unit:2}"
            f" {verdict}"
        )


@dataclass(frozen=True)
class Contest:
    """Two servers under the same load, in turn."""

    name: str
    bound: float
    """How many times faster the first has to be."""
    ours: Callable[[], Measure]
    theirs: Callable[[], Measure]

    def run(self, rounds: int) -> Target:
        """Measure both in turn, print the figures, and return the ratio as a target."""
        self.ours(), self.theirs()  # warm
        measures = [(self.ours(), self.theirs()) for _ in range(rounds)]
        for server, column in zip(("mock_api", "other"), zip(*measures, strict=True), strict=True):
            median = middle(list(column))
            print(
                f"  {self.name:8} {server:9} {median.rate:9.0f} requests/s"
                f" {median.cpu_per_request * 1e6:8.1f} µs CPU/request, core {median.busy:4.0%} busy"
            )
        rates = statistics.median(ours.rate / theirs.rate for ours, theirs in measures)
        work = statistics.median(
            theirs.cpu_per_request / ours.cpu_per_request for ours, theirs in measures
        )
        busy = statistics.median(ours.busy for ours, _ in measures)
        print(f"  {self.name:8} ratio     {rates:9.1f} requests/s {work:17.1f} CPU/request")
        if busy < IDLE:
            print(f"  {self.name:8} the load generator was the bottleneck: CPU/request is judged")
            return Target(f"{self.name}: times the other (CPU/request)", work, self.bound, True)
        return Target(f"{self.name}: times the other (requests/s)", rates, self.bound, True)


def lateness(name: str, bound: float, durations: list[float]) -> Target:
    """Print how late timed streams ended, and say by how much the 99th percentile is over ideal."""
    quantile = statistics.quantiles(durations, n=100)
    late = [(quantile[at] - IDEAL) * 1000 for at in (49, 89, 98)]
    print(
        f"  {name:8} {STREAMS} streams, {EVENTS} events at {DELAY * 1000:g} ms:"
        f" p50 {late[0]:.1f} ms late, p90 {late[1]:.1f}, p99 {late[2]:.1f}"
    )
    over = (quantile[98] / IDEAL - 1) * 100
    return Target(f"{name}: p99 duration over ideal", over, bound, at_least=False, unit=" %")


def main() -> int:
    """Measure everything; 1 when a target is missed, 2 when something is not installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a round (3)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each server (5)")
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="compare with the mock API in there"
    )
    options = parser.parse_args()
    for tool, package in (("wrk", "wrk"), ("h2load", "nghttp2-client"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed; on Debian: apt install {package}", file=sys.stderr)
            return 2
    if len(CORES) < 2:
        print("this needs two cores: one for the server, one for the load", file=sys.stderr)
        return 2
    other = None if options.against is None else partial(mock, root=options.against.resolve())
    slower = 10 if other is None else 1
    seconds, requests = options.seconds, int(20_000 * options.seconds)
    targets = []
    with mock() as ours, other() if other else baseline("uvicorn_asgi") as theirs:
        contest = Contest(
            "HTTP/1.1",
            1 if other else 8,
            lambda: wrk(ours, seconds),
            lambda: wrk(theirs, seconds),
        )
        targets.append(contest.run(options.rounds))
    with mock() as ours, other() if other else baseline("h2_library") as theirs:
        contest = Contest(
            "h2c",
            1 if other else 8,
            lambda: h2_load(ours, requests),
            lambda: h2_load(theirs, requests // slower),
        )
        targets.append(contest.run(options.rounds))
    if other is None:
        with mock("--delay", f"{DELAY * 1000:g}") as ours:
            timed(ours, "--h1", f"-c{STREAMS}")  # warm
            targets.append(lateness("HTTP/1.1", 25, timed(ours, "--h1", f"-c{STREAMS}")))
            timed(ours, "-c10", f"-m{STREAMS // 10}")
            targets.append(lateness("h2c", 20, timed(ours, "-c10", f"-m{STREAMS // 10}")))
    print()
    for target in targets:
        print(target)
    return 0 if all(target.reached for target in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
