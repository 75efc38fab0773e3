"""References: `${path}` in what is sent, `${$name}` for a variable.

`${path}` is looked up in the document that triggered the sending, `${$name}` in
the variables that the test was given or captured; `${$name/path}` goes on into
a variable that holds an object. A string that is one reference becomes the
first value found, with its JSON type; inside a longer string the value becomes
text. What cannot be found stays as it is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from conformance.ws.paths import resolve

_REFERENCE = re.compile(r"\$\{([^{}]+)\}")


def substitute(value: Any, document: Any, variables: Mapping[str, Any]) -> Any:
    """A copy of a JSON value, its references replaced, at any depth.

    `document` is None where nothing triggered the sending. Keys are left alone.
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
    def found(reference: str) -> list[Any]:
        if reference.startswith("$"):
            return resolve(dict(variables), reference[1:], strict=True)
        return resolve(document, reference)

    whole = _REFERENCE.fullmatch(text)
    if whole is not None:
        values = found(whole[1])
        return values[0] if values else text

    def embedded(reference: re.Match[str]) -> str:
        values = found(reference[1])
        if not values:
            return reference[0]
        return values[0] if isinstance(values[0], str) else json.dumps(values[0])

    return _REFERENCE.sub(embedded, text)
