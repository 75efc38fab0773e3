"""A connection to the API under TLS: shaken hands on, checked, and read to its proper end."""

from __future__ import annotations

import select
import socket
import ssl

from options import Api
from switch import fault
from upstream import Connection, LostError
from watch import Wait


class TlsConnection(Connection):
    """A connection whose handshake is done."""

    tls = True

    def __init__(self, sock: ssl.SSLSocket) -> None:
        super().__init__(sock)
        self.protocol = sock.selected_alpn_protocol()

    def _receive(self) -> bytes:
        try:
            return super()._receive()
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except ssl.SSLEOFError:
            # An end without close_notify may have been made by anybody.
            if fault("tls_cut_is_an_end"):
                return b""
            raise LostError("the TLS connection was cut") from None

    def _send(self, data: memoryview) -> int:
        try:
            return super()._send(data)
        except ssl.SSLWantWriteError:
            return 0


class Tls:
    """How hands are shaken with one API."""

    def __init__(self, api: Api) -> None:
        self._host = api.host
        self._context = ssl.create_default_context()
        if api.ca_file:
            self._context.load_verify_locations(api.ca_file)
        self._context.set_alpn_protocols(["h2" if api.http2 else "http/1.1"])
        told = api.insecure and not fault("insecure_flag_ignored")
        if told or fault("tls_unverified"):
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def connection(self, sock: socket.socket, wait: Wait, deadline: float) -> Connection:
        """Shake hands on a connected socket. LostError, TimeUpError."""
        wrapped = self._context.wrap_socket(
            sock,
            server_hostname=self._host,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
        )
        try:
            while True:
                try:
                    wrapped.do_handshake()
                    return TlsConnection(wrapped)
                except ssl.SSLWantReadError:
                    wait(wrapped, select.POLLIN, deadline)
                except ssl.SSLWantWriteError:
                    wait(wrapped, select.POLLOUT, deadline)
        except ssl.SSLError as error:
            wrapped.close()
            raise LostError(f"TLS: {error.reason or error}") from error
        except OSError as error:
            wrapped.close()
            raise LostError(error.strerror or str(error)) from error
        except BaseException:
            wrapped.close()
            raise
