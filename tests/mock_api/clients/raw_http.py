"""One request of any kind to a mock, with its JSON."""

from __future__ import annotations

import json
from typing import Any

from tests.mock_api.clients.http1 import H1Client, Response
from tests.mock_api.clients.mock import Mock


def post(mock: Mock, path: str, body: Any, *headers: tuple[str, str]) -> Response:
    """Send this JSON, or these bytes."""
    client = H1Client(mock.connect())
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        return client.exchange("POST", path, data, list(headers))
    finally:
        client.close()


def typed_events(body: bytes) -> list[dict[str, Any]]:
    """The data of typed events; each names its type twice."""
    values = []
    for block in body.decode().split("\n\n")[:-1]:
        head, data = block.split("\n")
        value = json.loads(data.removeprefix("data: "))
        assert head == f"event: {value['type']}"
        values.append(value)
    return values
