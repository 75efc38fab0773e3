"""The scripts registered through the control API, by name.

If several are registered as attempts, an exchange's first request plays the first, its
second the second, and so on: "fail twice, then succeed". Requests with the same token
belong to one exchange.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mock_api.language.script import Attempts, Script

MOST_COUNTED = 10_000
"""How many exchanges' attempts are counted; the oldest are dropped first."""

SCRIPT = "script:"
"""The start of a pattern that names a registered script."""


class Registered:
    """Scripts by name, and how often each exchange asked for one."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script | Attempts] = {}
        self._asked: dict[tuple[str, str | None], int] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._scripts)

    def put(self, name: str, given: Script | Attempts) -> None:
        """Register it; each response also gets the header X-Test-Pattern-Applied."""
        applied = ("x-test-pattern-applied", f"{SCRIPT}{name}")

        def named(script: Script) -> Script:
            return replace(script, headers=(*script.headers, applied))

        if isinstance(given, Attempts):
            self._scripts[name] = Attempts(tuple(map(named, given.scripts)))
        else:
            self._scripts[name] = named(given)

    def remove(self, name: str) -> bool:
        """Whether a script of that name was registered."""
        return self._scripts.pop(name, None) is not None

    def choose(self, name: str, token: str | None) -> Script:
        """The script to play for the next request with this token. Raises KeyError."""
        script = self.next(name, token)
        if isinstance(self._scripts[name], Attempts):
            asked = self._asked.pop((name, token), 0)
            self._asked[name, token] = asked + 1
            while len(self._asked) > MOST_COUNTED:
                del self._asked[next(iter(self._asked))]
        return script

    def next(self, name: str, token: str | None) -> Script:
        """The script that will be played for the next request with this token. Raises KeyError."""
        registered = self._scripts[name]
        if isinstance(registered, Script):
            return registered
        asked = self._asked.get((name, token), 0)
        return registered.scripts[min(asked, len(registered.scripts) - 1)]
