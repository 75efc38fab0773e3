"""Running: `run(selection, settings, report)` judges daemons and returns the Results.

    Selection ─► cases ─► Runner (one variant of one daemon) ─► report(Result)
                             ├─ staging   starts instances
                             ├─ limits    what may run at the same time
                             ├─ retries   what a late machine could not judge
                             └─ verdicts  from findings to a Result

`run` judges in the calling process, on one event loop. The self-test and
`conformance.judge` call it. The command `conformance run` and the pytest plugin call
the same `judge` coroutine from pytest items, because pytest gives them -k, -m, --lf
and -x. pytest gets the Selection and the Settings as values. Only pytest's own
arguments travel as text. For several daemons at a time pytest-xdist starts the
workers and passes the values on. A Result becomes JSON only on its way out of a worker.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Selection", "Settings", "run"]


def __getattr__(name: str) -> Any:
    """Import the library call when it is first used; `conformance list` never needs it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from conformance.running import judging  # noqa: PLC0415

    return getattr(judging, name)
