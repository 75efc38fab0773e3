"""TLS: certificates are verified, unless a test says in so many words that they are not."""

from __future__ import annotations

import ssl

ADVICE = (
    "The server's certificate could not be verified. For a certificate authority of your own: "
    ".with_tls(ssl.create_default_context(cafile=...)), or SSL_CERT_FILE in the environment; "
    "to accept any certificate: .without_tls_verification()"
)


def client_context() -> ssl.SSLContext:
    """Verifies the certificate and the host name against the machine's authorities."""
    return ssl.create_default_context()


def unverified_context() -> ssl.SSLContext:
    """Encrypts, and trusts whoever answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
