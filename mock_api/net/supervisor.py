"""The supervisor of several workers, for load: one process each.

The supervisor forks the workers after everything is bound. Each worker holds the reading
end of a pipe whose writing end only the supervisor has: however the supervisor ends, the
workers notice and end too. If a worker dies, the supervisor stops the others: half a mock
would measure nothing.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from mock_api.net.server import Listener, serve
from mock_api.playing.exchange import Application
from mock_api.playing.services import Services


def supervise(
    application: Application,
    services: Services,
    workers: list[list[Listener]],
    *,
    ready: Callable[[], None],
    exit_on_eof: int | None = None,
) -> int:
    """Serve with one process per list of listeners; `ready` is called when all accept.

    Until SIGTERM, SIGINT, the end of the descriptor `exit_on_eof`, or a worker's death.
    Returns the exit status: 1 if a worker failed.
    """
    lifeline, ours = os.pipe()
    started, theirs_started = os.pipe()
    pids = []
    for listeners in workers:
        pid = os.fork()
        if not pid:
            os.close(ours)
            os.close(started)
            _work(partial(serve, application, services, listeners), lifeline, theirs_started)
        pids.append(pid)
    os.close(lifeline)
    os.close(theirs_started)
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


def _work(run: Callable[..., None], lifeline: int, started: int) -> NoReturn:
    """Run a worker in this process, and end it."""
    status = 1
    try:
        run(ready=partial(_report_started, started), exit_on_eof=lifeline)
        status = 0
    finally:
        os._exit(status)


def _report_started(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


def _watch(
    started: int, count: int, wake: int, exit_on_eof: int | None, ready: Callable[[], None]
) -> None:
    """Return when the workers must stop."""
    waiting = [started, wake] if exit_on_eof is None else [started, wake, exit_on_eof]
    running = 0
    while True:
        readable, _, _ = select.select(waiting, [], [])
        if wake in readable:
            return
        if exit_on_eof in readable and not os.read(exit_on_eof, 4096):
            return
        if started in readable:
            signs = os.read(started, count)
            running += len(signs)
            if not signs:
                waiting.remove(started)
                if running < count:
                    print("mock_api: a worker did not start", file=sys.stderr)
                    return
                ready()
