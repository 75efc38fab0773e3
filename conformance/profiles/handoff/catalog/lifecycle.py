"""A daemon's own life: how it starts, ends, is full, and stands what the system does to it."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from conformance.core.quoting import plural
from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import delta, finished, gate, script, stall, wait
from conformance.core.socket_type import SocketType
from conformance.daemon.instance import try_connect
from conformance.daemon.process import DaemonProcess
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.exchange import Exchange

HELD = finished(delta("Hold"), gate(1), delta(" on."))
"""An answer that stays in the middle until its gate is opened."""

STALLED = script(delta("Hold"), stall())

SHUTDOWN = 0.5
"""Seconds that running streams have after SIGTERM, where they shall not have 30."""

PROMPTLY = 1.5
"""Seconds beyond what it must wait for in which a daemon has ended."""

STARTING = 5.0
"""Seconds in which a daemon that must not start has noticed it."""

SMALL = 4096
"""Bytes of buffers so small that a client which does not read stops its daemon soon."""


@asynccontextmanager
async def _held(bench: HandoffBench) -> AsyncIterator[Exchange]:
    """A client in the middle of its answer."""
    async with bench.exchange(pattern=await bench.script(HELD)) as exchange:
        await exchange.start()
        await exchange.events(1)
        yield exchange


async def _let_go(exchange: Exchange) -> None:
    await exchange.open_gate(1)
    (await exchange.response()).content_as_sent().done_marker()


async def _exits(
    bench: HandoffBench,
    *,
    within: float,
    statuses: tuple[int, ...] = (0,),
    clause: str = "L2",
    daemon: DaemonProcess | None = None,
) -> None:
    """Check that the daemon ends by itself, in time, with one of these statuses."""
    daemon = daemon or bench.daemon
    try:
        async with asyncio.timeout(within * bench.environment.scale):
            await daemon.ended()
    except TimeoutError:
        pass
    bench.check(
        daemon.returncode in statuses,
        "exits",
        expected=f"exit status {' or '.join(map(str, statuses))} within {within:g} s",
        actual=daemon.describe_exit() or "it still runs",
        clause=clause,
    )


async def _refuses(bench: HandoffBench) -> None:
    """Wait until the daemon takes no more handoffs, as it must from SIGTERM on (L2)."""
    daemon = bench.daemon
    accepting = (None, errno.EAGAIN)
    bench.check(
        await bench.until(
            lambda: try_connect(daemon.socket, daemon.socket_type) not in accepting, within=2.0
        ),
        "stops_accepting",
        expected="no connection is accepted after SIGTERM",
        actual="connections are still accepted after 2 s",
        clause="L2",
    )


# SIGTERM


@scenario(clause=("L2", "L1"), alone=True, evidence="reasoned; systemd.kill(5), SIGTERM")
async def life_sigterm_idle(bench: HandoffBench) -> None:
    """A daemon with nothing to do ends on SIGTERM at once, with status 0, and takes its socket."""
    await bench.healthy()
    bench.daemon.send_signal(signal.SIGTERM)
    # The last client may be held for a second more (R8).
    await _exits(bench, within=1.0 + PROMPTLY)
    bench.check(
        not bench.daemon.socket.exists(),
        "socket_removed",
        expected="the daemon's own socket file is removed on exit",
        actual="it is still there",
        clause="L1",
    )


@scenario(
    clause="L2",
    alone=True,
    evidence='PostHog/posthog#73863 "drain in-flight streams"; sysid/sse-starlette#157',
)
async def life_sigterm_drain(bench: HandoffBench) -> None:
    """After SIGTERM a running stream is finished, nobody new is taken, and the status is 0."""
    async with _held(bench) as exchange:
        bench.daemon.send_signal(signal.SIGTERM)
        await _refuses(bench)
        await _let_go(exchange)
    await _exits(bench, within=1.0 + PROMPTLY)


@scenario(clause="L2", alone=True, evidence="reasoned; handoffs in the backlog have no other home")
async def life_sigterm_queued(bench: HandoffBench) -> None:
    """Handoffs that were queued when SIGTERM came are served."""
    # At rest: it must not stop with "somebody has connected" already on its way to it.
    await bench.released((await bench.healthy()).held)
    await bench.stopped()
    queued = [bench.exchange(pattern="short") for _ in range(5)]
    async with AsyncExitStack() as stack:
        for each in queued:
            await stack.enter_async_context(each)
            await each.start()
        bench.daemon.send_signal(signal.SIGTERM)
        bench.daemon.send_signal(signal.SIGCONT)
        for each in queued:
            checks = await each.response()
            checks.content_as_sent().done_marker().applied("short")
    await _exits(bench, within=1.0 + PROMPTLY)


@scenario(
    clause=("L2", "R6"),
    alone=True,
    start=Start(options={"shutdown_timeout": str(SHUTDOWN)}),
    evidence='rivet-dev/sandbox-agent#315 "shutdown cannot hang on streams"',
)
async def life_sigterm_bound(bench: HandoffBench) -> None:
    """A stream that outlasts the time for it is ended as failed, and the status is 0."""
    async with bench.exchange(pattern=await bench.script(STALLED)) as exchange:
        await exchange.start()
        await exchange.events(1)
        bench.daemon.send_signal(signal.SIGTERM)
        await _exits(bench, within=SHUTDOWN + PROMPTLY)
        checks = (await exchange.response()).chunk_count(1)
        checks.no_finish_reason().no_done_marker().failed_stream()


@scenario(
    clause=("L2", "R5"),
    alone=True,
    start=Start(options={"shutdown_timeout": str(SHUTDOWN)}, api=Api.SILENT),
    evidence='rivet-dev/sandbox-agent#315 "shutdown cannot hang on streams"',
)
async def life_sigterm_unbegun(bench: HandoffBench) -> None:
    """A client whose answer has not begun when the time is over is told so by its status."""
    async with bench.exchange() as exchange:
        await exchange.start()
        bench.daemon.send_signal(signal.SIGTERM)
        await _exits(bench, within=SHUTDOWN + PROMPTLY)
        # To this client the daemon is out of service, or the API is too late.
        (await exchange.response()).http_error(502, 503, 504, clause="L2").ended()


@scenario(
    clause="L2",
    alone=True,
    start=Start(options={"shutdown_timeout": str(SHUTDOWN)}),
    evidence='rivet-dev/sandbox-agent#315 "shutdown cannot hang on streams"',
)
async def life_sigterm_stalled(bench: HandoffBench) -> None:
    """A client that does not read does not keep the daemon from ending."""
    async with bench.exchange(
        pattern="abort:3000", receive_buffer=SMALL, send_buffer=SMALL
    ) as stalled:
        await stalled.start()
        await stalled.head()
        stalled.pause()
        bench.daemon.send_signal(signal.SIGTERM)
        await _exits(bench, within=SHUTDOWN + PROMPTLY)
        (await stalled.response()).no_done_marker()


@scenario(
    clause="L2",
    alone=True,
    evidence='rivet-dev/sandbox-agent#315 "shutdown cannot hang on streams", second SIGTERM',
)
async def life_sigterm_twice(bench: HandoffBench) -> None:
    """A second SIGTERM ends the daemon at once, and the client is not told of success."""
    async with _held(bench) as exchange:
        bench.daemon.send_signal(signal.SIGTERM)
        await _refuses(bench)
        bench.daemon.send_signal(signal.SIGTERM)
        await _exits(bench, within=PROMPTLY, statuses=(0, 1, -signal.SIGTERM, 128 + signal.SIGTERM))
        (await exchange.response()).chunk_count(1).no_done_marker()


# The socket file


@scenario(clause="L1", alone=True, evidence='kenn-io/kata#22 "clean stale socket"; nginx/nginx#851')
async def life_stale_socket(bench: HandoffBench) -> None:
    """The socket file of a daemon that was killed is replaced by the next one."""
    bench.daemon.send_signal(signal.SIGKILL)
    await bench.daemon.ended()
    async with bench.another(socket=bench.daemon.socket) as successor:
        await _starts(bench, successor)
        await bench.healthy(clause="L1")


async def _starts(bench: HandoffBench, daemon: DaemonProcess) -> None:
    """Check that it serves, where nobody else does."""
    ended = asyncio.ensure_future(daemon.ended())
    within = daemon.manifest.run.timeout
    await bench.until(
        lambda: ended.done() or try_connect(daemon.socket, daemon.socket_type) is None,
        within=within,
    )
    ended.cancel()
    bench.check(
        daemon.alive() and try_connect(daemon.socket, daemon.socket_type) is None,
        "starts",
        expected=f"the second daemon listens within {within:g} s",
        actual=f"it {daemon.describe_exit() or 'runs and does not listen'}: {daemon.log_tail(1)}",
        clause="L1",
    )


async def _declines(bench: HandoffBench, path: Path, *, what: str) -> None:
    """Check that a daemon refuses to start on this path, and leaves alone what is there."""
    before = _identity(path)
    async with bench.another(socket=path) as daemon:
        await _exits(
            bench, within=STARTING, statuses=tuple(range(1, 256)), clause="L1", daemon=daemon
        )
    found = _identity(path)
    bench.check(
        found == before,
        "left_alone",
        expected=f"{what} is where it was",
        actual="it is gone" if found is None else "something else is in its place",
        clause="L1",
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@scenario(clause="L1", alone=True, evidence='kenn-io/kata#22; nginx/nginx#851 "second instance"')
async def life_live_socket(bench: HandoffBench) -> None:
    """A second daemon does not start on the socket of one that lives, which goes on serving."""
    await _declines(bench, bench.daemon.socket, what="the first daemon's socket")
    await bench.healthy(clause="L1")


@scenario(clause="L1", alone=True, evidence="connect(2), EPROTOTYPE; nginx/nginx#851")
async def life_other_live_socket(bench: HandoffBench) -> None:
    """A daemon does not start on a socket on which another kind of server listens."""
    mine = bench.daemon.socket_type
    other = next(each for each in SocketType if each is not mine)
    path = bench.daemon.folder / "other.sock"
    with socket.socket(socket.AF_UNIX, other.number) as server:
        server.bind(str(path))
        server.listen()
        await _declines(bench, path, what="the other server's socket")
    await bench.healthy(clause="L1")


@scenario(clause="L1", alone=True, evidence="reasoned; a mistyped --socket must not cost a file")
async def life_no_socket(bench: HandoffBench) -> None:
    """A daemon does not start over a file or a folder, and leaves it as it was."""
    file, folder = bench.daemon.folder / "file", bench.daemon.folder / "folder"
    file.write_text("precious")
    folder.mkdir()
    await asyncio.gather(
        _declines(bench, file, what="the file"), _declines(bench, folder, what="the folder")
    )
    bench.check(
        file.is_file() and file.read_text() == "precious",
        "left_alone",
        expected="the file holds what it held",
        actual="it was changed",
    )
    await bench.healthy(clause="L1")


@scenario(clause="L1", alone=True, evidence="reasoned; restarts that overlap")
async def life_foreign_socket(bench: HandoffBench) -> None:
    """A daemon that ends leaves the socket file alone when it is its successor's by now."""
    path = bench.daemon.socket
    path.unlink()
    async with bench.another(socket=path) as successor:
        await _starts(bench, successor)
        bench.daemon.send_signal(signal.SIGTERM)
        await _exits(bench, within=PROMPTLY)
        await bench.healthy(clause="L1")


