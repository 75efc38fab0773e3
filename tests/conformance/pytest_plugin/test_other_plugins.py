"""Plugins of third parties work with `conformance run`: they are asked for behind `--`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conformance.manifests import SOUND

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]

# It takes seconds to import, and no test asks for it.
DASHES = ("--", "-p", "no:langsmith_plugin")


def judged(*scenarios: str, variant: str = "default") -> list[str]:
    chosen = [f"--scenario={name}" for name in scenarios]
    return ["run", str(SOUND), f"--variant={variant}", *chosen]


def test_html_writes_its_page(conformance: Conformance, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = conformance(*judged("finish_stop"), *DASHES, f"--html={page}", "--self-contained-html")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_scenario[faulty/default/finish_stop]" in page.read_text()
    assert str(page) in done.stderr
    assert done.stdout.splitlines()[-1].startswith("green: 1 pass")


def test_rerunfailures_judges_again(conformance: Conformance, tmp_path: Path) -> None:
    chosen = judged("finish_stop", variant="canned")
    output = tmp_path / "results.json"
    done = conformance(*chosen, "--format=json", f"--output={output}", *DASHES, "--reruns=2", "-rR")
    assert done.returncode == 1
    assert done.stderr.count("RERUN ") == 2
    (result,) = json.loads(output.read_text())["results"]
    assert result["verdict"] == "fail"


def test_timeout_ends_an_item(conformance: Conformance) -> None:
    chosen = judged("finish_stop", variant="silent")
    done = conformance(*chosen, "--deadline=60", *DASHES, "--timeout=3")
    assert done.returncode == 1
    assert "Timeout" in done.stdout
    assert "cut short: 1 scenarios were not judged" in done.stdout


def test_randomly_shuffles_and_xdist_distributes(conformance: Conformance) -> None:
    names = ("finish_stop", "finish_length", "basic_content", "basic_response")
    # Each worker shuffles the same way, or xdist would refuse their collections.
    done = conformance(
        *judged(*names), *DASHES, "-p", "randomly", "--randomly-seed=7", "--numprocesses=2"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "green: 4 pass" in done.stdout
