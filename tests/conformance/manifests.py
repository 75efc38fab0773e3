"""Manifests that tests write for the sound daemon of tests/faulty/."""

from __future__ import annotations

from pathlib import Path

SOUND = Path(__file__).parents[1] / "faulty" / "handoff"


def write(folder: Path, more: str = "", *, name: str = "sound", build: str = "") -> str:
    """Write `folder/name/daemon.toml`, with more lines at its end; the new folder."""
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "daemon.toml").write_text(
        f'[daemon]\nname = "{name}"\nprofile = "handoff"\n{build}\n'
        f'[run]\ncommand = ["{{python}}", "{SOUND}/daemon.py", "--socket", "{{socket}}"]\n'
        'env = { OPENAI_API_BASE = "{api_base_plain}", OPENAI_API_KEY = "{api_key}" }\n'
        f"{more}\n"
    )
    return str(folder / name)
