"""The command's own process: its standard streams, its descriptors, and how it is ended."""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

DESCRIPTORS = 4096
"""What hundreds of exchanges at a time need, twice: two ends of a socket, and the daemon's."""

PROC = Path("/proc/self/stat")


def usable_streams() -> None:
    """Let no command fail over a stream that is closed, or that does not know a letter."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def enough_descriptors() -> None:
    """Raise the soft limit of descriptors, as far as the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def require_proc() -> None:
    """Raise UsageError where /proc is not mounted: what a daemon holds is read there."""
    if not PROC.exists():
        raise click.UsageError(
            "expected /proc, where the suite reads what a daemon holds, found none; "
            "mount it: mount -t proc proc /proc"
        )


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM, a CI's time limit, end the run as Ctrl-C does: with a report."""

    def interrupt(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
