"""The example in daemons/README.md is a daemon: it runs, and it is judged.

It has what the suite needs and little else, so it is held against the twelve
scenarios with which the suite began, and not against the whole contract.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

README = Path(__file__).parents[3] / "daemons" / "README.md"

TWELVE = (
    "basic_response",
    "basic_content",
    "unicode_content",
    "unicode_emoji",
    "unicode_cjk",
    "unicode_4byte",
    "short_chunks",
    "long_chunks",
    "abort_stream",
    "abort_early",
    "finish_stop",
    "finish_length",
)


def test_the_minimal_daemon_is_testable(
    results: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    blocks = dict(re.findall(r"^```(python|toml)\n(.*?)^```", README.read_text(), re.M | re.S))
    (tmp_path / "minimal.py").write_text(blocks["python"])
    (tmp_path / "daemon.toml").write_text(blocks["toml"])
    chosen = [f"--scenario={name}" for name in TWELVE]
    document = results(str(tmp_path / "daemon.toml"), *chosen)
    assert {each["scenario"]: each["verdict"] for each in document["results"]} == dict.fromkeys(
        TWELVE, "pass"
    )
    assert document["status"] == 0
