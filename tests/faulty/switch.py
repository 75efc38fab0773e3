"""Which faults are on: the switch of every faulty daemon.

A daemon without a fault also says what it was asked for. Where its environment
names a folder (ASKED), each process leaves a file there with the name of every
fault that its code came by. What it did not come by cannot change what it does:
so a fault need not be judged by a scenario whose daemon never meets it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

ASKED = "FAULTS_ASKED"
"""The environment variable."""

SIZE = 1 << 14
"""Bytes of such a file, filled up with zeros: all faults' names."""

ACTIVE: set[str] = set()
"""The faults that are on; filled once, before the daemon starts."""


def activate(names: Iterable[str]) -> None:
    """Switch these faults on."""
    ACTIVE.update(names)


def fault(name: str) -> bool:
    """Whether this fault is on."""
    if _note is not None:
        _note(name)
    return name in ACTIVE


def _notebook(folder: str) -> Callable[[str], None]:
    """Notes names, each once; needs no descriptor meanwhile, and loses nothing to a SIGKILL."""
    import mmap  # noqa: PLC0415, most daemons are not asked

    noted: set[str] = set()
    with open(os.path.join(folder, str(os.getpid())), "w+b") as file:
        file.truncate(SIZE)
        page = mmap.mmap(file.fileno(), SIZE)

    def note(name: str) -> None:
        if name not in noted:
            noted.add(name)
            page.write(f"{name}\n".encode())

    return note


_note = _notebook(os.environ[ASKED]) if ASKED in os.environ else None
