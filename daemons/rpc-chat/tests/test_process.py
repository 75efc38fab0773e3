"""The process: where it listens, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from websockets.sync.client import connect

PROGRAM = str(Path(__file__).parent.parent / "rpc-chat")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, "--data", str(folder), *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_where_it_listens_greets_and_says_farewell(tmp_path: Path) -> None:
    with start(tmp_path, "--port", "0") as process:
        assert process.stderr is not None
        told = re.search(r"ws://\S+", process.stderr.readline())
        assert told is not None
        with connect(told[0], proxy=None) as client:
            greeting = [json.loads(client.recv()) for _ in range(2)]
            assert [each["event"] for each in greeting] == ["system_update", "sync_state"]
            process.send_signal(signal.SIGTERM)
            for _ in client:
                pass
            assert client.close_code == 1001
        assert process.wait(timeout=20) == 0


def test_a_port_that_is_taken_is_a_plain_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(tmp_path, "--port", str(port)) as process:
            _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "Traceback" not in said


def test_a_wrong_option_is_a_plain_error(tmp_path: Path) -> None:
    for option, value in (("--variant", "odd"), ("--model-timeout", "0")):
        with start(tmp_path, option, value) as process:
            _, said = process.communicate(timeout=20)
        assert process.returncode == 2
        assert option in said
        assert f"'{value}'" in said
