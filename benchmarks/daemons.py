"""What a stream costs each daemon: latency, memory and processor time under load.

    python benchmarks/daemons.py [DAEMON...] [--loads 1,100,1000,8000] [--output FOLDER]

Every daemon serves its default variant (HTTP/2 over TLS to the mock API): streams of 20
events, begun as fast as it takes them. Added latency is an event's arrival at the client
minus the mock API's stamp of its sending, on one clock. Generator, mock API and daemon
share the machine; where the generator or the mock API itself ran late the row says
nothing about the daemon, and is marked invalid.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import plot
import streams

from conformance.core.script import delta, finish, script, wait
from conformance.core.script import done as done_marker
from conformance.daemon.build import build
from conformance.daemon.failures import DaemonError
from conformance.daemon.guardian import mark_this_process
from conformance.daemon.manifest import Manifest, missing
from conformance.daemon.process import DaemonProcess
from conformance.mock.client import MockClient
from conformance.running.selection import Selection, SelectionError, manifests

EVENTS = 20
DELAYS = {1: 0.050, 100: 0.050, 1000: 0.050, 8000: 0.500}
"""Seconds between a stream's events, by the number of streams."""

WARM = 50
"""Streams before the memory of an idle daemon is measured."""

LATE = 0.001
"""Seconds by which the generator, or the mock API, may be late at the median. A latency of that
size could be their own."""

COMPILED = {"go": 40, "rust": 24, "uring": 24}
"""Daemons with an aim for memory at 1,000 streams: KiB a stream."""

LATENCY = 2.0
"""Milliseconds of added latency, in the middle, that those may cost at 1,000 streams."""


@dataclass(frozen=True, slots=True)
class Row:
    """One daemon under one load. Times in milliseconds, memory in KiB."""

    daemon: str
    streams: int
    succeeded: int
    first_p50: float
    first_p99: float
    added_p50: float
    added_p99: float
    memory: float
    """Of a stream: loaded minus warm idle, by the number of streams."""
    cpu: float
    """Milliseconds of processor time for 1,000 events."""
    generator_late: float
    mock_late: float

    @property
    def valid(self) -> bool:
        """Whether the daemon, and not its surroundings, was measured."""
        return max(self.generator_late, self.mock_late) <= LATE * 1000


async def measure(manifest: Manifest, upstream: MockClient, loads: Sequence[int]) -> list[Row]:
    """Start the daemon's default variant and put it under each load in turn."""
    await build(manifest)
    options = {"max_connections": "20000"} if "max_connections" in manifest.options else {}
    rows = []
    async with DaemonProcess.start(
        manifest, manifest.variants[0], upstream, options=options
    ) as daemon:
        await _load(daemon, upstream, WARM, 0.005)
        for count in loads:
            await asyncio.sleep(1.0)  # what is freed late shall not count as the next load's
            idle = streams.resident(daemon.pid)
            run = await _load(daemon, upstream, count, DELAYS.get(count, 0.050))
            rows.append(await _row(daemon, upstream, run, idle, DELAYS.get(count, 0.050)))
            print(f"  {_line(rows[-1])}", flush=True)
    return rows


async def _load(
    daemon: DaemonProcess, upstream: MockClient, count: int, delay: float
) -> streams.Run:
    name = f"load-{delay:g}"
    words = (step for n in range(EVENTS) for step in (delta(f"word {n} "), wait(delay)))
    await upstream.put_script(name, script(*words, finish("stop"), done_marker()))
    return await asyncio.to_thread(
        streams.run,
        daemon.socket,
        daemon.socket_type,
        count=count,
        pattern=f"script:{name}",
        seconds=EVENTS * delay,
        pid=daemon.pid,
    )


