"""A handoff daemon that is right in everything, except for the fault that is switched on.

`--fault NAME` switches on one bug of faults.py, at its real place in the code, and the
suite must notice it. Without a fault the daemon meets the whole contract. Its architecture
differs from the other daemons': one thread for each exchange, blocking waits, and only the
standard library.

This module is its life: start, accept, end. Each connection gets a thread, so a peer that
sends nothing delays no other peer. At SIGTERM the daemon still accepts queued handoffs.
Then running exchanges have their time. Every exchange also waits on a pipe, which says
when the time is over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from listener import InUseError, Listener
from log import log, withhold
from options import Options, parse
from service import Service
from switch import activate, fault

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

PAUSE = 0.05
"""Seconds without accepting when there is no descriptor left: the next connection stays
readable all the while, so that a loop without a pause would do nothing but ask again."""

TIDY = 1.0
"""Seconds between looks at the idle connections to the API."""

LAST_WORDS = 1.0
"""Seconds after the shutdown timeout for telling clients that their stream has failed."""

STACK = 1 << 20

HARMLESS = (signal.SIGALRM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE)
"""Signals whose default would end the process and that mean nothing to it."""


class Daemon:
    """The process: its listener, its signals, its threads."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._stop, self._stopper = os.pipe()
        self._service = Service(options, self._stop)
        self._running = 0
        self._lock = threading.Lock()
        kind = socket.SOCK_STREAM if options.stream else socket.SOCK_SEQPACKET
        self._listener = Listener(options.socket, kind=kind, mode=options.socket_mode)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit status."""
        self._take_signals()
        log(f"listening on {self._options.socket}")
        try:
            self._accept_until_told()
            if not fault("queue_dropped"):
                self._drain_queue()
        finally:
            self._listener.remove()
            self._listener.close()
        self._finish()
        return 143 if fault("sigterm_is_an_error") else 0

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: None)
        for each in HARMLESS:
            signal.signal(each, signal.SIG_IGN)
        if fault("sigpipe_kills"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if fault("eintr_ends_the_loop"):
            for each in (signal.SIGALRM, signal.SIGCHLD):
                signal.signal(each, _interrupt)

    def _accept_until_told(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(self._listener.socket, select.POLLIN)
        while True:
            ready = dict(poll.poll(TIDY * 1000 if self._service.upstream.idle else None))
            self._service.upstream.tidy()
            if self._wake.fileno() in ready and self._told():
                return
            if self._listener.socket.fileno() in ready and not self._accept():
                if fault("spins_when_exhausted"):
                    continue
                if self._rest():
                    return

    def _rest(self) -> bool:
        """Without descriptors: wait a little. Returns whether the daemon must end."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        return bool(poll.poll(PAUSE * 1000)) and self._told()

    def _told(self) -> bool:
        """Read what woke the loop; whether SIGTERM or SIGINT was among it."""
        with contextlib.suppress(BlockingIOError):
            told = self._wake.recv(4096)
            return signal.SIGTERM in told or signal.SIGINT in told
        return False

    def _accept(self) -> bool:
        """Accept everybody in the queue; False when it cannot go on."""
        while True:
            try:
                peer, _ = self._listener.socket.accept()
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                return False
            if fault("handoffs_one_at_a_time"):
                handoff = self._service.take(peer)
                if handoff is not None:
                    self._start(partial(self._service.answer, handoff))
                continue
            self._start(partial(self._service.serve, peer))

    def _drain_queue(self) -> None:
        self._listener.remove()
        deadline = time.monotonic() + self._options.shutdown_timeout
        while not self._accept() and time.monotonic() < deadline:
            self._rest()

    def _start(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._running += 1
        try:
            threading.Thread(target=self._work, args=(work,), daemon=True).start()
        except RuntimeError:
            log("no thread could be started")
            self._ended()

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._ended()

    def _ended(self) -> None:
        with self._lock:
            self._running -= 1
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def _finish(self) -> None:
        """Give running exchanges their time, then a moment for their last words (L2)."""
        log("ending")
        timeout = self._options.shutdown_timeout
        if not self._idle_within(timeout):
            os.close(self._stopper)  # every poll of the other end returns, now and later
            self._idle_within(1e6 if fault("stalled_extend_shutdown") else LAST_WORDS)

    def _idle_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        while self._running:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if poll.poll(left * 1000 + 1) and self._told():
                os._exit(0)
        return True


def _interrupt(*_: object) -> None:
    raise InterruptedError(errno.EINTR, "interrupted system call")


def main() -> int:
    """Run the daemon; returns its exit status."""
    options = parse(sys.argv[1:])
    activate(options.faults)
    withhold(options.api.key)
    threading.stack_size(STACK)
    if fault("dead"):
        return 1
    try:
        daemon = Daemon(options)
    except (InUseError, OSError) as error:
        log(f"cannot listen on {options.socket}: {error}")
        return 1
    return daemon.run()
