"""An instance: started, known to serve, looked at, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from conformance.daemon.child import describe
from conformance.daemon.failures import (
    DiedBeforeReadyError,
    NeverReadyError,
    SpawnError,
    WrongTypeError,
)
from conformance.daemon.guardian import MARK
from conformance.daemon.instance import Instance
from conformance.daemon.manifest import Manifest
from conformance.daemon.proc import descriptor_count, held, starved
from conformance.daemon.process import DaemonProcess
from conformance.mock.addresses import Addresses
from conformance.mock.client import MockClient

Miniature = Callable[..., Manifest]


def with_instance(
    manifest: Manifest,
    mock: Addresses,
    act: Callable[[DaemonProcess], Awaitable[None]],
    *,
    variant: str = "default",
    **how: Any,
) -> DaemonProcess:
    """Start an instance, do something with it, stop it; the stopped instance."""

    async def run() -> DaemonProcess:
        async with (
            MockClient.attach(mock) as upstream,
            DaemonProcess.start(manifest, manifest.variant(variant), upstream, **how) as daemon,
        ):
            await act(daemon)
        return daemon

    return asyncio.run(run())


async def nothing(_: DaemonProcess) -> None:
    """For a test that is about the start."""


def told(daemon: DaemonProcess) -> dict[str, Any]:
    """What the miniature said about itself."""
    said: dict[str, Any] = json.loads(daemon.log().splitlines()[0])
    return said


def test_it_serves_in_a_private_folder_and_leaves_nothing(
    miniature: Miniature, addresses: Addresses
) -> None:
    async def act(daemon: DaemonProcess) -> None:
        seen: Instance = daemon
        assert seen.alive()
        assert seen.describe_exit() is None
        assert stat.S_ISSOCK(daemon.socket.stat().st_mode)
        assert len(os.fsencode(daemon.socket)) < 64
        assert stat.S_IMODE(daemon.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(daemon.folder.parent.stat().st_mode) == 0o700
        assert told(daemon)["session"] == daemon.pid

    daemon = with_instance(miniature("serves"), addresses, act)
    assert not daemon.alive()
    assert daemon.describe_exit() == "was killed by SIGTERM (Terminated)"
    assert not daemon.folder.exists()
    assert told(daemon)["session"] == daemon.pid, "the log is kept"


def test_command_environment_and_current_folder(
    miniature: Miniature, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("SETTING_OF_THE_USER", "1")
    manifest = miniature(
        "serves",
        'env = { BASE = "{api_base}", KEY = "{api_key}", CA = "{ca_file}", WHERE = "{build}" }',
        sections='[variants.h1]\nargs = ["--plain"]\nenv = { BASE = "{api_base_plain}" }',
    )
    daemon = with_instance(
        manifest,
        addresses,
        nothing,
        variant="h1",
        options={"x_limit": "3"},
        env={"EXTRA": "yes"},
    )
    said = told(daemon)
    env = said["env"]
    assert said["arguments"] == ["--plain", "--limit", "3"]
    assert said["cwd"] == str(manifest.dir)
    assert (env["BASE"], env["CA"]) == (addresses.http, addresses.ca_file)
    assert (env["KEY"], env["EXTRA"]) == (daemon.key, "yes")
    assert env["WHERE"] == str(manifest.dir / ".build")
    assert env["PATH"] == os.environ["PATH"]
    assert MARK in env
    assert "HTTPS_PROXY" not in env
    assert "SETTING_OF_THE_USER" not in env


def test_its_api_may_be_elsewhere(miniature: Miniature, addresses: Addresses) -> None:
    elsewhere = Addresses.from_json({**addresses.to_json(), "http": "http://127.0.0.1:9/v1"})
    manifest = miniature("serves", 'env = { BASE = "{api_base_plain}" }')
    daemon = with_instance(manifest, addresses, nothing, addresses=elsewhere)
    assert told(daemon)["env"]["BASE"] == "http://127.0.0.1:9/v1"


def test_the_limit_on_descriptors_holds_from_the_start(
    miniature: Miniature, addresses: Addresses
) -> None:
    daemon = with_instance(miniature("serves"), addresses, nothing, nofile=37)
    assert told(daemon)["nofile"] == [37, 37]


def test_one_that_dies_is_an_error_at_once(miniature: Miniature, addresses: Addresses) -> None:
    with pytest.raises(DiedBeforeReadyError) as caught:
        with_instance(miniature("dies", "timeout = 300"), addresses, nothing)
    assert caught.value.returncode == 3
    assert caught.value.log == "cannot go on"
    assert "mini/default exited with status 3 before its socket accepted" in str(caught.value)
    assert str(caught.value).endswith("    | cannot go on")


def test_one_that_goes_to_the_background(miniature: Miniature, addresses: Addresses) -> None:
    with pytest.raises(DiedBeforeReadyError, match="must stay in the foreground"):
        with_instance(miniature("finishes"), addresses, nothing)


def test_one_that_crashes(miniature: Miniature, addresses: Addresses) -> None:
    with pytest.raises(DiedBeforeReadyError, match=r"was killed by SIGSEGV \(Segmentation fault\)"):
        with_instance(miniature("crashes"), addresses, nothing)


def test_one_that_never_listens(miniature: Miniature, addresses: Addresses) -> None:
    with pytest.raises(NeverReadyError, match=r"within 0\.7 s \S+ did not accept") as caught:
        with_instance(miniature("hides", "timeout = 0.7"), addresses, nothing)
    assert "(last error: No such file or directory)" in caught.value.message
    assert caught.value.log == "listening elsewhere"


def test_waiting_for_a_processor_is_no_lateness(
    miniature: Miniature, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = miniature("serves", "timeout = 0.000001")
    waited = {"seconds": 0.0}
    monkeypatch.setattr("conformance.daemon.readiness.starved", lambda pid: waited["seconds"])
    with pytest.raises(NeverReadyError):
        with_instance(manifest, addresses, nothing)
    waited["seconds"] = 300.0
    with_instance(manifest, addresses, nothing)


@pytest.mark.parametrize(
    ("habit", "said", "found"),
    [("stream", "seqpacket", "stream"), ("serves", "stream", "seqpacket")],
)
def test_one_with_the_wrong_type_of_socket(
    miniature: Miniature, addresses: Addresses, habit: str, said: str, found: str
) -> None:
    manifest = miniature(habit, f'socket_type = "{said}"', "timeout = 300")
    with pytest.raises(WrongTypeError, match=f'write socket_type = "{found}" into'):
        with_instance(manifest, addresses, nothing)


def test_the_right_type_of_socket(miniature: Miniature, addresses: Addresses) -> None:
    with_instance(miniature("stream", 'socket_type = "stream"'), addresses, nothing)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("no-such-program", "no-such-program is not on PATH; install it"),
        ("./no-such-file", "./no-such-file is no executable file"),
    ],
)
def test_one_that_is_not_there(
    miniature: Miniature, addresses: Addresses, program: str, says: str
) -> None:
    with pytest.raises(SpawnError, match=says):
        with_instance(miniature("serves", program=program), addresses, nothing)


def test_a_crash_in_the_middle_is_seen(miniature: Miniature, addresses: Addresses) -> None:
    async def act(daemon: DaemonProcess) -> None:
        assert await asyncio.wait_for(daemon.ended(), 10) == -signal.SIGABRT
        assert not daemon.alive()
        assert daemon.describe_exit() == "was killed by SIGABRT (Aborted)"
        assert daemon.log_tail(1) == "seen enough"
        with pytest.raises(ProcessLookupError, match="mini/default was killed by SIGABRT"):
            daemon.probe()
        ending = await daemon.stop()
        assert (ending.returncode, ending.obeyed, ending.seconds) == (-signal.SIGABRT, True, 0.0)

    with_instance(miniature("fails later"), addresses, act)


def test_an_end_is_known_before_the_loop_has_noticed(
    miniature: Miniature, addresses: Addresses
) -> None:
    async def act(daemon: DaemonProcess) -> None:
        held = os.pidfd_open(daemon.pid)
        daemon.send_signal(signal.SIGKILL)
        assert select.select([held], [], [], 10)[0]  # blocks the loop, as a busy one would be
        os.close(held)
        assert not daemon.alive()
        assert await asyncio.wait_for(daemon.ended(), 10) == -signal.SIGKILL

    with_instance(miniature("serves"), addresses, act)


def test_one_that_does_not_obey_is_killed(miniature: Miniature, addresses: Addresses) -> None:
    async def act(daemon: DaemonProcess) -> None:
        ending = await daemon.stop(0.1)
        assert not ending.obeyed
        assert ending.returncode == -signal.SIGKILL
        assert ending.seconds >= 0.1

    with_instance(miniature("deaf"), addresses, act)


def test_its_group_dies_with_it(miniature: Miniature, addresses: Addresses) -> None:
    """The child that stayed in its group; the stray in a session of its own is the guardian's."""

    async def act(daemon: DaemonProcess) -> None:
        stray, member = told(daemon)["children"]
        held = os.pidfd_open(member)
        try:
            assert {stray, member} <= set(daemon.probe().pids)
            await daemon.stop()
            loop = asyncio.get_running_loop()
            gone = loop.create_future()
            loop.add_reader(held, gone.set_result, None)
            await asyncio.wait_for(gone, 10)
            loop.remove_reader(held)
        finally:
            os.close(held)
            os.kill(stray, signal.SIGKILL)

    with_instance(miniature("family"), addresses, act)


