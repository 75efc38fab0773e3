"""What is served already: the options that describe it, and the manifest that they stand for.

`--url` and `--socket` need no manifest file. What a manifest would say comes from the
options here, and from the first probe (`running/first_probe`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from conformance.core.capability import Vocabulary
from conformance.core.socket_type import SocketType
from conformance.daemon.manifest import DEFAULT, START_TIMEOUT, Client, Manifest, Run, Variant
from conformance.daemon.served import Served
from conformance.profiles.base import Profile
from conformance.profiles.registry import profile_named, profiles
from conformance.running.lookup import SelectionError, known

BASE = "/v1"
"""The path of an OpenAI-compatible API, where a URL does not have one."""

COMPLETIONS = "/chat/completions"

ANY_KEY = "sk-conformance"
"""What the clients of a gateway send, where the user gives no key."""

EXAMPLE_PORT = 28080
"""The port of the mock API that errors and documentation suggest."""


def served(
    *,
    socket: str | None = None,
    url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    ca_file: str | None = None,
    mock_port: int | None = None,
    declared: Iterable[str] = (),
) -> Served | None:
    """The daemon that is served at this socket or URL; None without either.

    Raises SelectionError for options that contradict each other.
    """
    if socket and url:
        raise SelectionError("give a --socket or a --url, not both")
    if not socket and not url:
        given = {"--model": model, "--ca-file": ca_file, "--declare": tuple(declared)}
        for option, value in given.items():
            if value:
                raise SelectionError(
                    f"{option} is for a daemon that is served already: add --url or --socket; "
                    "a manifest has a place of its own for it"
                )
        return None
    if ca_file and not (url or "").startswith("https://"):
        fix = "set SSL_CERT_FILE instead" if (url or "").startswith("wss://") else "leave it out"
        raise SelectionError(f"--ca-file is for an https:// URL; {fix}")
    if ca_file and not Path(ca_file).is_file():
        raise SelectionError(f"--ca-file {ca_file} is not a file; give a CA in PEM format")
    return Served(
        socket=Path(socket) if socket else None,
        url=url or "",
        api_key=api_key or "",
        model=model or "",
        ca_file=Path(ca_file) if ca_file else None,
        mock_port=mock_port,
        declared=tuple(declared),
    )


def attached(daemon: Served, name: str | None) -> Manifest:
    """The manifest of a served daemon. name: of its profile, which may follow from the URL.

    Raises SelectionError for a URL or a profile that does not fit, and for what is missing.
    """
    profile = _profile(daemon, name)
    uses_api = profile.relays or any("mock" in each.needs for each in profile.scenarios)
    if daemon.mock_port is not None and not uses_api:
        raise SelectionError(f"--mock-port: a {profile.name} daemon does not use an API")
    if profile.relays:
        _check_wiring(daemon)
    over_http = profile.relays and profile.reach.over_tcp
    if daemon.model and not over_http:
        raise SelectionError(f"--model is for a gateway; a {profile.name} daemon has its own")
    label = daemon.url.partition("://")[2] if daemon.socket is None else daemon.socket.stem
    spoken = SocketType.SEQPACKET if daemon.socket is None else SocketType.served_on(daemon.socket)
    capabilities = _declared(daemon.declared, profile.vocabulary)
    if over_http:
        capabilities = {"pattern": ("prompt",), **capabilities}
        daemon = replace(daemon, api_key=daemon.api_key or ANY_KEY)
    return Manifest(
        path=(daemon.socket or Path()).absolute(),
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-._") or "daemon",
        profile=profile.name,
        reach=profile.reach,
        build=None,
        run=Run(command=(), env={}, socket_type=spoken, timeout=START_TIMEOUT),
        requires=(),
        options={},
        variants=(Variant(DEFAULT),),
        capabilities=capabilities,
        known_failures={},
        served=daemon,
        client=_client(daemon) if over_http else Client(),
    )


def instruction(daemon: Served) -> str:
    """What must hold for a served daemon, as the report says at its start; empty for nothing."""
    if daemon.mock_port is None:
        return ""
    kind = "gateway" if daemon.url.startswith("http") else "daemon"
    return f"the {kind} must use {api_base(daemon.mock_port)} as its API"


def api_base(port: int) -> str:
    """The mock API's address, as a daemon is configured with it."""
    return f"http://127.0.0.1:{port}{BASE}"


