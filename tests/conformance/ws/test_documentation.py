"""docs/ws.md lists every public method, in the words of the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import conformance.ws
from conformance.ws import Matcher, RestRequest, WSMessage, WSResponse, WSTest

GUIDE = (Path(__file__).parents[3] / "docs" / "ws.md").read_text()

INTERNAL = {"accepts", "differences"}
"""Public among the modules, and of no use to a test's author."""


def section(name: str) -> str:
    return GUIDE.split(f"\n## {name}")[1].split("\n## ")[0]


def signature(function: object) -> str:
    assert callable(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    names = ("*" * (each.kind is each.VAR_POSITIONAL) + each.name for each in parameters)
    return f"{function.__name__}({', '.join(names)})"


@pytest.mark.parametrize("kind", [WSTest, WSResponse, WSMessage, RestRequest])
def test_every_method_is_in_the_guide(kind: type) -> None:
    rows = re.findall(r"^\| `([a-z]\w*\(.*?\))` \| (.*) \|$", section(kind.__name__), re.MULTILINE)
    methods = {
        signature(function): (inspect.getdoc(function) or "").splitlines()[0]
        for name, function in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in INTERNAL
    }
    assert dict(rows) == methods


def test_every_matcher_is_in_the_guide() -> None:
    named = set(re.findall(r"^\| `([A-Z]\w+)\(", section("WSResponse"), re.MULTILINE))
    assert named == {each.__name__ for each in Matcher.__subclasses__() if public(each)}


def public(kind: type) -> bool:
    return getattr(conformance.ws, kind.__name__, None) is kind


def test_whatever_is_exported_is_in_the_guide() -> None:
    assert [name for name in conformance.ws.__all__ if name not in GUIDE] == []
