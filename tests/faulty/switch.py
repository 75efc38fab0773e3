"""The switch of every faulty daemon: the faults that are active.

Where the environment names a folder (ASKED), each process of a daemon leaves a
file there with the name of every fault that its code consulted. A fault that it
did not consult cannot change its behaviour: so a scenario with a daemon of its own
does not need to judge such a fault.
"""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Callable, Collection, Iterable

ASKED = "FAULTS_ASKED"
"""The environment variable."""

SIZE = 1 << 14
"""Bytes of such a file: all faults' names, then zeros."""

ACTIVE: set[str] = set()
"""The active faults; filled once, before the daemon starts."""


def activate(names: Iterable[str]) -> None:
    """Activate these faults."""
    ACTIVE.update(names)


def activated(faults: Collection[str]) -> list[str]:
    """Activate the command line's `--fault NAME`s; return its other arguments.

    Exits with 2, and the nearest name, for a name that is not one of these faults.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--fault", action="append", default=[])
    chosen, rest = parser.parse_known_args()
    for name in chosen.fault:
        if name not in faults:
            near = difflib.get_close_matches(name, faults, 1)
            parser.error(f"unknown fault {name!r}; the nearest is {near[0] if near else '-'}")
    activate(chosen.fault)
    return rest


def fault(name: str) -> bool:
    """Whether this fault is active."""
    if _note is not None:
        _note(name)
    return name in ACTIVE


def _notebook(folder: str) -> Callable[[str], None]:
    """A function that notes names, each once; it holds no descriptor, and survives a SIGKILL."""
    import mmap  # noqa: PLC0415, few daemons need it

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