def test_cancelled_it_is_stopped_all_the_same(miniature: Miniature, addresses: Addresses) -> None:
    async def run() -> DaemonProcess:
        started: asyncio.Future[DaemonProcess] = asyncio.get_running_loop().create_future()

        async def act(daemon: DaemonProcess) -> None:
            started.set_result(daemon)
            await asyncio.Event().wait()

        async def hold() -> None:
            manifest = miniature("serves")
            async with (
                MockClient.attach(addresses) as upstream,
                DaemonProcess.start(manifest, manifest.variants[0], upstream) as daemon,
            ):
                await act(daemon)

        task = asyncio.create_task(hold())
        daemon = await asyncio.wait_for(started, 10)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return daemon

    daemon = asyncio.run(run())
    assert not daemon.alive()
    assert not daemon.folder.exists()


def test_two_on_one_socket(miniature: Miniature, addresses: Addresses) -> None:
    """What a scenario about stale and live sockets needs: launch() does not knock."""
    manifest = miniature("serves")

    async def run() -> None:
        async with (
            MockClient.attach(addresses) as upstream,
            DaemonProcess.start(manifest, manifest.variants[0], upstream) as first,
            DaemonProcess.launch(
                manifest, manifest.variants[0], upstream, socket=first.socket
            ) as second,
        ):
            assert await asyncio.wait_for(second.ended(), 10) == 1
            assert "Address already in use" in second.log()
            assert second.socket == first.socket
            assert first.alive()
        assert first.folder != second.folder

    asyncio.run(run())


