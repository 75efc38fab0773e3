"""A TOML document with the line of each key, for errors that quote the line.

tomllib reports the line of a syntax error, but not the lines of the values that it
reads. This module finds a key's line when an error needs it, by parsing again: the key
stands on the first line after the longest beginning of the file that parses without
the key. That is right for every notation of TOML (headers, dotted keys, inline tables,
values of several lines), because the parser itself answers.

A Table reads the values of one table with their types, and reports every other type as
a ManifestError.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class ManifestError(ValueError):
    """A manifest that cannot be used: the place, what was found, and how to fix it."""

    def __init__(
        self, path: Path, problem: str, *, fix: str, line: int | None = None, quote: str = ""
    ) -> None:
        self.path = path
        self.problem = problem
        self.fix = fix
        self.line = line
        """The line's number, counted from 1; None where the problem is the file itself."""
        self.quote = quote
        """The line as it stands in the file."""
        place = str(path) if line is None else f"{path}:{line}"
        shown = f"\n    {quote.strip()}" if quote.strip() else ""
        super().__init__(f"{place}: {problem}{shown}\n  fix: {fix}")


def nearest(word: str, valid: Iterable[str]) -> str:
    """`did you mean 'x'? ` where a valid word is near, else an empty string."""
    near = get_close_matches(word, list(valid), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""


@dataclass(frozen=True)
class Document:
    """One TOML file: its values, and its lines for the errors about them."""

    path: Path
    lines: tuple[str, ...]
    values: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read and parse. Raises ManifestError where the file is missing or is not TOML."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            fix = "give the path of a daemon.toml, or of the folder that holds one"
            raise ManifestError(path, "no such file", fix=fix) from None
        except (OSError, UnicodeDecodeError) as error:
            fix = "a manifest is a readable text file in UTF-8"
            raise ManifestError(path, f"cannot be read: {error}", fix=fix) from None
        lines = tuple(text.splitlines())
        try:
            return cls(path, lines, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise _syntax_error(path, lines, str(error)) from None

    def error(self, keys: tuple[str, ...], problem: str, *, fix: str) -> ManifestError:
        """A ManifestError that quotes the line on which this key stands."""
        line = self._line_of(keys) if keys else None
        quote = self.lines[line - 1] if line else ""
        return ManifestError(self.path, problem, fix=fix, line=line, quote=quote)

    def _line_of(self, keys: tuple[str, ...]) -> int | None:
        parsed = 0
        for end in range(1, len(self.lines) + 1):
            try:
                values = tomllib.loads("\n".join(self.lines[:end]))
            except tomllib.TOMLDecodeError:
                continue
            if _holds(values, keys):
                return parsed + 1
            parsed = end
        return None


class Table:
    """One table of a document, read key by key.

    Each reader takes the value's key and gives its value, or the default
    where the key is absent. All raise ManifestError for another type.
    """

    def __init__(self, document: Document, *keys: str) -> None:
        self.document = document
        self.keys = keys
        value: Any = document.values
        for depth, key in enumerate(keys, 1):
            value = value.get(key, {})
            if not isinstance(value, dict):
                raise document.error(
                    keys[:depth],
                    f"{key!r} must be a table, found {_kind(value)}",
                    fix=f"write it as a section, [{'.'.join(keys[:depth])}]",
                )
        self.values: dict[str, Any] = value

    def __contains__(self, key: str) -> bool:
        return key in self.values

    @property
    def name(self) -> str:
        """The table's name in a header: `[run]`."""
        return f"[{'.'.join(self.keys)}]" if self.keys else "the manifest"

    def error(self, key: str | None, problem: str, *, fix: str) -> ManifestError:
        """A ManifestError at one of the table's keys, or at its header."""
        return self.document.error(
            self.keys if key is None else (*self.keys, key), problem, fix=fix
        )

    def allow(self, *valid: str) -> None:
        """Refuse every key but these."""
        for key in self.values:
            if key not in valid:
                kind = "key" if self.keys else "section"
                fix = f"{nearest(key, valid)}{self.name} may have: {', '.join(valid)}"
                raise self.error(key, f"unknown {kind} {key!r} in {self.name}", fix=fix)

    def require(self, key: str, example: str) -> None:
        """Refuse the table where this key is missing."""
        if key not in self.values:
            raise self.error(
                None, f"{self.name} lacks {key!r}", fix=f"add a line such as: {example}"
            )

    def text(self, key: str, default: str = "") -> str:
        """A string."""
        return str(self._typed(key, str, "a string", default))

    def one_of(self, key: str, valid: Iterable[str], default: str = "") -> str:
        """A string out of a closed list."""
        value, valid = self.text(key, default), tuple(valid)
        if value not in valid:
            fix = f"{nearest(value, valid)}valid are: {', '.join(valid)}"
            raise self.error(key, f"unknown {key} {value!r}", fix=fix)
        return value

    def seconds(self, key: str, default: float) -> float:
        """A positive number of seconds."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            fix = f"write it without quotes: {key} = {default:g}"
            raise self.error(key, f"{key!r} must be a number of seconds above 0", fix=fix)
        return float(value)

    def flag(self, key: str) -> bool:
        """True or false; false where the key is absent."""
        return bool(self._typed(key, bool, "true or false", False))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._typed(key, list, "a list of strings", [])
        if odd := [each for each in value if not isinstance(each, str)]:
            fix = f"quote it: {key} = [..., {str(odd[0])!r}]".replace("'", '"')
            raise self.error(key, f"{key!r} must hold strings only, found {odd[0]!r}", fix=fix)
        return tuple(value)

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables."""
        value = self._typed(key, list, "a list of tables", [])
        return tuple(_Item(self, key, number, item) for number, item in enumerate(value, 1))

    def mapping(self, key: str) -> dict[str, str]:
        """A table of strings."""
        value = self._typed(key, dict, "a table of strings", {})
        for name, each in value.items():
            if not isinstance(each, str):
                raise self.document.error(
                    (*self.keys, key, name),
                    f"{name!r} must be a string, found {_kind(each)}",
                    fix=f'quote it: {name} = "{str(each).lower()}"',
                )
        return dict(value)

    def _typed(self, key: str, kind: type, kind_name: str, default: Any) -> Any:
        value = self.values.get(key, default)
        if not isinstance(value, kind):
            example = {str: '"…"', bool: "true", list: '["…", "…"]', dict: '{ NAME = "…" }'}[kind]
            problem = f"{key!r} must be {kind_name}, found {_kind(value)}"
            raise self.error(key, problem, fix=f"write {key} = {example}")
        return value


class _Item(Table):
    """One table of a list of tables. Errors about it quote the line of the list."""

    def __init__(self, table: Table, key: str, number: int, value: Any) -> None:
        self.document = table.document
        self.keys = (*table.keys, key)
        self._name = f"entry {number} of {key} in {table.name}"
        if not isinstance(value, dict):
            fix = f"write {key} = [{{ … }}, …], or [[{'.'.join(self.keys)}]]"
            raise table.error(key, f"{self._name} must be a table, found {_kind(value)}", fix=fix)
        self.values = value

    @property
    def name(self) -> str:
        return self._name

    def error(self, key: str | None, problem: str, *, fix: str) -> ManifestError:
        return self.document.error(self.keys, f"{self._name}: {problem}", fix=fix)


def _holds(values: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _kind(value: Any) -> str:
    kinds = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "a list" if isinstance(value, list) else "a table")


def _syntax_error(path: Path, lines: tuple[str, ...], message: str) -> ManifestError:
    place = re.search(r" \(at line (\d+), column \d+\)| \(at end of document\)", message)
    line = int(place[1]) if place and place[1] else len(lines) or None
    problem = message[: place.start()] if place else message
    fix = "the file must be valid TOML (https://toml.io)"
    if "twice" in problem or "overwrite" in problem:
        problem, fix = f"defined twice: {problem}", "keep one of the two definitions"
    quote = lines[line - 1] if line and line <= len(lines) else ""
    return ManifestError(path, problem, fix=fix, line=line, quote=quote)
