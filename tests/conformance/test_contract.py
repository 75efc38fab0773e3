"""Each profile's table and its document say the same."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import conformance.contract
from conformance.contract import CLAUSES, clause

DOCS = Path(__file__).parents[2] / "docs"

TEXTS = {"handoff": "contract.md"}
"""The first profile's has no name in it; all others' have."""

PROFILES = [
    each.name for each in iter_modules(conformance.contract.__path__) if each.name != "clause"
]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_document_and_the_table_agree(profile: str) -> None:
    text = DOCS / TEXTS.get(profile, f"contract-{profile.replace('_', '-')}.md")
    rows = re.findall(r"^\| ([A-Z]+\d+) \| (\w+) \| (.*) \|$", text.read_text(), re.MULTILINE)
    clauses = import_module(f"conformance.contract.{profile}").CLAUSES
    assert rows == [(each.id, each.level.value, each.sentence) for each in clauses]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_a_part_of_the_contract(profile: str) -> None:
    clauses = import_module(f"conformance.contract.{profile}").CLAUSES
    assert [CLAUSES.get(each.id) for each in clauses] == list(clauses)


def test_an_unknown_clause_names_the_valid_ones() -> None:
    with pytest.raises(LookupError, match=r"no clause 'X9'.*H1 .* S2"):
        clause("X9")
