"""A gateway that cannot be judged: one entry that says why, and nothing left running."""

from __future__ import annotations

import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GATEWAY = Path(__file__).parents[3] / "daemons" / "gateway" / "llm-gateway"

MANIFEST = """
[daemon]
name = "mine"
profile = "gateway"

[run]
command = ["{{python}}", "{program}", "--listen", "{listen}"]
env.OPENAI_API_BASE = "{{api_base_plain}}"
env.OPENAI_API_KEY = "{{api_key}}"
env.MARK = "{{port}} {mark}"
ready = "/health"

[client]
key = "sk-client"

[capabilities]
key = "own"
upstream = "h1"

{more}
"""

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def mark() -> Iterator[str]:
    """A variable's value by which every process of a run is found; none is left at the end."""
    mark = f"run-{uuid.uuid4()}"
    yield mark
    left = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                left.append(path.parent.name)
        except OSError:
            continue
    assert not left


def judge(
    conformance: Conformance,
    folder: Path,
    mark: str,
    *,
    more: str = "",
    listen: str = "{host}:{port}",
) -> str:
    """The report of five scenarios, all of them red for one reason, without line breaks."""
    text = MANIFEST.format(program=GATEWAY, mark=mark, more=more, listen=listen)
    (folder / "daemon.toml").write_text(text)
    done = conformance("run", str(folder), "--category=basic")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("── SET-UP ERROR") == 1
    assert "── FAIL" not in done.stdout
    assert "red: 5 not judged" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        ('command = ["sh", "-c", "echo no database; exit 4"]', "exited with status 4"),
        ('command = ["/no/such/program"]', "/no/such/program cannot be executed"),
        ('requests = [{ path = "/admin/channel", body = "{}" }]', "POST /admin/channel, found 404"),
    ],
    ids=["a command fails", "a command is missing", "a request is refused"],
)
def test_a_setup_that_fails(
    conformance: Conformance, tmp_path: Path, mark: str, setup: str, says: str
) -> None:
    report = judge(conformance, tmp_path, mark, more=f"[setup]\n{setup}")
    assert says in report


def test_the_output_of_a_setup_command_is_shown(
    conformance: Conformance, tmp_path: Path, mark: str
) -> None:
    setup = 'command = ["sh", "-c", "echo no database; exit 4"]'
    assert "no database" in judge(conformance, tmp_path, mark, more=f"[setup]\n{setup}")


def test_a_port_that_is_taken(conformance: Conformance, tmp_path: Path, mark: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        report = judge(conformance, tmp_path, mark, listen=taken)
    assert "before its socket accepted" in report
    assert "cannot listen: [Errno 98]" in report


def test_a_template_with_an_unknown_placeholder(conformance: Conformance, tmp_path: Path) -> None:
    files = "[files]\n\"gateway.yaml\" = '''\nlisten: {host}:{prot}\n'''"
    text = MANIFEST.format(program=GATEWAY, mark="", more=files, listen="{host}:{port}")
    (tmp_path / "daemon.toml").write_text(text)
    done = conformance("run", str(tmp_path))
    assert done.returncode == 2
    assert "unknown placeholder {prot} in line 1 of gateway.yaml" in done.stderr
    assert "did you mean 'port'?" in done.stderr
