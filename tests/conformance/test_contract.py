"""The contract's table and its text say the same."""

import re
from pathlib import Path

import pytest

from conformance.contract import CLAUSES, clause

TEXT = Path(__file__).parents[2] / "docs" / "contract.md"


def test_the_document_and_the_table_agree() -> None:
    rows = re.findall(r"^\| ([A-Z]+\d+) \| (\w+) \| (.*) \|$", TEXT.read_text(), re.MULTILINE)
    assert rows == [(each.id, each.level.value, each.sentence) for each in CLAUSES.values()]


def test_an_unknown_clause_names_the_valid_ones() -> None:
    with pytest.raises(LookupError, match=r"no clause 'X9'.*H1 .* S2"):
        clause("X9")
