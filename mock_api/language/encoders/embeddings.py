"""`/v1/embeddings`: a vector for each text, the same for the same text."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Any

from mock_api.language.errors import Fault

SIZE = 256
"""Numbers of a vector, unless `dimensions` says otherwise."""
MOST_SIZE = 4096
MOST_INPUTS = 2048
"""The API's own limit."""


def vector(text: str, size: int) -> list[float]:
    """A unit vector that follows from the text alone."""
    drawn = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(2 * size)
    numbers = [value / 32768 for value in struct.unpack(f"<{size}h", drawn)]
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return [number / length for number in numbers]


def embeddings(body: Mapping[str, Any], model: str) -> dict[str, Any] | Fault:
    """The answer to a request, or what is wrong with it."""
    texts = body.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_INPUTS:
        return _wrong("input", f"expected a string, or a list of 1 to {MOST_INPUTS}", texts)
    if all(type(text) is int for text in texts):
        texts = [texts]  # The tokens of one text.
    size = body.get("dimensions", SIZE)
    if type(size) is not int or not 1 <= size <= MOST_SIZE:
        return _wrong("dimensions", f"expected a whole number from 1 to {MOST_SIZE}", size)
    form = body.get("encoding_format", "float")
    if form not in ("float", "base64"):
        return _wrong("encoding_format", "expected float or base64", form)
    data = []
    for index, text in enumerate(texts):
        tokens = isinstance(text, list) and all(type(token) is int for token in text)
        if not text or not (isinstance(text, str) or tokens):
            return _wrong(f"input[{index}]", "expected a text, or a list of tokens", text)
        numbers: Any = vector(text if isinstance(text, str) else repr(text), size)
        if form == "base64":
            numbers = base64.b64encode(struct.pack(f"<{size}f", *numbers)).decode()
        data.append({"object": "embedding", "index": index, "embedding": numbers})
    used = sum(len(text.split()) if isinstance(text, str) else len(text) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def _wrong(param: str, expected: str, found: Any) -> Fault:
    return Fault(400, f"{expected}, found {found!r:.80}", code="invalid_value", param=param)
