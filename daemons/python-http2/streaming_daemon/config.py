"""The daemon's configuration: options of the command line, the API from the environment."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_api import address
from llm_api.address import Address
from llm_api.command_line import count, seconds
from llm_api.environment import api_of

from streaming_daemon.rendering import Format


@dataclass(frozen=True, slots=True)
class Timeouts(address.Timeouts):
    """All time bounds, in seconds."""

    handoff: float
    """From a peer's connect to its message."""
    write: float
    """A client accepts nothing while there are bytes for it."""
    shutdown: float
    """For running streams, after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    socket: Path
    socket_mode: int
    max_connections: int
    format: Format
    timeouts: Timeouts
    api: Address


def parse_args(argv: Sequence[str], environ: Mapping[str, str]) -> Config:
    """The configuration; exits with status 2 and a message if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="streaming-daemon",
        description="Relay an LLM API's streams to client sockets handed over by a web server.",
    )
    parser.add_argument("--socket", type=Path, required=True, metavar="PATH")
    parser.add_argument("--socket-mode", type=_mode, default=0o660, metavar="0660")
    parser.add_argument("--max-connections", type=count, default=10_000, metavar="N")
    parser.add_argument("--format", type=Format, choices=list(Format), default=Format.SIMPLE)
    for name, default in (
        ("handoff", 5.0),
        ("connect", 10.0),
        ("first-byte", 120.0),  # reasoning models think before their head leaves
        ("idle", 120.0),
        ("write", 60.0),
        ("shutdown", 30.0),
    ):
        parser.add_argument(f"--{name}-timeout", type=seconds, default=default, metavar="SECONDS")
    args = parser.parse_args(argv)
    try:
        api = api_of(environ)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return Config(
        socket=args.socket,
        socket_mode=args.socket_mode,
        max_connections=args.max_connections,
        format=args.format,
        timeouts=Timeouts(
            handoff=args.handoff_timeout,
            connect=args.connect_timeout,
            first_byte=args.first_byte_timeout,
            idle=args.idle_timeout,
            write=args.write_timeout,
            shutdown=args.shutdown_timeout,
        ),
        api=api,
    )


def _mode(text: str) -> int:
    value = int(text, 8)
    if value & ~0o777:
        raise argparse.ArgumentTypeError(f"expected an octal mode like 0660, found {text!r}")
    return value
