"""The gateway as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from clients import Answer, Http1Client, Http2Client, post
from scripted_api import KEY, PATIENCE, Api, until

FOLDER = Path(__file__).parent.parent
SHORT = (
    *("--idle-timeout", "1", "--first-byte-timeout", "1", "--write-timeout", "1"),
    *("--request-timeout", "1", "--keep-alive-timeout", "5", "--shutdown-timeout", "2"),
)


class Gateway:
    """A running gateway."""

    def __init__(self, folder: Path, env: dict[str, str], *options: str) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "gateway-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        identity = authority.issue_cert("127.0.0.1")
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(b"".join(pem.bytes() for pem in identity.cert_chain_pems))
        identity.private_key_pem.write_to_path(str(key))
        self.log = folder / "gateway.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, FOLDER / "llm-gateway", "--listen", "127.0.0.1:0"),
                    *("--listen-tls", "127.0.0.1:0", "--certificate", chain, "--private-key", key),
                    *options,
                ],
                env={"OPENAI_API_KEY": KEY, "PATH": os.environ["PATH"], **env},
                stderr=log,
            )
        until(self._serves)
        self.port, self.tls_port = map(int, self._ports())

    def _ports(self) -> list[str]:
        return re.findall(r"serving \S+:([0-9]+)", self.log.read_text())

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return len(self._ports()) == 2

    def connect(self) -> Http1Client:
        return Http1Client(self.port)

    def connect_http2(self, *, window: int = 2**20) -> Http2Client:
        return Http2Client(self.port, window=window)

    def ask(self, request: bytes | None = None) -> Answer:
        """One request on a connection of its own."""
        with self.connect() as client:
            return client.ask(post() if request is None else request)

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def resident(self) -> int:
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait for its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Kill it, and look at its log."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        log = self.log.read_text()
        assert KEY not in log
        assert "Traceback" not in log, log


@pytest.fixture(scope="session")
def shared_api() -> Iterator[Api]:
    api = Api()
    yield api
    api.listener.close()


@pytest.fixture
def api(shared_api: Api) -> Api:
    """The API, in its first state."""
    shared_api.reset()
    return shared_api


@pytest.fixture(scope="session")
def shared_gateway(shared_api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests that do not end it, with short time bounds."""
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(folder, {"OPENAI_API_BASE": shared_api.base}, *SHORT)
    yield gateway
    gateway.end()


@pytest.fixture
def gateway(api: Api, shared_gateway: Gateway) -> Gateway:
    """A gateway in front of `api`."""
    assert shared_gateway.process.poll() is None
    return shared_gateway


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways with environment and options; ends them."""
    running: list[Gateway] = []

    def start(env: dict[str, str], *options: str) -> Gateway:
        running.append(Gateway(tmp_path, env, *options))
        return running[-1]

    yield start
    for gateway in running:
        gateway.end()
