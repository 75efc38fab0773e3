"""The hint for an unknown name."""

from __future__ import annotations

import pytest

from conformance.core.names import FEW, instead

MANY = [f"name_{number}" for number in range(100)]


@pytest.mark.parametrize(
    ("name", "valid", "hint"),
    [
        ("rst", ["go", "rust"], "did you mean 'rust'? there are: go, rust"),
        ("x", ["go", "rust"], "there are: go, rust"),
        ("x", [], "there are: none"),
        ("name_1O", MANY, "did you mean 'name_1'?"),
        ("x", MANY, f"there are: {', '.join(MANY[:FEW])}, and 70 more"),
    ],
)
def test_a_name_is_suggested_only_where_it_is_near(name: str, valid: list[str], hint: str) -> None:
    assert instead(name, valid) == hint