# Full


@scenario(
    clause=("L3", "R5"),
    alone=True,
    start=Start(options={"max_connections": "2"}),
    evidence="reasoned; handoff.md, --max-connections",
)
async def life_max_connections(bench: HandoffBench) -> None:
    """Above max-connections handoffs are refused with 503, and served again when there is room."""
    async with _held(bench) as first, _held(bench):
        for _ in range(3):  # those that were refused take up no room
            async with bench.exchange() as third:
                await third.start()
                (await third.response()).http_error(503, clause="L3").ended()
            entries = await bench.upstream.journal(third.token)
            bench.check(
                not entries,
                "unasked",
                expected="no request to the API for a handoff that was refused",
                actual=plural(len(entries), "request"),
            )
        await _let_go(first)
        first.release()
        await bench.released(first.held)
        await bench.served_again()
    pattern = await bench.script(HELD)
    for _ in range(3):  # those that leave give their room back as well
        async with bench.exchange(pattern=pattern) as leaver:
            await leaver.start()
            await leaver.head()
            leaver.reset()
        if not await bench.released(leaver.held):
            return
    await bench.served_again()


# What the system does


NUMBERED = finished(*(step for n in range(100) for step in (delta(f"{n} "), wait(0.005))))
"""An answer of half a second, in which every event can be told from the others."""