async def _row(
    daemon: DaemonProcess, upstream: MockClient, run: streams.Run, idle: int, delay: float
) -> Row:
    sent = {}
    for stream in run.streams:
        for entry in await upstream.wait(stream.token, state="received", within=0.0, brief=True):
            sent[stream.token] = [event.at for event in entry.events[:EVENTS]]
    first, added, late = [], [], []
    succeeded = 0
    for stream in run.streams:
        came, whole = stream.arrivals()
        left = sent.get(stream.token, [])
        if not whole or len(came) != EVENTS or len(left) != EVENTS:
            continue
        succeeded += 1
        first.append(stream.reads[0][0] - stream.handed_off_at)
        added += [there - here for there, here in zip(came, left, strict=True)]
        late += [there - here - delay for here, there in pairwise(left)]
    events = succeeded * EVENTS
    return Row(
        daemon=daemon.manifest.name,
        streams=len(run.streams),
        succeeded=succeeded,
        first_p50=_quantile(first, 50),
        first_p99=_quantile(first, 99),
        added_p50=_quantile(added, 50),
        added_p99=_quantile(added, 99),
        memory=(run.peak - idle) / 1024 / len(run.streams),
        cpu=run.cpu * 1000 / events * 1000 if events else 0.0,
        generator_late=_quantile(run.late, 50),
        mock_late=_quantile(late, 50),
    )


def _quantile(values: Sequence[float], percent: int) -> float:
    """In milliseconds; 0 where there is nothing."""
    if len(values) < 2:
        return values[0] * 1000 if values else 0.0
    return statistics.quantiles(values, n=100)[percent - 1] * 1000


HEAD = (
    "daemon        streams       ok  first p50     p99  added p50     p99  KiB/stream  "
    "CPU ms/1000 events"
)


def _line(row: Row) -> str:
    mark = "" if row.valid else "  invalid: the generator or the mock API was late"
    return (
        f"{row.daemon:12} {row.streams:8} {row.succeeded / row.streams:8.1%} "
        f"{row.first_p50:10.1f} {row.first_p99:7.1f} {row.added_p50:10.2f} {row.added_p99:7.1f} "
        f"{row.memory:11.1f} {row.cpu:11.1f}{mark}"
    )


def _missed(rows: Sequence[Row]) -> Iterator[str]:
    """The aims at 1,000 streams that were not reached."""
    for row in rows:
        if row.streams != 1000 or not row.valid:
            continue
        if row.succeeded < row.streams:
            yield f"{row.daemon}: {row.streams - row.succeeded} streams failed"
        if row.daemon in COMPILED:
            if row.added_p50 > LATENCY:
                yield f"{row.daemon}: {row.added_p50:.2f} ms added, to reach: {LATENCY:g}"
            if row.memory > COMPILED[row.daemon]:
                yield (
                    f"{row.daemon}: {row.memory:.1f} KiB a stream, to reach: {COMPILED[row.daemon]}"
                )


async def _measure_all(options: argparse.Namespace) -> list[Row]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loads = [int(each) for each in options.loads.split(",")]
    possible = [each for each in loads if each * 2 + 200 <= hard]
    for each in set(loads).difference(possible):
        print(f"{each} streams: left out, this machine allows {hard} descriptors", file=sys.stderr)
    rows: list[Row] = []
    print(f"  {HEAD}")
    for manifest in manifests(Selection(daemons=tuple(options.daemon), profile="handoff")):
        lacking = missing(manifest)
        if lacking is not None:
            print(f"  {manifest.name}: {lacking}")
            continue
        # One for each daemon: a journal that grows would make the last daemon look slow.
        async with MockClient.start(args=("--journal-size", "40000")) as upstream:
            try:
                rows += await measure(manifest, upstream, possible)
            except DaemonError as error:
                print(f"  {manifest.name}: {error}")
    return rows


def main() -> int:
    """Measure and write the results; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("daemon", nargs="*", help="only these")
    parser.add_argument("--loads", default=",".join(map(str, DELAYS)), help="streams at once")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    mark_this_process()
    try:
        rows = asyncio.run(_measure_all(options))
    except SelectionError as error:
        parser.error(str(error))
    options.output.mkdir(exist_ok=True)
    table = "\n".join([HEAD, *map(_line, rows)])
    (options.output / "daemons.txt").write_text(table + "\n")
    values = [{**asdict(row), "valid": row.valid} for row in rows]
    (options.output / "daemons.json").write_text(json.dumps(values, indent=2) + "\n")
    plot.draw(values, options.output / "daemons")
    missed = list(_missed(rows))
    for each in missed:
        print(f"missed: {each}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
