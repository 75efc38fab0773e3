"""Listening sockets: accept clients, also when descriptors run out."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from llm_gateway.config import Listen

log = logging.getLogger(__name__)

_BACKLOG = 4096
_ACCEPT_BATCH = 64
"""Clients accepted in one turn of the event loop."""
_PAUSE = 0.1
"""Seconds until the next try to accept when there is no room."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """A listening socket and its queue."""

    def __init__(
        self,
        listen: Listen,
        take: Callable[[socket.socket], None],
        *,
        make_room: Callable[[], bool],
    ) -> None:
        """
        Args:
            take: receives each accepted socket.
            make_room: closes an idle connection; returns whether there was one.

        Raises OSError.
        """
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._make_room = make_room
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self._socket = socket.create_server(
            (listen.host, listen.port), family=family, backlog=_BACKLOG
        )
        self._socket.setblocking(False)
        self._pause: asyncio.TimerHandle | None = None
        self._open = True

    @property
    def address(self) -> str:
        """Host and port."""
        host, port = self._socket.getsockname()[:2]
        return f"{host}:{port}"

    def start(self) -> None:
        """Begin to accept."""
        self._loop.add_reader(self._socket, self._on_acceptable)

    def close(self) -> None:
        """Accept the clients that are queued, then stop listening."""
        if self._pause is None and self._open:
            while self._accept():
                pass
        self._stop()

    def _on_acceptable(self) -> None:
        for _ in range(_ACCEPT_BATCH):
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Accept one client; return whether a further one may be queued."""
        try:
            client, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                return True  # this client has left already
            if self._make_room():
                return True
            self._wait(error)
            return False
        self._take(client)
        return True

    def _wait(self, error: OSError) -> None:
        """Ignore the socket for a moment: it stays readable, and the loop would spin."""
        log.warning("cannot accept clients: %s", error.strerror)
        self._loop.remove_reader(self._socket)
        self._pause = self._loop.call_later(_PAUSE, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket, self._on_acceptable)
        self._on_acceptable()

    def _stop(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket)
            self._socket.close()