@scenario(
    clause=("L4", "R2"),
    alone=True,
    evidence='Smithay/wayland-rs#647 "handle EINTR"; signal(7), "Interruption of system calls"',
)
async def life_signal_storm(bench: HandoffBench) -> None:
    """Signals that ask for nothing, a thousand a second, cost no stream a byte."""
    pattern = await bench.script(NUMBERED)
    harmless = [
        each
        for each in (signal.SIGCHLD, signal.SIGALRM)
        if each is signal.SIGCHLD or _minds(bench.daemon.pid, each)
    ]

    async def storm() -> None:
        while True:
            # Being stopped and continued interrupts even who handles no signal at all.
            for each in (*harmless, signal.SIGSTOP, signal.SIGCONT):
                bench.daemon.send_signal(each)
            await asyncio.sleep(0.001)

    async def served() -> None:
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            checks = await exchange.response()
            checks.events_in_order().done_marker().applied(pattern)

    storming = asyncio.create_task(storm())
    try:
        await asyncio.gather(*(served() for _ in range(3)))
        await bench.healthy()
    finally:
        storming.cancel()


def _minds(pid: int, number: signal.Signals) -> bool:
    """Whether the process catches or ignores the signal, which would end it otherwise."""
    masks = dict(
        line.split(":\t")
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith(("SigCgt", "SigIgn"))
    )
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks.values())


