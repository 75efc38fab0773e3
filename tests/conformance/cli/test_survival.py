"""Whatever a shell, a disk, a CI or a machine does: one sentence with what to do, or it works."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PROGRAM = f"{sys.executable} -m conformance"
SOUND = "tests/faulty/handoff"
ONE = f"{PROGRAM} run {SOUND} --variant default --scenario basic_response"
MANY = f"{PROGRAM} run {SOUND} --variant default --category basic --category chunks"


def shell(
    command: str, *, limit: tuple[int, int] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run it with bash from the repository's root; `limit`: of descriptors, soft and hard."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)

    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=120,
        preexec_fn=limited,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def says(done: subprocess.CompletedProcess[str], sentence: str, *, status: int = 2) -> None:
    assert done.returncode == status, done.stdout + done.stderr
    assert re.search(sentence, " ".join(done.stderr.split())), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "INTERNALERROR" not in done.stderr


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (f"{ONE} >/dev/full", r"expected room for the report on stdout, found none \(No space"),
        (f"{ONE} --report json=/dev/full", "found none .* write it to a file that has room"),
        (f"{ONE} --report tap=/dev/full", "expected room for the report on /dev/full"),
        (f"{ONE} -o /no/such/x", r"expected a file that can be written, found /no/such/x"),
        (f"{ONE} --deadline -1", "more than 0 seconds, found -1; .* --deadline 30, or leave it"),
        (f"{ONE} --deadline 0", "more than 0 seconds, found 0"),
        (f"{ONE} --deadline nan", "more than 0 seconds, found nan"),
        (f"{ONE} --deadline inf", "more than 0 seconds, found inf"),
        (f"{ONE} --silence nan", "0 seconds or more, found nan"),
        (f"MOCK_API_PORT=a {ONE}", "MOCK_API_PORT: expected a port from 1 to 65535, found 'a'"),
        (f"MOCK_API_PORT=65536 {ONE}", "a port from 1 to 65535, found '65536'"),
        (f"{PROGRAM} mock --port 99999999", "expected a port from 0 to 65535, found '99999999'"),
        (f"{PROGRAM} mock --ca-file x", "--ca-file is of use with TLS only: give --tls as well"),
    ],
)
def test_what_cannot_work_is_one_sentence(command: str, sentence: str) -> None:
    says(shell(command), sentence)


def test_a_port_that_is_taken(taken: int) -> None:
    says(
        shell(ONE, MOCK_API_PORT=str(taken)),
        rf"port {taken} of 127\.0\.0\.1 is in use.* choose another",
    )
    says(
        shell(f"{PROGRAM} mock --port {taken}"),
        rf"found 127\.0\.0\.1 port {taken} \(Address already in use\); choose another port",
        status=1,
    )


def test_a_ca_file_that_cannot_be_written() -> None:
    done = shell(f"{PROGRAM} mock --tls --ca-file /no/such/ca.pem")
    says(done, r"found /no/such/ca.pem \(No such file.* another one with --ca-file", status=1)


def test_a_reader_that_goes_ends_the_run() -> None:
    done = shell(f"{MANY} | head -1")
    says(done, "stdout has no reader any more, so the run ended early", status=1)
    assert done.stdout.endswith("scenarios on faulty\n"), done.stdout


def test_a_reader_that_goes_does_not_cost_a_report_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.tap"
    done = shell(f"{MANY} --report human --report tap={file} | head -1")
    assert done.returncode == 2, done.stderr
    lines = file.read_text().splitlines()
    plan = next(line for line in lines if line.startswith("1.."))
    assert sum(line.startswith("ok ") for line in lines) == int(plan[3:])


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(closed: str, tmp_path: Path) -> None:
    file = tmp_path / "report"
    done = shell(f"{ONE} --report human={file} {closed}")
    assert done.returncode == 0, done.stderr
    assert "green: 1 pass" in file.read_text()


def test_a_locale_that_is_not_utf_8() -> None:
    ascii_only = {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    }
    done = shell(ONE, **ascii_only)
    assert done.returncode == 0, done.stderr
    assert "  + faulty  1 pass" in done.stdout
    assert done.stdout.isascii()
    assert shell(f"{PROGRAM} list", **ascii_only).returncode == 0


def test_a_soft_limit_of_descriptors_that_is_low() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    done = shell(MANY, limit=(64, hard))
    assert done.returncode == 0, done.stdout
    assert "green: " in done.stdout


def test_more_jobs_than_daemons() -> None:
    assert shell(f"{ONE} --jobs 100000").returncode == 0


def test_a_folder_for_temporary_files_without_room(tmp_path: Path) -> None:
    done = shell(ONE, TMPDIR=str(tmp_path / "missing"))
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root: mounts")
@pytest.mark.parametrize("room", ["64k", "4k"])
def test_a_tiny_folder_for_temporary_files(room: str, tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size={room} none {tmp_path} && cat /dev/zero >{tmp_path}/x"
    done = shell(f"unshare -m bash -c '({mount}); TMPDIR={tmp_path} {ONE}'")
    if "unshare" in done.stderr:
        pytest.skip(f"no mount is allowed here: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root: mounts")
def test_a_machine_without_proc() -> None:
    done = shell(f"unshare -m bash -c 'umount -l /proc && {ONE}'")
    if "unshare" in done.stderr or "umount" in done.stderr:
        pytest.skip(f"no mount is allowed here: {done.stderr}")
    says(done, "expected /proc, where .* found none; mount it: mount -t proc proc /proc")


def test_sigterm_ends_a_run_with_its_report() -> None:
    """A CI's time limit. What was judged is reported, and the stream does not look whole."""
    process = subprocess.Popen(
        [*PROGRAM.split(), "run", SOUND, "--variant", "default", "--report", "tap"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("ok "):
            process.send_signal(signal.SIGTERM)
            break
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    last = (*lines, *rest.splitlines())[-1]
    planned = next(line for line in lines if line.startswith("1.."))[3:].strip()
    assert re.fullmatch(rf"Bail out! \d+ of {planned} scenarios were not judged\n?", last)
    assert "Traceback" not in errors
