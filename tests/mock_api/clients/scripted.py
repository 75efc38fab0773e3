"""Requests for scripts of a test."""

from __future__ import annotations

import socket
from typing import Any

from tests.mock_api.clients.mock import Mock, chat, pattern_header


def register(mock: Mock, token: str, script: Any) -> list[tuple[str, str]]:
    """Register the script under the token; the headers that ask for it."""
    assert mock.control("PUT", f"/scripts/{token}", script).status == 200
    return pattern_header(f"script:{token};t={token}")


def wire_request(headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
    """A chat request as HTTP/1.1 bytes."""
    said = body or chat()
    lines = [f"{name}: {value}" for name, value in headers]
    head = "\r\n".join(
        ["POST /v1/chat/completions HTTP/1.1", "host: mock", f"content-length: {len(said)}", *lines]
    )
    return f"{head}\r\n\r\n".encode() + said


def read_to_end(sock: socket.socket) -> bytes:
    """All bytes until FIN."""
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)
