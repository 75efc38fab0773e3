"""The rules that are in force: for everyone (a file), and for the owner of each key."""

from __future__ import annotations

from collections.abc import Iterable

from mock_api.language.rules import Question, Rule, Rules


class Answers:
    """Rules by the name of a key, before those for everyone."""

    def __init__(self, everyone: Rules | None = None, *, only: bool = False) -> None:
        self._everyone = everyone
        self._by_key: dict[str, Rules] = {}
        self.given = everyone is not None
        """Whether there are any."""
        self.only = only
        """A request without a rule is refused: a recording is played."""

    def add(self, name: str, rules: Iterable[Rule], *, first: bool) -> None:
        """Add rules for requests with the key of this name."""
        self._by_key.setdefault(name, Rules()).add(rules, first=first)
        self.given = True

    def remove(self, name: str) -> bool:
        """Whether there were rules for the key of this name."""
        removed = self._by_key.pop(name, None) is not None
        self.given = self._everyone is not None or bool(self._by_key)
        return removed

    def choose(self, key: str | None, question: Question) -> Rule | None:
        """The rule for a request with the key of this name."""
        own = None if key is None else self._by_key.get(key)
        rule = None if own is None else own.choose(question)
        if rule is None and self._everyone is not None:
            rule = self._everyone.choose(question)
        return rule
