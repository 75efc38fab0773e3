"""A daemon that another process serves."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.core.socket_type import SocketType
from conformance.daemon.failures import NotServedError
from conformance.daemon.instance import Attached, Instance


@contextmanager
def served(path: Path, socket_type: SocketType, *, backlog: int = 8) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket_type.number) as listener:
        listener.bind(str(path))
        listener.listen(backlog)
        yield listener


@pytest.mark.parametrize("socket_type", list(SocketType))
def test_its_type_and_its_process_are_found_out(tmp_path: Path, socket_type: SocketType) -> None:
    path = tmp_path / "s"
    with served(path, socket_type):
        daemon: Instance = Attached(path)
        assert daemon.socket == path
        assert daemon.socket_type is socket_type
        assert daemon.pid == os.getpid()
        assert daemon.alive()
        assert daemon.describe_exit() is None
        assert daemon.log_tail() == ""
    assert not daemon.alive()
    assert daemon.describe_exit() == f"no longer accepts on {path} (Connection refused)"


def test_a_full_backlog_is_alive(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with served(path, SocketType.SEQPACKET, backlog=0):
        daemon = Attached(path)
        waiting = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        waiting.setblocking(False)
        assert [daemon.alive() for _ in range(4)] == [True] * 4
        waiting.close()


def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(NotServedError, match=r"No such file.*start the daemon first"):
        Attached(tmp_path / "s")
    with served(tmp_path / "s", SocketType.STREAM):
        pass
    with pytest.raises(NotServedError, match=r"Connection refused.*left over"):
        Attached(tmp_path / "s")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotServedError, match="cannot be connected to"):
        Attached(tmp_path / "file")
