"""The gallery of gateways: what a run found, kept small in each folder, and shown as tables.

    python docs/gallery.py RESULTS.json     writes gateways/NAME/verdicts.json

RESULTS.json is the report of `conformance run gateways/* --format json`. A gateway that was
skipped keeps its old file. A red result must be explained in the manifest's [known_failures]
first. docs/generate.py renders the tables from these files, the manifests and the READMEs.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.core.result import Verdict
from conformance.daemon.manifest import DEFAULT, Manifest
from conformance.daemon.requires import version_of
from conformance.profiles.registry import profile_named
from conformance.running.manifests import load

GATEWAYS = Path(__file__).parent.parent / "gateways"
VERDICTS = "verdicts.json"
MEANING = "## What it means for you"
"""The heading of a README under which it says what its user must know."""


@dataclass(frozen=True)
class Judged:
    """A gateway with the verdicts of its last run."""

    manifest: Manifest
    program: str
    """Name and version of what was judged."""
    counts: dict[str, dict[str, dict[str, int]]]
    """Variant -> category -> verdict -> number of scenarios."""
    broken: dict[str, list[str]]
    """`variant/scenario` of a known failure -> the clauses that it broke."""
    readme: str

    @property
    def about(self) -> str:
        """What it is and how it is configured: the README's first paragraph."""
        return self.readme.split("\n\n")[1]

    @property
    def meaning(self) -> str:
        """What its user must know: the README's last part."""
        return self.readme.partition(MEANING)[2].strip()

    def passed(self, variant: str, category: str | None = None) -> tuple[int, int]:
        """How many scenarios passed, of how many that were judged."""
        total = Counter[str]()
        for name, counts in self.counts[variant].items():
            if category in (None, name):
                total.update(counts)
        good = total[Verdict.PASS.value] + total[Verdict.WARN.value]
        return good, total.total() - total[Verdict.SKIP.value]

    def failures(self) -> dict[str, list[str]]:
        """Each reason of [known_failures] -> the scenarios, with the variant where it is one's."""
        grouped: dict[str, list[str]] = {}
        for name, reason in self.manifest.known_failures.items():
            grouped.setdefault(reason, []).append(name)
        return grouped

    def clauses(self, name: str) -> set[str]:
        """The clauses that a known failure breaks, in any variant that it stands for."""
        return {
            clause
            for case, clauses in self.broken.items()
            if case == name or case.partition("/")[2] == name
            for clause in clauses
        }


def judged() -> list[Judged]:
    """Every gateway that has been judged, by name."""
    return [_judged(path.parent) for path in sorted(GATEWAYS.glob(f"*/{VERDICTS}"))]


def _judged(folder: Path) -> Judged:
    kept = json.loads((folder / VERDICTS).read_text())
    readme = (folder / "README.md").read_text()
    if MEANING not in readme:
        raise ValueError(f"{folder / 'README.md'}: expected the heading {MEANING!r}; add it")
    linked = re.sub(r"\]\((?!https?:)", f"](../gateways/{folder.name}/", readme)
    return Judged(load(folder), kept["program"], kept["counts"], kept["broken"], linked)


# Tables


def matrix() -> Iterator[str]:
    """A row for each category, a column for each gateway's default variant."""
    gateways = judged()
    yield f"| category | {' | '.join(each.manifest.name for each in gateways)} |"
    yield "|---" * (len(gateways) + 1) + "|"
    scenarios = profile_named("gateway").scenarios
    for category in dict.fromkeys(scenario.category for scenario in scenarios):
        cells = (_cell(*each.passed(DEFAULT, category)) for each in gateways)
        yield f"| {category} | {' | '.join(cells)} |"
    cells = (_cell(*each.passed(DEFAULT)) for each in gateways)
    yield f"| all | {' | '.join(cells)} |"


def _cell(passed: int, total: int) -> str:
    if not total:
        return "·"
    return f"{total}" if passed == total else f"**{passed}/{total}**"


def sections() -> Iterator[str]:
    """What each gateway is, what fails, and what this means."""
    for gateway in judged():
        manifest = gateway.manifest
        yield f"## {manifest.name}"
        yield ""
        yield gateway.about
        yield ""
        totals = (f"`{name}` {_of(*gateway.passed(name))}" for name in gateway.counts)
        where = f"../gateways/{manifest.dir.name}"
        yield f"Judged: {gateway.program} ([manifest and configuration]({where})). Passed: " + (
            "; ".join(totals) + "."
        )
        yield ""
        if failures := gateway.failures():
            yield "| what fails | clause | scenario |"
            yield "|---|---|---|"
        for reason, names in failures.items():
            clauses = {clause for name in names for clause in gateway.clauses(name)}
            shown = ", ".join(f"`{name}`" for name in names)
            yield f"| {reason} | {', '.join(sorted(clauses))} | {shown} |"
        yield from ["", gateway.meaning, ""]


def _of(passed: int, total: int) -> str:
    return f"{passed} of {total}"


# From a run


def keep(results: Sequence[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Write the verdicts of each gateway in a run; the files written, and what prevents others."""
    written, problems = [], []
    for folder in sorted(path.parent for path in GATEWAYS.glob("*/daemon.toml")):
        manifest = load(folder)
        own = [each for each in results if each["daemon"] == manifest.name]
        red = [each for each in own if Verdict(each["verdict"]).red]
        problems += [
            f"{each['daemon']}/{each['variant']}/{each['scenario']} is {each['verdict']}: repeat it"
            f" alone, then explain it in [known_failures] of {folder / 'daemon.toml'}"
            for each in red
        ]
        if red or all(each["verdict"] == Verdict.SKIP.value for each in own):
            continue
        counts: dict[str, dict[str, Counter[str]]] = {}
        broken = {}
        for each in own:
            variant = counts.setdefault(each["variant"], {})
            variant.setdefault(each["category"], Counter())[each["verdict"]] += 1
            if each["verdict"] == Verdict.KNOWN.value:
                clauses = {failure["clause"] for failure in each["failures"]}
                broken[f"{each['variant']}/{each['scenario']}"] = sorted(clauses)
        program = manifest.requires[0]
        name = program.name.rpartition(":")[2].rpartition("node_modules/")[2]
        document = {
            "program": f"{name} {version_of(program)}",
            "counts": counts,
            "broken": broken,
        }
        path = folder / VERDICTS
        path.write_text(_compact(document))
        written.append(str(path))
    return written, problems


def _compact(document: dict[str, Any]) -> str:
    """JSON with a line for each category and each known failure."""
    lines = ["{", f'"program": {json.dumps(document["program"])},', '"counts": {']
    for variant, counts in document["counts"].items():
        rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in counts.items())
        lines += [f" {json.dumps(variant)}: {{", rows, " },"]
    lines[-1] = " }"
    rows = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in document["broken"].items())
    lines += ["},", '"broken": {', *([rows] if rows else []), "}", "}", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Keep a run's verdicts; the exit status."""
    if len(arguments) != 1:
        print("usage: python docs/gallery.py RESULTS.json", file=sys.stderr)
        return 2
    written, problems = keep(json.loads(Path(arguments[0]).read_text())["results"])
    print("\n".join([f"{path}: written" for path in written] + problems))
    return 1 if problems or not written else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
