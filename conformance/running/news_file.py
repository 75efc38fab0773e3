"""The news of a run, on their way from the processes that judge to the one that reports.

A Result travels with its pytest item, and items end in order. So the verdict of a short
scenario would wait for that of a long one. The processes therefore write the news to a
file, too, one line of JSON each; a line is appended in one write.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from conformance.core.news import News
from conformance.core.result import Result, Verdict

LOOK = 0.25
"""Seconds between two looks at the file."""

LONGEST = 500
"""Characters of what was seen. The report at the end has all of it."""


class NewsFile:
    """Writes news. Without a path, or without room on the disk, nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def began(self, case: str) -> None:
        """The scenario of this case begins."""
        self._write(News(case, time.monotonic()))

    def ended(self, result: Result) -> None:
        """The case has its Result."""
        self._write(News.of(result, time.monotonic()))

    def _write(self, news: News) -> None:
        if self._path is None:
            return
        verdict = news.verdict and news.verdict.value
        line = json.dumps({**asdict(news), "verdict": verdict, "seen": news.seen[:LONGEST]})
        with suppress(OSError), self._path.open("ab", buffering=0) as file:
            file.write(line.encode() + b"\n")


class Following:
    """Reads the file in a thread while it grows, and calls `tell` at every look."""

    def __init__(self, path: Path, tell: Callable[[Sequence[News]], None]) -> None:
        """tell: called from the thread with what is new, also when that is nothing."""
        self._path, self._tell = path, tell
        self._rest = b""
        self._offset = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="conformance-news", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the thread; `tell` is not called any more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK):
            self._tell(self._news())

    def _news(self) -> list[News]:
        with suppress(OSError), self._path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
            self._offset += len(new)
            *lines, self._rest = (self._rest + new).split(b"\n")
            return [_parsed(line) for line in lines]
        return []


def _parsed(line: bytes) -> News:
    value = json.loads(line)
    return News(**{**value, "verdict": value["verdict"] and Verdict(value["verdict"])})
