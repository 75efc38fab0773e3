"""The app's output: lines for the person who runs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Log:
    """A writer of lines with time and kind."""

    verbose: bool

    def line(self, kind: str, text: str) -> None:
        """Print one line."""
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        print(f"[{now}] [{kind}] {text}", flush=True)

    def detail(self, text: str) -> None:
        """Print one line if the app is verbose."""
        if self.verbose:
            self.line("INFO", text)