def test_what_the_kernel_tells(miniature: Miniature, addresses: Addresses) -> None:
    async def act(daemon: DaemonProcess) -> None:
        probe = daemon.probe()
        assert probe.pids == (daemon.pid,)
        assert probe.threads == 1
        assert descriptor_count(daemon.pid) == len(probe.descriptors)
        assert 1 << 20 < probe.rss < 1 << 28
        assert probe.cpu < 10
        first = {each.number: each for each in probe.descriptors}
        assert first[0].target == "/dev/null"
        assert first[1].target == first[2].target == str(daemon.folder / "log")
        assert not first[1].close_on_exec
        (listener,) = [each for each in probe.descriptors if each.is_socket]
        assert listener.close_on_exec

    with_instance(miniature("serves"), addresses, act)


def test_processor_time_grows(miniature: Miniature, addresses: Addresses) -> None:
    async def act(daemon: DaemonProcess) -> None:
        before = daemon.probe().cpu
        end = time.monotonic() + 10
        while daemon.probe().cpu < before + 0.05:
            assert time.monotonic() < end

    with_instance(miniature("busy"), addresses, act)


def test_descriptions() -> None:
    assert describe(0) == "exited with status 0"
    assert describe(-9) == "was killed by SIGKILL (Killed)"
    assert describe(-60) == "was killed by signal 60 (Real-time signal 26)"


def test_descriptors_of_children_are_held_too() -> None:
    here, there = socket.socketpair()
    with there:
        with here:
            wanted = frozenset([os.readlink(f"/proc/self/fd/{here.fileno()}"), "socket:[0]"])
            held_by_me = held(os.getpid(), wanted)
            child = subprocess.Popen(["cat"], stdin=here)
        held_by_child = held(os.getpid(), wanted)
    child.wait(timeout=30)
    assert held_by_me == held_by_child == wanted - {"socket:[0]"}
    assert held(os.getpid(), wanted) == frozenset()


def test_waiting_for_a_processor_is_seen() -> None:
    """Of two that want the same one, each waits half of the time."""
    spin = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"
    pair = [subprocess.Popen([sys.executable, "-c", spin]) for _ in "ab"]
    try:
        deadline = time.monotonic() + 30
        while starved(pair[0].pid) < 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        for each in pair:
            each.kill()
            each.wait()
    assert starved(pair[0].pid) == 0.0
