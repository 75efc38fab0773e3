"""What must happen over HTTP before a daemon is judged: a readiness check, and the set-up."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING

from conformance.daemon.failures import NotPreparedError
from conformance.daemon.manifest import Setup, fill

if TYPE_CHECKING:
    import httpx

ANSWER = 10.0
"""Seconds that one request, or one command, of the set-up may take on a calm machine."""


async def is_ready(url: str, path: str) -> str | None:
    """None when a GET of this path is answered 200, else what was found."""
    import httpx  # noqa: PLC0415 - it takes 50 ms, and few manifests need it

    try:
        async with _client(url) as client:
            status = (await client.get(path)).status_code
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return None if status == 200 else f"GET {path} is answered {status}"


async def set_up(setup: Setup, places: Mapping[str, str], *, url: str, name: str) -> None:
    """Run the command, then send the requests. Raises NotPreparedError."""
    if setup.command:
        await run_command([fill(word, places) for word in setup.command], name=name)
    if not setup.requests:
        return
    import httpx  # noqa: PLC0415

    async with _client(url) as client:
        for request in setup.requests:
            what = f"{request.method} {request.path}"
            headers = {key: fill(value, places) for key, value in request.headers.items()}
            try:
                reply = await client.request(
                    request.method,
                    request.path,
                    headers=headers,
                    content=fill(request.body, places).encode(),
                )
            except httpx.HTTPError as error:
                raise NotPreparedError(
                    f"{name} cannot be set up: {what}: {error or type(error).__name__}; "
                    "correct the request in [setup]"
                ) from None
            if not reply.is_success:
                raise NotPreparedError(
                    f"{name} cannot be set up: expected 2xx for {what}, found "
                    f"{reply.status_code}: {reply.text[:200]!r}; correct the request in [setup]"
                )


async def run_command(command: list[str], *, name: str) -> None:
    """Run a command of the manifest to its end. Raises NotPreparedError with its output."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise NotPreparedError(
            f"{name}: {command[0]} cannot be executed: {error.strerror}; correct the manifest"
        ) from None
    try:
        output, _ = await asyncio.wait_for(process.communicate(), ANSWER)
    except TimeoutError:
        raise NotPreparedError(
            f"{name}: `{' '.join(command)}` did not end within {ANSWER:g} s; correct the manifest"
        ) from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        raise NotPreparedError(
            f"{name}: `{' '.join(command)}` exited with status {process.returncode}; "
            "correct the manifest",
            log=output.decode(errors="replace"),
        )


def _client(url: str) -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415

    # The certificate may be of the suite's own authority; this is not the place to judge it.
    return httpx.AsyncClient(base_url=url, verify=False, trust_env=False, timeout=ANSWER)  # noqa: S501
