"""The documents are in step with the code, and their links lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATOR = ROOT / "docs" / "generate.py"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("gateways/*/README.md")),
]


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(GENERATOR), *arguments], capture_output=True, text=True, check=False
    )


def test_no_generated_table_is_stale() -> None:
    checked = generate("--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_stale_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("")
    copy = tmp_path / "docs" / "generate.py"
    copy.write_text(GENERATOR.read_text())
    (tmp_path / "docs" / "gallery.py").write_text((ROOT / "docs" / "gallery.py").read_text())
    page = tmp_path / "docs" / "page.md"
    page.write_text("<!-- generated: checks -->\nold\n<!-- end -->\n")
    command = [sys.executable, str(copy)]
    stale = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    assert stale.returncode == 1
    assert "page.md: is stale: run `make docs`\n" in stale.stdout
    assert "unicode.json: is stale: run `make docs`\n" in stale.stdout
    assert subprocess.run(command, check=False).returncode == 0
    assert "| `http_status(expected)` |" in page.read_text()
    assert subprocess.run([*command, "--check"], check=False).returncode == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_each_pattern_is_documented_as_data() -> None:
    documents = [json.loads(path.read_text()) for path in (ROOT / "docs" / "patterns").iterdir()]
    assert {document["example"].partition(":")[0] for document in documents} >= {
        "unicode",
        "short",
        "long",
        "abort",
        "finish",
    }
    aborted = next(each for each in documents if each["example"] == "abort:5")
    assert (len(aborted["deltas"]), aborted["finish_reason"]) == (5, None)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120