def _profile(daemon: Served, name: str | None) -> Profile:
    """The profile of what is served; without a name, the one that fits."""
    installed = profiles()
    if name is not None:
        known(name, installed, "profile")
    over_tcp = daemon.socket is None
    fitting = [each for each in installed if installed[each].reach.over_tcp is over_tcp]
    if not over_tcp:
        if name is not None and name not in fitting:
            raise SelectionError(f"a {name} daemon is reached over TCP: give --url, not --socket")
        return profile_named(name or fitting[0])
    scheme = _split(daemon.url).scheme
    if name is not None:
        known(name, fitting, "profile that is reached over TCP")
        known(scheme, installed[name].reach.schemes, "URL scheme")
        return profile_named(name)
    known(scheme, [each for one in fitting for each in installed[one].reach.schemes], "URL scheme")
    fitting = [each for each in fitting if scheme in installed[each].reach.schemes]
    # An LLM's HTTP API is the common case, and the only one that relays.
    likely = [each for each in fitting if installed[each].relays] or fitting
    if len(likely) > 1:
        raise SelectionError(f"say with --profile what is served at the URL: {', '.join(likely)}")
    return profile_named(likely[0])


def _split(url: str) -> SplitResult:
    """The parts of a URL. Raises SelectionError for text that is not one."""
    if not re.match(r"[a-z][a-z0-9+.-]*://", url):
        raise SelectionError(
            f"--url: expected a URL with its scheme, found {url!r}; write http://{url.lstrip('/')}"
        )
    parts = urlsplit(url)
    try:
        wrong = None if parts.hostname else "a host"
        wrong = "a port from 1 to 65535" if parts.port == 0 else wrong
    except ValueError:
        wrong = "a port from 1 to 65535"
    if parts.username is not None:
        wrong = "no user and no password; --api-key gives the key"
    if wrong:
        raise SelectionError(
            f"--url: expected {wrong}, found {url!r}; write it as http://127.0.0.1:4000/v1"
        )
    return parts


def _check_wiring(daemon: Served) -> None:
    """Raise SelectionError where the option is missing by which the daemon reaches the API."""
    missing = {"--mock-port": daemon.mock_port is None}
    if daemon.socket is not None:
        missing["--api-key"] = not daemon.api_key
    lacking = [option for option, lacks in missing.items() if lacks]
    fixes = {
        "--mock-port": f"--mock-port {EXAMPLE_PORT} (or MOCK_API_PORT) is the port of the mock "
        f"API: the daemon must use {api_base(EXAMPLE_PORT)} as its API",
        "--api-key": "--api-key (or OPENAI_API_KEY) is the key that the daemon sends to its API",
    }
    if lacking:
        verb = "are" if len(lacking) > 1 else "is"
        raise SelectionError(
            f"{' and '.join(lacking)} {verb} missing. "
            + ". ".join(fixes[option] for option in lacking)
        )


def _declared(texts: Iterable[str], vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """The capabilities of `--declare NAME` and `--declare NAME=VALUE[,VALUE]`."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        found[name] = tuple(values.split(",")) if equals else ()
        if mistake := vocabulary.mistake(name, found[name]):
            raise SelectionError(f"--declare {text}: {mistake[0]}; {mistake[1]}")
    return found


def _client(daemon: Served) -> Client:
    """What the clients of a gateway send."""
    parts = urlsplit(daemon.url)
    path = parts.path.rstrip("/") or BASE
    return Client(
        scheme=parts.scheme,
        path=path if path.endswith(COMPLETIONS) else path + COMPLETIONS,
        model=daemon.model or Client().model,
    )
