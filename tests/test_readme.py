"""The README's table of checks is the vocabulary, no more and no less."""

import inspect
import re
from pathlib import Path

from conformance.checks import Checks

README = Path(__file__).parents[1] / "README.md"


def test_the_table_of_checks_is_the_vocabulary() -> None:
    table = re.findall(r"^\| `(\w+)\(.*?\)` \| (.*) \|$", README.read_text(), re.MULTILINE)
    checks = {
        name: (inspect.getdoc(function) or "").splitlines()[0]
        for name, function in inspect.getmembers(Checks, inspect.isfunction)
        if not name.startswith("_")
    }
    assert dict(table) == checks
