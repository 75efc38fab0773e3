"""Escaping: text from daemons and APIs that is safe to show.

Such text may hold escape sequences, bidi overrides, lone surrogates, or line breaks that
only some readers recognise. Every character that Python calls unprintable is shown by its
escape. So a report shows what was there, and terminals and parsers see plain text. The
same holds for the commands that GitHub's runner looks for in a log: `::error …`.
"""

from __future__ import annotations

import re


def printable(text: str) -> str:
    """The text; characters that are neither printable nor line feeds are escaped: `\\x1b`."""
    plain = "".join(each if each == "\n" else _escape(each) for each in text)
    return _COMMAND.sub(lambda found: f"\\x{ord(found[0][0]):02x}{found[0][1:]}", plain)


def one_line(text: str) -> str:
    """The same on one line; each run of white space becomes one space."""
    return printable(" ".join(text.split()))


def quoted(text: str) -> str:
    """The text as a double-quoted YAML scalar on one line, exact to the character."""
    inner = "".join(f"\\{each}" if each in '"\\' else _escape(each) for each in text)
    return f'"{inner}"'


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_COMMAND = re.compile(r"::(?=[a-z]+(-[a-z]+)*(\s[^\n]*)?::)|##(?=\[)", re.IGNORECASE)
"""How a command of GitHub's runner begins."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
