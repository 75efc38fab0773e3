"""References: `${path}` and `${$name}` in a message or a request that the test sends.

`${path}` reads the document that triggered the sending. `${$name}` reads a variable that
the test set or captured, and `${$name/path}` a value inside such a variable. A string that
consists of one reference becomes the first value found, with its JSON type. Inside a longer
string the value becomes text. A reference that finds nothing stays as it is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from conformance.ws.paths import resolve

_REFERENCE = re.compile(r"\$\{([^{}]+)\}")


def substitute(value: Any, document: Any, variables: Mapping[str, Any]) -> Any:
    """Return a copy of a JSON value with its references replaced, at any depth.

    `document` is None if nothing triggered the sending. Keys do not change.
    """
    match value:
        case str():
            return _text(value, document, variables)
        case dict():
            return {key: substitute(each, document, variables) for key, each in value.items()}
        case list():
            return [substitute(each, document, variables) for each in value]
        case _:
            return value


def _text(text: str, document: Any, variables: Mapping[str, Any]) -> Any:
    def value(reference: re.Match[str]) -> Any:
        name = reference[1]
        if name.startswith("$"):
            values = resolve(dict(variables), name[1:], strict=True)
        else:
            values = resolve(document, name)
        return values[0] if values else reference[0]

    def embedded(reference: re.Match[str]) -> str:
        replacement = value(reference)
        return replacement if isinstance(replacement, str) else json.dumps(replacement)

    whole = _REFERENCE.fullmatch(text)
    return _REFERENCE.sub(embedded, text) if whole is None else value(whole)