CYCLES = 240
"""Exchanges of a soak. Descriptors are counted one by one, so that a leak shows in a few."""

AT_A_TIME = 12
GROWTH = 8 << 20
"""Bytes of RSS by which a daemon may grow in a soak: 35 KB for each exchange are a leak."""


@scenario(
    clause=("H10", "L4"),
    alone=True,
    evidence='Dstack-TEE/private-ai-gateway#43 "sockets left in CLOSE_WAIT"',
)
async def life_soak(bench: HandoffBench) -> None:
    """Hundreds of answers, failures, refusals and departures leave nothing behind."""
    broken = await bench.script(script(delta("Then"), ending="abort"))
    held: list[str] = []

    async def play(number: int) -> None:
        pattern, act = (
            ("short", None),
            ("abort:5", None),
            (broken, None),
            ("long", Exchange.close),
            ("long", Exchange.reset),
            ("long", Exchange.half_close),
            (None, None),
        )[number % 7]
        payload = b'{"prompt":' if pattern is None else None
        async with bench.exchange(pattern=pattern, payload=payload, clause="L4") as exchange:
            await exchange.start()
            if act is not None:
                act(exchange)
            await exchange.ended()
        held.append(exchange.held)

    async def cycles(count: int) -> bool:
        for start in range(0, count, AT_A_TIME):
            await asyncio.gather(*map(play, range(start, start + AT_A_TIME)))
        return await bench.released(*held)

    if not await cycles(CYCLES // 4):
        return
    before = bench.probe()
    await cycles(CYCLES)
    after = bench.probe()
    await bench.healthy()
    bench.check(
        len(after.descriptors) <= len(before.descriptors) + AT_A_TIME,
        "descriptors",
        expected=f"no more descriptors than before, {len(before.descriptors)}",
        actual=f"{len(after.descriptors)} after {CYCLES} exchanges",
    )
    bench.check(
        after.rss <= before.rss + GROWTH and len(after.pids) <= len(before.pids),
        "growth",
        expected=f"about the memory of before, {before.rss >> 20} MiB, and its processes",
        actual=f"{after.rss >> 20} MiB, {plural(len(after.pids), 'process')}",
        clause="L4",
    )
