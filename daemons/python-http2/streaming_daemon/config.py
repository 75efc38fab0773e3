"""How the daemon was started: options from the command line, the API from the environment."""

from __future__ import annotations

import argparse
import math
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from streaming_daemon.answer import Format

DEFAULT_BASE = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-4o-mini"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time bounds in seconds. None of them limits a stream that flows."""

    handoff: float
    """From a peer's connect to its message."""
    connect: float
    """From the first packet to the API until requests can be sent: TCP, TLS, SETTINGS."""
    first_byte: float
    """From sending the request to the head of the API's response."""
    idle: float
    """Between two reads of the API's stream."""
    write: float
    """A client accepts nothing while there is something to send."""
    shutdown: float
    """For running streams, after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API is and how to speak to it."""

    host: str
    port: int
    path: str
    """Of the completions resource: `/v1/chat/completions`."""
    authority: str
    key: str
    socket: str | None
    """A Unix socket to connect to instead of host and port."""
    tls: ssl.SSLContext | None
    """Offers h2 by ALPN if HTTP/2 is enabled."""
    http2: bool
    """HTTP/2 may come out of the TLS handshake."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the daemon needs to know to start."""

    socket: Path
    socket_mode: int
    max_connections: int
    format: Format
    timeouts: Timeouts
    api: Api


def parse_args(argv: Sequence[str], environ: Mapping[str, str]) -> Config:
    """The configuration; exits with status 2 and a sentence when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="streaming-daemon",
        description="Relay an LLM API's streams to client sockets handed over by a web server.",
    )
    parser.add_argument("--socket", type=Path, required=True, metavar="PATH")
    parser.add_argument("--socket-mode", type=_mode, default=0o660, metavar="0660")
    parser.add_argument("--max-connections", type=_count, default=10_000, metavar="N")
    parser.add_argument("--format", type=Format, choices=list(Format), default=Format.SIMPLE)
    for name, default in (
        ("handoff", 5.0),
        ("connect", 10.0),
        ("first-byte", 120.0),  # reasoning models think before their head leaves
        ("idle", 120.0),
        ("write", 60.0),
        ("shutdown", 30.0),
    ):
        parser.add_argument(f"--{name}-timeout", type=_seconds, default=default, metavar="SECONDS")
    args = parser.parse_args(argv)
    try:
        api = _api(environ)
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


def _api(environ: Mapping[str, str]) -> Api:
    base = environ.get("OPENAI_API_BASE") or DEFAULT_BASE
    url = urlsplit(base)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise ValueError(f"OPENAI_API_BASE: expected http(s)://host[:port]/path, found {base!r}")
    key = environ.get("OPENAI_API_KEY", "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise ValueError("OPENAI_API_KEY: expected visible ASCII characters only")
    socket = environ.get("OPENAI_API_SOCKET") or None
    http2 = _flag(environ, "OPENAI_HTTP2_ENABLED", default=True)
    tls = None
    if url.scheme == "https" and socket is None:
        tls = _tls(
            environ.get("OPENAI_CA_FILE") or None,
            insecure=_flag(environ, "OPENAI_INSECURE_SSL", default=False),
            http2=http2,
        )
    return Api(
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        path=f"{url.path.rstrip('/')}/chat/completions",
        authority=url.netloc.rpartition("@")[2],
        key=key,
        socket=socket,
        tls=tls,
        http2=http2 and tls is not None,
    )


def _tls(ca_file: str | None, *, insecure: bool, http2: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ValueError(f"OPENAI_CA_FILE: {ca_file}: {error}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    return context


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = environ.get(name, "").strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if not value:
        return default
    raise ValueError(f"{name}: expected true or false, found {value!r}")


def _seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found {text!r}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a count of at least 1, found {text!r}")
    return value


def _mode(text: str) -> int:
    value = int(text, 8)
    if value & ~0o777:
        raise argparse.ArgumentTypeError(f"expected an octal mode like 0660, found {text!r}")
    return value
