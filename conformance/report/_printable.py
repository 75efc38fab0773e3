"""Text from outside, made safe to show.

What daemons and upstreams said ends up in reports: escape sequences, bidi
overrides, lone surrogates, line breaks that only some readers know. Whatever
Python calls unprintable is shown by its escape, so a report says what is there
and a terminal or a line-based parser sees nothing but text.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with all but printable characters and line feeds as escapes: `\\x1b`."""
    return "".join(each if each == "\n" else _escape(each) for each in text)


def one_line(text: str) -> str:
    """The same on one line: white space of any kind becomes one space."""
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


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
