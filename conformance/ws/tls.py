"""TLS contexts. The test verifies certificates, unless its declaration turns that off."""

from __future__ import annotations

import ssl
from pathlib import Path

ADVICE = (
    'trust a private certificate with .with_trusted_certificate("ca.pem") or with the environment '
    "variable SSL_CERT_FILE; accept any certificate with .without_tls_verification()"
)


def client_context() -> ssl.SSLContext:
    """Return a context that verifies certificate and host name against the machine's store."""
    return ssl.create_default_context()


def unverified_context() -> ssl.SSLContext:
    """Return a context that encrypts and accepts any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def trust(context: ssl.SSLContext, path: str | Path) -> ssl.SSLContext:
    """Add the certificates of a PEM file to a context. Raises ValueError if that fails."""
    try:
        context.load_verify_locations(path)
    except OSError as error:  # ssl.SSLError is an OSError
        raise ValueError(
            f"expected a PEM file with certificates, found {error} ({path}); pass the path of the "
            "server's certificate or of the authority that signed it"
        ) from error
    return context
