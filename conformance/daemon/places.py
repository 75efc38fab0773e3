"""Placeholders: the values that a manifest's `{name}` stand for, for one instance."""

from __future__ import annotations

import functools
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.daemon.guardian import guardian
from conformance.daemon.manifest import Manifest, Variant, fill

if TYPE_CHECKING:
    import trustme

CERTIFICATE, CERTIFICATE_KEY = "cert.pem", "cert-key.pem"


def address() -> dict[str, str]:
    """A loopback address that only this instance has, with three free ports.

    Every address in 127.0.0.0/8 is this machine. With an address of its own, an instance
    cannot lose its port to another process between here and its bind().
    """
    host = ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])
    names = ("port", "port_tls", "port_admin")
    sockets = [socket.socket() for _ in names]
    try:
        for taken in sockets:
            taken.bind((host, 0))
        ports = (str(taken.getsockname()[1]) for taken in sockets)
        return {"host": host, **dict(zip(names, ports, strict=True))}
    finally:
        for taken in sockets:
            taken.close()


def paths(manifest: Manifest, folder: Path, *, sock: Path, state: Path) -> dict[str, str]:
    """The files and folders of an instance whose private folder this is."""
    return {
        "socket": str(sock),
        "state": str(state),
        "build": str(manifest.build_dir),
        "dir": str(manifest.dir),
        "python": sys.executable,
        "cert_file": str(folder / CERTIFICATE),
        "cert_key_file": str(folder / CERTIFICATE_KEY),
    }


def write_files(manifest: Manifest, variant: Variant, places: Mapping[str, str]) -> None:
    """Write the manifest's [files] into the state folder, and the certificate if it is used."""
    texts = {**manifest.files, **variant.files}
    for name, text in texts.items():
        Path(places["state"], name).write_text(fill(text, places), encoding="utf-8")
    given = (*texts.values(), *manifest.run.command, *variant.args)
    given += (*manifest.run.env.values(), *variant.env.values())
    if any("{cert_" in text for text in given):
        _write_certificate(places)


def _write_certificate(places: Mapping[str, str]) -> None:
    issued = _authority().issue_cert(places["host"], "localhost")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    Path(places["cert_file"]).write_bytes(chain)
    issued.private_key_pem.write_to_path(places["cert_key_file"])


@functools.cache
def _authority() -> trustme.CA:
    import trustme  # noqa: PLC0415 - it takes 100 ms, and only TLS towards clients needs it

    return trustme.CA()


@functools.cache
def trusted_ca_file() -> Path:
    """The CA of every certificate that daemons are given here, as a PEM file for clients."""
    path = Path(guardian().folder, "clients-ca.pem")
    _authority().cert_pem.write_to_path(path)
    return path
