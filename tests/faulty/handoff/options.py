"""The options: the command line, and the API's address from the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from faults import FAULTS

_TRUE = ("1", "true", "yes", "on")


class Api(NamedTuple):
    """Where the API is and how it is asked."""

    host: str
    port: int
    path: str
    """The base's path, without a slash at its end: `/v1`."""
    tls: bool
    key: str
    socket: str | None = None
    """A Unix socket to connect to, whatever the base's host says."""
    ca_file: str | None = None
    insecure: bool = False
    http2: bool = False
    """Speak HTTP/2, agreed on by ALPN; with a Unix socket or without TLS it is HTTP/1.1."""
    model: str = "gpt-4o-mini"
    """What is asked for when the handoff data names no model."""

    @classmethod
    def of_environment(cls, env: Mapping[str, str]) -> Api:
        """Read the OPENAI_* variables; ValueError says which one is wrong."""
        base = env.get("OPENAI_API_BASE", "https://api.openai.com/v1")
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"OPENAI_API_BASE is http(s)://HOST[:PORT]/PATH, not {base!r}")
        tls = parts.scheme == "https"
        return cls(
            host=parts.hostname,
            port=parts.port or (443 if tls else 80),
            path=parts.path.rstrip("/"),
            tls=tls,
            key=env.get("OPENAI_API_KEY", ""),
            socket=env.get("OPENAI_API_SOCKET") or None,
            ca_file=env.get("OPENAI_CA_FILE") or None,
            insecure=env.get("OPENAI_INSECURE_SSL", "").lower() in _TRUE,
            http2=tls and env.get("OPENAI_HTTP2_ENABLED", "").lower() in _TRUE,
        )


class Options(NamedTuple):
    """The command line. Times are in seconds."""

    socket: str
    api: Api
    socket_mode: int = 0o660
    stream: bool = False
    """Listen on SOCK_STREAM instead of SOCK_SEQPACKET."""
    max_connections: int = 1000
    simple: bool = True
    """Send `{"content":…}`, not the API's chunk objects."""
    handoff_timeout: float = 5.0
    connect_timeout: float = 10.0
    first_byte_timeout: float = 60.0
    idle_timeout: float = 60.0
    write_timeout: float = 60.0
    shutdown_timeout: float = 30.0
    faults: Sequence[str] = ()


def parse(argv: Sequence[str]) -> Options:
    """Read the command line and the environment; exits with status 2 where one is wrong."""
    parser = argparse.ArgumentParser(
        description="A handoff daemon that is right, and wrong where told to be.",
        # With a given width, argparse does not import what finds it out.
        formatter_class=partial(argparse.HelpFormatter, width=100),
    )
    parser.add_argument("--socket", metavar="PATH", required=True)
    parser.add_argument("--socket-mode", metavar="MODE", type=lambda mode: int(mode, 8))
    parser.add_argument("--stream", action="store_true", help="listen on SOCK_STREAM")
    parser.add_argument("--max-connections", metavar="N", type=int)
    parser.add_argument("--format", choices=("simple", "openai"), default="simple")
    for name in ("handoff", "connect", "first-byte", "idle", "write", "shutdown"):
        parser.add_argument(f"--{name}-timeout", metavar="S", type=float)
    parser.add_argument("--fault", metavar="NAME", action="append", dest="faults", type=_fault)
    given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value}
    try:
        api = Api.of_environment(os.environ)
    except ValueError as error:
        parser.error(str(error))
    return Options(api=api, simple=given.pop("format") == "simple", **given)


def _fault(name: str) -> str:
    if name not in FAULTS:
        from difflib import get_close_matches  # noqa: PLC0415, seldom needed, and slow to import

        near = get_close_matches(name, FAULTS, n=3, cutoff=0)
        raise argparse.ArgumentTypeError(f"no fault {name!r}; nearest: {', '.join(near)}")
    return name
