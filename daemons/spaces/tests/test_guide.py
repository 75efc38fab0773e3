"""The testing guide's own scripts, as they stand.

They are run with the address and the missing parts put in: the space's id,
which one script never sets, a wait for the app in place of two seconds' sleep,
and the app under the name `mock_app.py`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import processes
import pytest
from processes import Mock, add_space, running
from world import PASSWORD, PATIENCE

GUIDE = Path(__file__).parent / "guide"

SPACE_ID = "space_id = r.url.rsplit('/', 1)[1]\n"
"""The redirect after the form names the space."""
WAIT = """
while not session.get(f"{host}/ai_project/{space_id}/live").json()["connected"]:
    time.sleep(0.1)
"""
"""What the script sleeps for."""

pytest.importorskip("requests", reason="pip install 'stream-conformance[browser]'")


@pytest.fixture
def mock() -> Iterator[Mock]:
    with processes.mock_api() as opened:
        yield opened


def run(script: str, folder: Path, **env: str) -> str:
    """What a script prints, run in a folder where `python` is this one."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed = folder / "printed"
    with printed.open("wb") as output:
        # In a session of its own, because one script leaves its app behind.
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=folder,
            env={**os.environ, "PATH": path, **env},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            status = process.wait(4 * PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert status == 0, printed.read_text()
    return printed.read_text()


def test_the_end_to_end_script_passes(mock: Mock, tmp_path: Path) -> None:
    (tmp_path / "mock_app.py").symlink_to(processes.FOLDER / "app.py")
    with running(processes.website(tmp_path / "data", "--port", "0")) as website:
        script = (GUIDE / "end_to_end.txt").read_text()
        script = script.replace("http://localhost:5001", processes.address(website))
        script = script.replace("# 3. Start", SPACE_ID + "# 3. Start")
        script = script.replace("time.sleep(2)", WAIT)
        printed = run(script, tmp_path, OPENAI_API_BASE=mock.base, OPENAI_API_KEY="sk-t")
    assert "✓ Test passed! Result: {" in printed


def test_the_load_script_succeeds_ten_times_out_of_ten(mock: Mock, tmp_path: Path) -> None:
    with running(processes.website(tmp_path / "data", "--port", "0")) as website:
        url = processes.address(website)
        fields = {"username": "testuser", "password": PASSWORD}
        httpx.post(f"{url}/register", data=fields, trust_env=False)
        with processes.admin(url) as admin:
            space = add_space(admin, "Load")
        with running(processes.app(url, mock.base, "Load")) as app:
            app.until("Registration successful")
            script = (GUIDE / "load.txt").read_text()
            script = script.replace("http://localhost:5001", url).replace("YOUR_SPACE_ID", space)
            printed = run(script, tmp_path)
            for _ in range(10):
                app.until("Result sent: completed")
    assert printed == "Sent 10 requests\nSuccessful: 10\n"
