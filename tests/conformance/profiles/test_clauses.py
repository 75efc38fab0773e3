"""Each profile's table of clauses equals the one in its document."""

import re
from pathlib import Path

import pytest

from conformance.profiles.registry import profile_named, profiles

DOCS = Path(__file__).parents[3] / "docs"

TEXTS = {"handoff": "contract.md"}
"""The first profile's document has no profile in its name; all others have."""


@pytest.mark.parametrize("name", profiles())
def test_the_document_and_the_table_agree(name: str) -> None:
    text = DOCS / TEXTS.get(name, f"contract-{name}.md")
    rows = re.findall(r"^\| ([A-Z]+\d+) \| (\w+) \| (.*) \|$", text.read_text(), re.MULTILINE)
    clauses = profile_named(name).clauses
    assert rows == [(clause.id, clause.level.value, clause.sentence) for clause in clauses]


def test_an_unknown_clause_names_the_valid_ones() -> None:
    with pytest.raises(LookupError, match=r"no clause 'X9'.*H1 .* S2"):
        profile_named("handoff").clause("X9")
