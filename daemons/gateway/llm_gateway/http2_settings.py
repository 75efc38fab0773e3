"""The server's side of a new HTTP/2 connection: its limits, announced to the client."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The first bytes of a client."""
MAX_STREAMS = 100
_WINDOW = 64 * 1024
_CONNECTION_WINDOW = 1024 * 1024
_MAX_HEAD = 64 * 1024


def new_connection() -> H2Connection:
    """A connection whose first frames are ready to be sent."""
    connection = H2Connection(H2Configuration(client_side=False, validate_inbound_headers=False))
    connection.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
            SettingCodes.MAX_HEADER_LIST_SIZE: _MAX_HEAD,
        },
    )
    connection.initiate_connection()
    # This limit binds the client only after its acknowledgement. In the initial values h2
    # would enforce it at once, and end the connection of a client that opened more before.
    connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS})
    connection.increment_flow_control_window(_CONNECTION_WINDOW - 65_535)
    return connection
