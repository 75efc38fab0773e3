"""The command line of the app.

    python app.py --host http://localhost:5001 --spaces MySpace --verbose

The app opens no port. It connects to the website and tries five times to connect again.
Environment: OPENAI_API_BASE, OPENAI_API_KEY, OPENAI_MODEL.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spaces_app.log import Log
from spaces_app.session import serve

if TYPE_CHECKING:
    from spaces_app.model import Model


async def run(options: argparse.Namespace) -> int:
    """Serve all spaces, each on a connection of its own, until a signal or a refusal."""
    # The import takes a second. Meanwhile the app connects, so that requests can wait for it.
    model = asyncio.create_task(asyncio.to_thread(_load_model, options.model))
    log = Log(options.verbose)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    apps: asyncio.Future[Any] = asyncio.gather(
        *(serve(options.host, space, model, log) for space in options.spaces)
    )
    stop: asyncio.Future[Any] = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({apps, stop}, return_when=asyncio.FIRST_COMPLETED)
    if apps.done():
        stop.cancel()
        return int(max(apps.result()))
    apps.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await apps
    return 0


def _load_model(name: str) -> Model:
    from spaces_app.model import Model  # noqa: PLC0415

    return Model(
        base=os.environ.get("OPENAI_API_BASE"),
        key=os.environ.get("OPENAI_API_KEY", "none"),
        name=name,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app and return the exit status."""
    parser = argparse.ArgumentParser(description="Serve spaces of the website with a model.")
    parser.add_argument("--host", default="http://localhost:5001", metavar="URL")
    parser.add_argument("--spaces", nargs="+", required=True, metavar="NAME")
    parser.add_argument("--model", default=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    rule = "=" * 70
    print(f"{rule}\n  Remote inference app\n{rule}")
    print(f"  Host: {options.host}\n  Space: {', '.join(options.spaces)}")
    print(f"  Verbose: {options.verbose}\n{rule}\n", flush=True)
    return asyncio.run(run(options))
