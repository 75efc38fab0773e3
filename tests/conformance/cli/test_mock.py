"""`conformance mock` passes its options on, and the mock API's exit status back."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from conformance.cli.mock import command


def test_a_missing_recording_is_an_error(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    result = CliRunner().invoke(command, ["--replay", str(missing)])
    assert result.exit_code == 1
    assert str(missing) in result.stderr


def test_options_that_contradict_each_other_are_wrong_usage() -> None:
    result = CliRunner().invoke(command, ["--record", "file.json"])
    assert result.exit_code == 2
    assert "--upstream" in result.stderr
