"""A daemon that sends without end: a failed check within seconds, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

DAEMON = """
import array, json, os, socket, sys, threading

HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nCache-Control: no-cache\\r\\n"
PIECE = {"events": b'data: {"content":"x"}\\n\\n' * 4096, "line": b"x" * 65536}[sys.argv[2]]

def serve(peer):
    _, control, _, _ = peer.recvmsg(65536, 64)
    client = socket.socket(fileno=array.array("i", control[0][2])[0])
    client.setblocking(True)
    with client, peer:
        client.sendall(HEAD + b"X-Accel-Buffering: no\\r\\nConnection: close\\r\\n\\r\\ndata: ")
        sent = 0
        while sent < 1 << 30:
            client.sendall(PIECE)
            sent += len(PIECE)

def guarded(peer):
    try:
        serve(peer)
    except (OSError, LookupError):
        pass

listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
listener.listen(128)
while True:
    threading.Thread(target=guarded, args=(listener.accept()[0],), daemon=True).start()
"""

MANIFEST = """
[daemon]
name = "flood"
profile = "handoff"

[run]
command = ["{python}", "{dir}/flood.py", "{socket}", "WHAT"]
"""

JUDGE = """
import json, resource, sys
from pathlib import Path
from conformance.running import Selection, Settings, run

results = run(
    Selection(daemons=(sys.argv[1],), categories=("basic", "unicode", "finish")),
    Settings(deadline=60.0, keep_going=True),
)
print(json.dumps({
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "checks": [[each.check for each in result.failures] for result in results],
    "durations": [result.duration for result in results],
    "verdicts": [result.verdict.value for result in results],
}))
"""


@pytest.mark.parametrize("what", ["events", "line"])
def test_floods_are_failed_checks_in_little_memory(what: str, tmp_path: Path) -> None:
    """24 and more at a time, of 1 GiB each, by events of 24 bytes or by one line."""
    (tmp_path / "flood.py").write_text(DAEMON)
    (tmp_path / "daemon.toml").write_text(MANIFEST.replace("WHAT", what))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", JUDGE, str(tmp_path / "daemon.toml")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    flooded = [checks for checks in seen["checks"] if "flood" in checks]
    assert len(flooded) >= 24, seen
    assert {"pass", "error"}.isdisjoint(seen["verdicts"])
    assert seen["peak"] < 400 << 20, f"{seen['peak'] >> 20} MiB"
    assert time.monotonic() - began < 240
