"""Scenario files: a script and its text, found by the fuzzer and kept to be judged again.

    {"version": 1, "name": "fuzz_3f2a91", "texts": ["Hello"], "script": {"steps": […]}}

`conformance fuzz` writes them, and `conformance run --replay FILE` judges the selected
daemons with them. `texts` are the texts of choice 0's deltas in order, without empty ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from conformance.checks import Checks
from conformance.core.scenario import Scenario
from conformance.core.script import Script, ScriptError, from_json, to_json

VERSION = 1
CLAUSES = ("R2", "R3", "R4", "U2")


class ReplayError(ValueError):
    """A file is not a scenario file; the message names it and the mistake."""


def write(folder: Path, *, texts: Sequence[str], script: Script) -> Path:
    """Write a scenario file, named after its content; return its path."""
    value = to_json(script)
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:6]
    path = folder / f"fuzz_{digest}.json"
    document = {
        "version": VERSION,
        "name": path.stem,
        "texts": list(texts),
        "script": value,
    }
    path.write_text(json.dumps(document, ensure_ascii=True, indent=1) + "\n")
    return path


def read(path: Path) -> Scenario:
    """The scenario in the file, for every profile that has its clauses. Raises ReplayError."""
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}; name a file that `fuzz` wrote") from None
    except ValueError as error:
        raise ReplayError(
            f"{path}: expected JSON ({error}); name a file that `fuzz` wrote"
        ) from None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        version = document.get("version") if isinstance(document, dict) else type(document).__name__
        raise ReplayError(
            f"{path}: expected a scenario file of version {VERSION}, found {version!r}"
        )
    if not {"name", "texts", "script"} <= document.keys():
        raise ReplayError(
            f"{path}: expected the keys name, texts and script, found {', '.join(document)}"
        )
    try:
        script = from_json(document["script"])
    except ScriptError as error:
        raise ReplayError(f"{path}: {error}") from None
    return scenario(document["name"], texts=document["texts"], script=script)


def scenario(name: str, *, texts: Sequence[str], script: Script) -> Scenario:
    """A scenario that checks the texts of the deltas."""
    expected = tuple(texts)

    def judge(response: Checks) -> None:
        relays(response, expected)

    return Scenario(
        name=name,
        category="replay",
        description="The daemon relays a random stream with all its texts.",
        clause_ids=CLAUSES,
        script=script,
        everywhere=True,
        function=judge,
    )


def relays(response: Checks, texts: Sequence[str]) -> None:
    """Check for a complete answer with these texts, whatever the spelling of the API's stream."""
    response.http_status(200).no_error().sse_format().utf8_valid()
    if texts:
        response.chunk_count(len(texts)).content("".join(texts))
    response.events_in_order().done_marker()
