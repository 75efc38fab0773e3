"""The settings: options from the command line, secrets from the environment."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from spaces_website.variant import GUIDE, VARIANTS, Variant

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Admin:
    """The account of the first admin."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one website."""

    data: Path
    """The folder of the database, the files and the key that signs sessions."""
    host: str = "127.0.0.1"
    port: int = 5001
    """0: any free port."""
    variant: Variant = GUIDE
    admin: Admin | None = None
    secret: str | None = field(default=None, repr=False)
    """The key that signs sessions. None: the data folder stores a random key."""
    quotas: Mapping[str, int] = field(default_factory=lambda: {"standard": 5, "pro": 50})
    """Requests for each day, by the user's plan."""
    cooldown: int = 0
    """Seconds between a user's requests to a space without a cooldown of its own."""
    request_timeout: timedelta = timedelta(minutes=2)
    """Time from a request's arrival until it fails without a result."""
    max_upload: int = 32 * MEBIBYTE
    """Limit of a request body in bytes."""
    ping_interval: float = 10.0
    """Seconds between two pings to an app."""
    ping_timeout: float = 10.0
    """Seconds until an app that does not answer a ping is lost."""
    trusted_origins: tuple[str, ...] = ()
    """Other origins whose pages may post, such as the public one behind a proxy."""
    secure_cookies: bool = False
    """Whether browsers send sessions over HTTPS only."""


def parse_args(argv: Sequence[str], environ: Mapping[str, str]) -> Config:
    """Parse the options. Exits with status 2 and a message if one is wrong."""
    parser = argparse.ArgumentParser(
        prog="spaces-website",
        description="A website whose spaces are served by remote inference apps.",
        epilog="Environment: SPACES_ADMIN_PASSWORD, the password of --admin; SPACES_SECRET_KEY, "
        "the key that signs sessions (default: a random key in the data folder).",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=5001, help="0: any free port")
    parser.add_argument("--data", type=Path, default=Path("spaces-data"), metavar="DIR")
    parser.add_argument("--variant", choices=sorted(VARIANTS), default=GUIDE.name)
    parser.add_argument("--admin", metavar="NAME", help="create or keep this admin account")
    parser.add_argument("--quota-standard", type=_count, default=5, metavar="N")
    parser.add_argument("--quota-pro", type=_count, default=50, metavar="N")
    parser.add_argument("--cooldown", type=_count, default=0, metavar="SECONDS")
    parser.add_argument("--request-timeout", type=_seconds, default=120.0, metavar="SECONDS")
    parser.add_argument("--max-upload", type=_count, default=32, metavar="MIB")
    parser.add_argument("--ping-interval", type=_seconds, default=10.0, metavar="SECONDS")
    parser.add_argument("--ping-timeout", type=_seconds, default=10.0, metavar="SECONDS")
    parser.add_argument("--trusted-origin", type=_origin, action="append", default=[])
    parser.add_argument("--secure-cookies", action="store_true")
    given = parser.parse_args(argv)
    admin = None
    if given.admin is not None:
        password = environ.get("SPACES_ADMIN_PASSWORD", "")
        if not password:
            parser.error("--admin: expected its password in SPACES_ADMIN_PASSWORD, found nothing")
        admin = Admin(given.admin, password)
    return Config(
        data=given.data,
        host=given.host,
        port=given.port,
        variant=VARIANTS[given.variant],
        admin=admin,
        secret=environ.get("SPACES_SECRET_KEY") or None,
        quotas={"standard": given.quota_standard, "pro": given.quota_pro},
        cooldown=given.cooldown,
        request_timeout=timedelta(seconds=given.request_timeout),
        max_upload=given.max_upload * MEBIBYTE,
        ping_interval=given.ping_interval,
        ping_timeout=given.ping_timeout,
        trusted_origins=tuple(given.trusted_origin),
        secure_cookies=given.secure_cookies,
    )


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, found {text!r}")
    return seconds


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"}:
        raise argparse.ArgumentTypeError(f"expected https://HOST[:PORT], found {text!r}")
    return f"{parts.scheme}://{parts.netloc}".lower()
