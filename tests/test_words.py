"""Docstrings, comments and documents avoid the words that readers stumble over.

The list is a guard, not the goal: a sentence can avoid every word of it and still need a
second reading.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIST = tomllib.loads((ROOT / "tests" / "words.toml").read_text())
WORDS = {re.compile(rf"\b{word}\b", re.IGNORECASE): hint for word, hint in LIST["words"].items()}
EXCEPTIONS = LIST.get("exceptions", [])

COMMENTS = {
    ".go": re.compile(r"//(.*)|/\*(.*?)\*/", re.DOTALL),
    ".rs": re.compile(r"//(.*)"),
    ".c": re.compile(r"/\*(.*?)\*/", re.DOTALL),
    ".h": re.compile(r"/\*(.*?)\*/", re.DOTALL),
    ".php": re.compile(r"(?<!:)//(.*)|/\*(.*?)\*/", re.DOTALL),
    ".toml": re.compile(r"^\s*#(.*)", re.MULTILINE),
}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.suffix in {".py", ".md", *COMMENTS} and path != SELF]


SELF = Path("tests/words.toml")


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The docstrings and comments of a file, or all of a document, with their line numbers."""
    text = (ROOT / path).read_text()
    if path.suffix == ".py":
        yield from _python(text)
    elif path.suffix == ".md":
        yield from enumerate(text.splitlines(), 1)
    else:
        for match in COMMENTS[path.suffix].finditer(text):
            start = text.count("\n", 0, match.start()) + 1
            yield from enumerate(match[0].splitlines(), start)


def _python(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                yield from enumerate(docstring.splitlines(), node.lineno)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def excepted(path: Path, phrase: str) -> bool:
    return any(
        str(path).startswith(entry["in"]) and re.search(entry["word"], phrase, re.IGNORECASE)
        for entry in EXCEPTIONS
    )


ROOMS = sorted({path.parts[0] for path in tracked()})


@pytest.mark.parametrize("room", ROOMS)
def test_the_prose_avoids_words_that_need_a_second_reading(room: str) -> None:
    found = [
        f"{path}:{number}: {match[0]!r}: {hint}"
        for path in tracked()
        if path.parts[0] == room
        for number, line in prose(path)
        for word, hint in WORDS.items()
        if (match := word.search(line)) and not excepted(path, line)
    ]
    assert not found, "\n".join(found)


def test_an_exception_has_a_reason_and_is_needed() -> None:
    for entry in EXCEPTIONS:
        assert len(entry["reason"]) > 10
        assert any(
            str(path).startswith(entry["in"])
            and any(re.search(entry["word"], line, re.IGNORECASE) for _, line in prose(path))
            for path in tracked()
        ), f"nothing in {entry['in']} uses {entry['word']} any more: remove the entry"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", '"""Nobody waits."""\n', ["Nobody"]),
        ("a.py", "x = 'nobody'  # told twice\n", ["told"]),
        ("a.go", "x := nobody // in vain\n", ["in vain"]),
        ("a.c", "/* beside\n it */ int nobody;\n", ["beside"]),
        ("a.md", "There is no file, and it is no longer used.\n", []),
        ("a.md", "It is no file.\n", ["is no"]),
    ],
)
def test_the_guard_sees_prose_and_only_prose(
    tmp_path: Path, name: str, text: str, found: list[str]
) -> None:
    (tmp_path / name).write_text(text)
    lines = [line for _, line in prose(tmp_path / name)]
    assert [match[0] for line in lines for word in WORDS if (match := word.search(line))] == found
