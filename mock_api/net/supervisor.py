"""Several workers, for load: one process each, and one that watches over them.

The workers are forked after everything is bound. Each holds the reading end of a
pipe whose writing end only the supervisor has: when that is gone, however it
went, so are they. If a worker dies, the others are stopped: half a mock would
measure nothing.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable

from mock_api.app import App
from mock_api.net.server import Listener, serve


def supervise(
    app: App,
    workers: list[list[Listener]],
    *,
    ready: Callable[[], None],
    exit_on_eof: int | None = None,
) -> int:
    """Serve with one process per list of listeners; `ready` is called when all accept.

    Until SIGTERM, SIGINT, the end of the descriptor `exit_on_eof`, or a worker's death.
    The exit status: 1 where a worker ended that should not have.
    """
    lifeline, ours = os.pipe()
    started, says_started = os.pipe()
    pids = []
    for listeners in workers:
        pid = os.fork()
        if not pid:
            os.close(ours)
            os.close(started)
            _work(app, listeners, lifeline, says_started)
        pids.append(pid)
    os.close(lifeline)
    os.close(says_started)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for listeners in workers:
        for listener in listeners:
            listener.sock.close()
    _watch(started, len(pids), wake, exit_on_eof, ready)
    os.close(ours)
    ended = [os.waitpid(pid, 0)[1] for pid in pids]
    return 1 if any(ended) else 0


def _work(app: App, listeners: list[Listener], lifeline: int, says_started: int) -> None:
    """Be a worker. Never returns."""
    status = 1
    try:
        serve(app, listeners, ready=lambda: _say_started(says_started), exit_on_eof=lifeline)
        status = 0
    finally:
        os._exit(status)


def _say_started(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


def _watch(
    started: int, count: int, wake: int, exit_on_eof: int | None, ready: Callable[[], None]
) -> None:
    """Return when it is time to stop."""
    waiting = [started, wake] if exit_on_eof is None else [started, wake, exit_on_eof]
    running = 0
    while True:
        readable, _, _ = select.select(waiting, [], [])
        if wake in readable:
            return
        if exit_on_eof in readable and not os.read(exit_on_eof, 4096):
            return
        if started in readable:
            said = os.read(started, count)
            running += len(said)
            if not said:
                waiting.remove(started)
                if running < count:
                    print("mock_api: a worker did not start", file=sys.stderr)
                    return
                ready()
