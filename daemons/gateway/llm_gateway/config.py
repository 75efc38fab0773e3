"""The gateway's configuration: options of the command line, APIs from a file or the environment."""

from __future__ import annotations

import argparse
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_api import address
from llm_api.command_line import count, seconds
from llm_api.environment import api_of

from llm_gateway.config_file import read_routes
from llm_gateway.routes import Route

DEFAULT_LISTEN = "127.0.0.1:4000"


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on."""

    host: str
    port: int
    """0 for any free port."""


@dataclass(frozen=True, slots=True)
class Timeouts(address.Timeouts):
    """All time bounds, in seconds."""

    request: float
    """For a client's request head, and between two reads of its body."""
    keep_alive: float
    """A client's connection without requests."""
    write: float
    """A client takes no byte while there are bytes for it."""
    shutdown: float
    """For running responses, after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    plain: Listen | None
    tls: Listen | None
    tls_context: ssl.SSLContext | None
    routes: tuple[Route, ...]
    passes_bytes: bool
    """Class `bytes` instead of `events`."""
    own_key: bool
    client_keys: frozenset[str]
    usage: bool
    max_connections: int
    max_body: int
    """Bytes of a request's body."""
    timeouts: Timeouts


def parse_args(argv: Sequence[str], environ: Mapping[str, str]) -> Config:
    """The configuration; exits with status 2 and a message if it is wrong."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.listen_tls is not None and (args.certificate is None or args.private_key is None):
        parser.error("--listen-tls: expected --certificate and --private-key as well")
    if args.relay == "bytes" and args.key == "own":
        # An error of the API, passed on as it is, may quote the key.
        parser.error("--relay bytes: expected --key pass as well")
    plain = args.listen
    if plain is None and args.listen_tls is None:
        plain = _listen(DEFAULT_LISTEN)
    try:
        routes = (
            (Route(api_of(environ), ("*",)),)
            if args.config is None
            else read_routes(args.config, environ)
        )
        context = None
        if args.listen_tls is not None:
            context = _tls(args.certificate, args.private_key)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    keys = environ.get("GATEWAY_CLIENT_KEYS", "").split(",")
    return Config(
        plain=plain,
        tls=args.listen_tls,
        tls_context=context,
        routes=routes,
        passes_bytes=args.relay == "bytes",
        own_key=args.key == "own",
        client_keys=frozenset(key.strip() for key in keys if key.strip()),
        usage=args.usage,
        max_connections=args.max_connections,
        max_body=args.max_body,
        timeouts=Timeouts(
            connect=args.connect_timeout,
            first_byte=args.first_byte_timeout,
            idle=args.idle_timeout,
            request=args.request_timeout,
            keep_alive=args.keep_alive_timeout,
            write=args.write_timeout,
            shutdown=args.shutdown_timeout,
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-gateway", description="Relay an LLM API's event streams to HTTP clients."
    )
    parser.add_argument("--listen", type=_listen, metavar="HOST:PORT")
    parser.add_argument("--listen-tls", type=_listen, metavar="HOST:PORT")
    parser.add_argument("--certificate", type=Path, metavar="FILE")
    parser.add_argument("--private-key", type=Path, metavar="FILE")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--relay", choices=["events", "bytes"], default="events")
    parser.add_argument("--key", choices=["own", "pass"], default="own")
    parser.add_argument("--usage", action="store_true")
    parser.add_argument("--max-connections", type=count, default=10_000, metavar="N")
    parser.add_argument("--max-body", type=count, default=16 * 1024 * 1024, metavar="BYTES")
    for name, default in (
        ("connect", 10.0),
        ("first-byte", 120.0),  # reasoning models think before their head leaves
        ("idle", 120.0),
        ("request", 30.0),
        ("keep-alive", 75.0),
        ("write", 60.0),
        ("shutdown", 30.0),
    ):
        parser.add_argument(f"--{name}-timeout", type=seconds, default=default, metavar="SECONDS")
    return parser


def _listen(text: str) -> Listen:
    match = re.fullmatch(r"\[?([0-9A-Za-z_.:-]+?)\]?:([0-9]{1,5})", text)
    if match is None or int(match[2]) > 65_535:
        raise argparse.ArgumentTypeError(f"expected HOST:PORT, found {text!r}")
    return Listen(match[1], int(match[2]))


def _tls(certificate: Path, private_key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, private_key)
    except OSError as error:
        raise ValueError(f"--certificate, --private-key: {error}") from None
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
