"""docs/ws.md names every public name, and the modules that pywsitest has.

Its tables are generated; `make check` fails when one is stale.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import conformance.ws
from conformance.ws import public

GUIDE = (Path(__file__).parents[3] / "docs" / "ws.md").read_text()


def test_every_public_name_is_in_the_guide() -> None:
    assert [name for name in public.__all__ if not re.search(rf"\b{name}\b", GUIDE)] == []
    assert all(getattr(conformance.ws, name) for name in public.__all__)


def test_every_class_has_its_generated_table() -> None:
    for name in ("WSTest", "WSResponse", "WSMessage", "RestRequest", "matchers"):
        table = GUIDE.partition(f"<!-- generated: ws {name} -->")[2].partition("<!-- end -->")[0]
        assert table.count("\n| `") >= 7, name


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("ws_test", "WSTest"),
        ("ws_response", "WSResponse"),
        ("ws_message", "WSMessage"),
        ("ws_timeout_error", "WSTimeoutError"),
        ("rest_request", "RestRequest"),
    ],
)
def test_the_modules_of_pywsitest_have_counterparts(module: str, name: str) -> None:
    counterpart = importlib.import_module(f"conformance.ws.{module}")
    assert getattr(counterpart, name) is getattr(conformance.ws, name)
    assert module in GUIDE
