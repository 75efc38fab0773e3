"""A runner in the middle of its run, to be killed: a mock API, a daemon with children, a worker.

`runner_script.py FOLDER [worker]`: says, as one JSON line, which processes and
files there are, then waits.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from conformance.daemon.guardian import guardian, mark_this_process
from conformance.daemon.process import DaemonProcess
from conformance.mock.addresses import Addresses
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.running.manifests import load

MANIFEST = """
[daemon]
name = "mini"
profile = "handoff"
[run]
command = ["{{python}}", "-I", "-S", "{miniature}", "{{socket}}", "{habit}"]
"""


async def hold(folder: Path, habit: str, addresses: Addresses, said: dict[str, Any]) -> None:
    """Start a daemon, say everything, wait."""
    path = folder / f"{habit}.toml"
    miniature = Path(__file__).with_name("miniature.py")
    path.write_text(MANIFEST.format(miniature=miniature, habit=habit))
    manifest = load(path)
    async with (
        MockClient.attach(addresses) as upstream,
        DaemonProcess.start(manifest, manifest.variants[0], upstream) as daemon,
    ):
        pids = {"daemon": daemon.pid}
        if habit == "family":
            pids["stray"], pids["member"] = json.loads(daemon.log())["children"]
        said["pids"].update(pids)
        said["sockets"].append(str(daemon.socket))
        print(json.dumps(said), flush=True)
        await asyncio.Event().wait()


def run(folder: Path) -> None:
    mark_this_process()
    mock = MockServer()
    addresses = mock.addresses
    with subprocess.Popen(
        [sys.executable, __file__, str(folder), json.dumps(addresses.to_json())],
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        inner = json.loads(worker.stdout.readline())
        said = {
            "pids": {
                "mock": mock.pid,
                "worker": worker.pid,
                "worker's daemon": inner["pids"]["daemon"],
            },
            "guardians": [guardian().pid, *inner["guardians"]],
            "folders": [guardian().folder, *inner["folders"]],
            "sockets": [addresses.socket, *inner["sockets"]],
        }
        asyncio.run(hold(folder, "family", addresses, said))


def work(folder: Path, addresses: Addresses) -> None:
    said = {
        "pids": {},
        "guardians": [guardian().pid],
        "folders": [guardian().folder],
        "sockets": [],
    }
    asyncio.run(hold(folder, "deaf", addresses, said))


if len(sys.argv) > 2:
    work(Path(sys.argv[1]), Addresses.from_json(json.loads(sys.argv[2])))
else:
    run(Path(sys.argv[1]))
