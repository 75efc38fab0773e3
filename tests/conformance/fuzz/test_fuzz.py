"""Random streams: a sound daemon relays them all; a faulty one is found, and the find is kept."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from conformance.fuzz.stream import Stream, streams
from conformance.running import replay

SOUND = Path(__file__).parents[2] / "faulty" / "handoff"

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]

FAULT = "unicode_line_ends"
"""A fault that one character in a text brings out."""


def test_sound_daemons_agree(conformance: Conformance, tmp_path: Path) -> None:
    done = conformance(
        *("fuzz", str(SOUND), "python-http2", "--seed=1", "--time=3", f"--output={tmp_path}"),
        *("--variant=default", "--variant=simple", "--variant=openai"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no disagreement" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_find_is_reduced_and_can_be_replayed(conformance: Conformance, tmp_path: Path) -> None:
    (tmp_path / "daemon.toml").write_text(
        '[daemon]\nname = "found"\nprofile = "handoff"\n[run]\n'
        f'command = ["{{python}}", "{SOUND}/daemon.py", "--socket", "{{socket}}", '
        f'"--fault", "{FAULT}"]\n'
        'env = { OPENAI_API_BASE = "{api_base_plain}", OPENAI_API_KEY = "{api_key}" }\n'
    )
    done = conformance("fuzz", str(tmp_path), "--seed=1", "--time=60", f"--output={tmp_path}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "reduced" in done.stdout, done.stdout + done.stderr
    (file,) = tmp_path.glob("fuzz_*.json")
    texts = json.loads(file.read_text())["texts"]
    assert "".join(texts) in ("\u2028", "\u2029")
    again = conformance("run", "--replay", str(file), str(tmp_path))
    assert again.returncode == 1
    assert "1 fail" in again.stdout
    sound = conformance("run", "--replay", str(file), str(SOUND), "--variant=default")
    assert sound.returncode == 0, sound.stdout


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(streams())
def test_a_stream_survives_its_file(stream: Stream) -> None:
    assert json.loads(json.dumps(stream.to_json())) == stream.to_json()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected JSON"),
        ("[]", "expected a scenario file of version 1, found 'list'"),
        ('{"version": 2}', "expected a scenario file of version 1, found 2"),
        ('{"version": 1, "name": "x", "texts": []}', "found version, name, texts"),
    ],
)
def test_what_is_no_scenario_file_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(replay.ReplayError, match=r"odd\.json") as error:
        replay.read(path)
    assert says in str(error.value)
    with pytest.raises(replay.ReplayError, match=r"nowhere\.json"):
        replay.read(tmp_path / "nowhere.json")
