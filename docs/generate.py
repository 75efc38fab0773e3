"""Write the tables in docs/ that repeat what the code says, and the patterns as data.

    python docs/generate.py           writes them
    python docs/generate.py --check   exits 1 and names each page that is stale

A table stands between `<!-- generated: NAME -->` and `<!-- end -->`. TABLES maps each name
to the function that renders the table.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import gallery

from conformance.checks import Checks
from conformance.profiles.base import Profile
from conformance.profiles.registry import profiles
from conformance.ws import Matcher, RestRequest, WSMessage, WSResponse, WSTest
from mock_api.language import tables
from mock_api.language.answer import Options
from mock_api.language.patterns import PATTERNS, answer

DOCS = Path(__file__).parent
PAGES = (*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md")

WS = (WSTest, WSResponse, WSMessage, RestRequest)

_PLACE = re.compile(r"(<!-- generated: (?P<name>[^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def clauses(profile: Profile) -> Iterator[str]:
    """The contract of one profile."""
    yield "| clause | level | sentence |"
    yield "|---|---|---|"
    for clause in profile.clauses:
        yield f"| {clause.id} | {clause.level.value} | {clause.sentence} |"


def capabilities(profile: Profile) -> Iterator[str]:
    """What a manifest of this profile may declare in [capabilities]."""
    yield "| capability | values | meaning |"
    yield "|---|---|---|"
    for name, capability in profile.vocabulary.capabilities.items():
        yield f"| `{name}` | {capability.shown} | {capability.meaning} |"


def options(profile: Profile) -> Iterator[str]:
    """What a manifest of this profile may pass on in [options]."""
    yield "| option | value |"
    yield "|---|---|"
    for name, meaning in profile.vocabulary.options.items():
        yield f"| `{name}` | {meaning} |"


def checks() -> Iterator[str]:
    """The vocabulary of a finished response, in the order of the code."""
    yield "| check | holds when |"
    yield "|---|---|"
    yield from _methods(Checks)


def methods(kind: type) -> Iterator[str]:
    """The public methods of one class of `conformance.ws`, in the order of the code."""
    yield "| method | meaning |"
    yield "|---|---|"
    yield from _methods(kind, inspect.Parameter.KEYWORD_ONLY)


def matchers() -> Iterator[str]:
    """The matchers of `conformance.ws`."""
    yield "| matcher | matches |"
    yield "|---|---|"
    for kind in Matcher.__subclasses__():
        yield f"| `{kind.__name__}({_parameters(kind.__init__)})` | {_first_line(kind)} |"


def _methods(owner: type, *more: object) -> Iterator[str]:
    for kind in reversed(owner.__mro__):
        for name, function in vars(kind).items():
            if inspect.isfunction(function) and not name.startswith("_"):
                yield f"| `{name}({_parameters(function, *more)})` | {_first_line(function)} |"


def _first_line(owner: object) -> str:
    return (inspect.getdoc(owner) or "").splitlines()[0]


def _parameters(function: Callable[..., object], *more: object) -> str:
    shown = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            shown.append(f"*{parameter.name}")
        elif parameter.kind is not parameter.KEYWORD_ONLY or parameter.kind in more:
            shown.append(parameter.name)
    return ", ".join(shown)


def catalog() -> Iterator[str]:
    """How many scenarios each profile has, by category."""
    yield "| profile | scenarios | categories |"
    yield "|---|---|---|"
    for name, profile in profiles().items():
        names = dict.fromkeys(scenario.category for scenario in profile.scenarios)
        yield f"| `{name}` | {len(profile.scenarios)} | {', '.join(names)} |"


sys.path.insert(0, str(DOCS.parent))
from tests.clients.table import clients_table, deviations_table  # noqa: E402

TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "checks": checks,
    "catalog": catalog,
    "ws matchers": matchers,
    **{f"ws {kind.__name__}": partial(methods, kind) for kind in WS},
    "clients": clients_table,
    "deviations": deviations_table,
    "patterns": tables.patterns,
    "failures": tables.failures,
    "modifiers": tables.modifiers,
    "gateways matrix": gallery.matrix,
    "gateways": gallery.sections,
    **{f"clauses {name}": partial(clauses, each) for name, each in profiles().items()},
    **{f"capabilities {name}": partial(capabilities, each) for name, each in profiles().items()},
    **{f"options {name}": partial(options, each) for name, each in profiles().items()},
}


def generated(text: str, page: str) -> str:
    """The page with every table as the code has it. Raises LookupError for an unknown table."""

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in TABLES:
            known = ", ".join(TABLES)
            raise LookupError(f"{page}: no generated table {name!r}; there are: {known}")
        return match[1] + "\n".join(TABLES[name]()) + "\n" + match[3]

    return _PLACE.sub(table, text)


def pattern_files() -> Iterator[tuple[str, str]]:
    """The patterns as data: a file for each answer, with what its example says."""
    for pattern in PATTERNS:
        example = pattern.example
        answered = answer(example, Options())
        document = {
            "pattern": pattern.name or "(none)",
            "meaning": pattern.meaning,
            "example": example,
            "deltas": list(answered.deltas),
            "finish_reason": answered.finish,
        }
        text = json.dumps(document, ensure_ascii=False, indent=2)
        yield f"patterns/{pattern.word or 'ordinary'}.json", f"{text}\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: python docs/generate.py [--check]", file=sys.stderr)
        return 2
    pages = {path: generated(path.read_text(), path.name) for path in PAGES}
    pages |= {DOCS / name: text for name, text in pattern_files()}
    stale = []
    for path, fresh in pages.items():
        if not path.exists() or path.read_text() != fresh:
            stale.append(path.name)
            if not arguments:
                path.parent.mkdir(exist_ok=True)
                path.write_text(fresh)
    if stale:
        what = "is stale: run `make docs`" if arguments else "written"
        print("\n".join(f"{name}: {what}" for name in stale))
    return 1 if stale and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
