"""The examples of docs/ as a reader runs them, with the chat server of docs/."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.ws.servers import Authority

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "docs" / "examples" / "ws"
ARTICLE = sorted(EXAMPLES.glob("article_*.py"))


@pytest.fixture(scope="module")
def environment(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Start the chat server with TLS; yield the environment of a client that trusts it."""
    folder = tmp_path_factory.mktemp("chat")
    certificate = folder / "server.pem"
    authority.ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
    server = subprocess.Popen(
        [
            *(sys.executable, EXAMPLES / "chat_server.py"),
            *("--port", "0", "--certificate", certificate),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    assert url.startswith("wss://localhost:")
    yield {**os.environ, "CHAT_URL": url, "SSL_CERT_FILE": str(authority.ca_file)}
    server.terminate()
    server.communicate()


def run(environment: dict[str, str], *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=EXAMPLES,
        env={**environment, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_are_three() -> None:
    assert len(ARTICLE) == 3


@pytest.mark.parametrize("example", ARTICLE, ids=lambda path: path.stem)
def test_an_example_passes(environment: dict[str, str], example: Path) -> None:
    done = run(environment, "-W", "error", example)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_examples_with_pytest(environment: dict[str, str]) -> None:
    done = run(
        environment,
        *("-m", "pytest", "-p", "conformance.ws.pytest_plugin", "-p", "no:cacheprovider"),
        "test_chat.py",
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_a_changed_example_fails_and_shows_the_difference(
    environment: dict[str, str], tmp_path: Path
) -> None:
    changed = tmp_path / "changed.py"
    text = (EXAMPLES / "article_join.py").read_text()
    text = text.replace('"Rob has connected"', '"Eve has connected"')
    forbidden = 'WSResponse().with_attribute("message", "Rob has connected")'
    text = text.replace(".with_response(", f".without_response({forbidden}).with_response(")
    changed.write_text(text)
    done = run(environment, changed)
    assert done.returncode == 1
    assert 'message: expected "Eve has connected", found "Rob has connected"' in done.stderr
    assert re.search(r'\+\d\.\d{3} s  <-  {"message": "Rob has connected"}', done.stderr)
