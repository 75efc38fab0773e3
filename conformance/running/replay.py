"""Scenario files: a script and what it says, found by chance and kept to be judged again.

    {"version": 1, "name": "fuzz_3f2a91", "texts": ["Hello"], "script": {"steps": […]}}

`conformance fuzz` writes them, `conformance run --replay FILE` judges them
with the daemons that are selected. `texts` is what the deltas of choice 0 say,
in order, those that say nothing left out.
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
    """A file that is no scenario file; the message names it and says what is wrong."""


def write(folder: Path, *, texts: Sequence[str], script: Script) -> Path:
    """Write a scenario file, named after its content; its path."""
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
    """The scenario in the file, for every daemon of profile `handoff`. Raises ReplayError."""
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}; name a file that `fuzz` wrote") from None
    except ValueError as error:
        raise ReplayError(f"{path}: no JSON ({error}); name a file that `fuzz` wrote") from None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        found = document.get("version") if isinstance(document, dict) else type(document).__name__
        raise ReplayError(f"{path}: expected a scenario file of version {VERSION}, found {found!r}")
    if missing := [key for key in ("name", "texts", "script") if key not in document]:
        raise ReplayError(
            f"{path}: expected the keys name, texts and script, found no {missing[0]}"
        )
    try:
        script = from_json(document["script"])
    except ScriptError as error:
        raise ReplayError(f"{path}: {error}") from None
    return scenario(document["name"], texts=document["texts"], script=script)


def scenario(name: str, *, texts: Sequence[str], script: Script) -> Scenario:
    """A scenario that is judged by what its deltas say."""
    said = tuple(texts)

    def judge(response: Checks) -> None:
        relays(response, said)

    return Scenario(
        name=name,
        category="replay",
        description="A stream that was found by chance says the same on both sides.",
        clause_ids=CLAUSES,
        script=script,
        everywhere=True,
        function=judge,
    )


def relays(response: Checks, texts: Sequence[str]) -> None:
    """A complete answer with these texts, however the API's stream spelled it."""
    response.http_status(200).no_error().sse_format().utf8_valid()
    if texts:
        response.chunk_count(len(texts)).content("".join(texts))
    response.events_in_order().done_marker()
