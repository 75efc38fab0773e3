"""Mutants: the places where a daemon's source can be made wrong by one small change.

A change is one that a tired programmer makes: another comparison, a condition turned
round, a number off by one, a call left out. Comments, docstrings and texts stay as they are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARED = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip

GO = (
    (re.compile(r" (<=|>=|==|!=|<|>|&&|\|\|) "), {"<": "<=", "<=": "<", ">": ">=", ">=": ">",
     "==": "!=", "!=": "==", "&&": "||", "||": "&&"}),
    (re.compile(r"\b(true|false)\b"), {"true": "false", "false": "true"}),
)  # fmt: skip
GO_NUMBER = re.compile(r"(?<![\w.\"'])(\d+)(?![\w.\"'])")
GO_CALL = re.compile(r"^\t+(?:defer )?[\w.]+\(.*\)$")
GO_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|//.*$|' + r"'(?:[^'\\]|\\.)*'")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file."""

    path: str
    """The file, relative to `daemons`."""
    line: int
    start: int
    """Offset of the first byte that is replaced."""
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {_short(self.old)} -> {_short(self.new)}"

    def applied(self, source: bytes) -> bytes:
        """The file's bytes with the change."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "…"


def mutants(folder: Path, *parts: str) -> Iterator[Mutant]:
    """All mutants of the sources in these parts of a folder, file by file."""
    for part in parts:
        for path in sorted((folder / part).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if "test" in name or ".build" in name or not path.is_file():
                continue
            if path.suffix == ".py":
                yield from _python(name, path.read_bytes())
            elif path.suffix == ".go":
                yield from _go(name, path.read_bytes())


def _python(name: str, source: bytes) -> Iterator[Mutant]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def mutant(first: ast.expr | ast.stmt, last: ast.expr | ast.stmt, new: str) -> Mutant:
        start = starts[first.lineno - 1] + first.col_offset
        assert last.end_lineno is not None
        assert last.end_col_offset is not None
        end = starts[last.end_lineno - 1] + last.end_col_offset
        return Mutant(name, first.lineno, start, end, source[start:end].decode(), new)

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left, [operator], [right]) if type(operator) in COMPARED:
                new = f"{ast.unparse(left)} {COMPARED[type(operator)]} {ast.unparse(right)}"
                yield mutant(node, node, f"({new})")
            case ast.BoolOp(operator, values):
                word = " or " if isinstance(operator, ast.And) else " and "
                joined = word.join(f"({ast.unparse(value)})" for value in values)
                yield mutant(node, node, f"({joined})")
            case ast.UnaryOp(ast.Not(), operand):
                yield mutant(node, node, f"bool({ast.unparse(operand)})")
            case ast.Constant(bool(value)):
                yield mutant(node, node, str(not value))
            case ast.Constant(int(value)) if type(value) is int:
                yield mutant(node, node, str(value + 1))
            case ast.Expr(ast.Call() | ast.Await(ast.Call())):
                yield mutant(node, node, "pass")


def _go(name: str, source: bytes) -> Iterator[Mutant]:
    start = 0
    for number, raw in enumerate(source.splitlines(keepends=True), start=1):
        line = raw.decode()
        # Texts and comments keep their length, so that offsets stay right.
        bare = GO_TEXT.sub(lambda found: " " * len(found[0]), line)
        for pattern, others in GO:
            for found in pattern.finditer(bare):
                yield _spliced(name, number, start, line, found.span(1), others[found[1]])
        for found in GO_NUMBER.finditer(bare):
            yield _spliced(name, number, start, line, found.span(1), str(int(found[1]) + 1))
        if GO_CALL.match(line.rstrip("\n")) and not bare.lstrip().startswith(("panic", "return")):
            inner = len(line) - len(line.lstrip("\t"))
            yield _spliced(name, number, start, line, (inner, len(line) - 1), "")
        start += len(raw)


def _spliced(
    name: str, number: int, start: int, line: str, span: tuple[int, int], new: str
) -> Mutant:
    first = start + len(line[: span[0]].encode())
    old = line[span[0] : span[1]]
    return Mutant(name, number, first, first + len(old.encode()), old, new)
