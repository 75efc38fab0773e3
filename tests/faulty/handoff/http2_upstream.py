"""The API over HTTP/2: few connections for many exchanges.

An exchange gets a stream on the first connection with room. Without room, another
connection is made. Two unused connections are kept for a while, as for HTTP/1.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from http2 import Session
from http2_stream import Stream
from options import Api
from upstream import MOST_IDLE, LostError, Upstream
from watch import Wait


class Http2Upstream(Upstream):
    """Makes connections, finds streams on them, and lets go of those that are not needed."""

    def __init__(self, api: Api, connect_timeout: float) -> None:
        super().__init__(api, connect_timeout)
        self._sessions: list[Session] = []

    def open(
        self, wait: Wait, fields: Sequence[tuple[str, str]], body: bytes, *, fresh: bool
    ) -> Stream:
        """Send a request, on a connection of its own if it shall be fresh.

        LostError, TimeUpError.
        """
        try:
            for session in () if fresh else self._open_sessions():
                if stream := session.open(fields, body):
                    return stream
            return self._opened(wait, fields, body)
        except (OSError, RuntimeError) as error:
            raise LostError(str(error)) from error

    def tidy(self) -> None:
        """Close unused connections, except a few that were used lately."""
        with self._lock:
            self._sessions = [each for each in self._sessions if not each.closed]
            unused = [each for each in self._sessions if each.idle]
        for each in unused:
            if each.old or each in unused[MOST_IDLE:]:
                each.close()

    @property
    def idle(self) -> bool:
        return bool(self._sessions)

    def _open_sessions(self) -> list[Session]:
        with self._lock:
            return [each for each in self._sessions if not each.closed]

    def _opened(self, wait: Wait, fields: Sequence[tuple[str, str]], body: bytes) -> Stream:
        """A request on a new connection, which only then is everybody's."""
        connection = self.connection(wait, fresh=True)
        try:
            if connection.protocol != "h2":
                raise LostError("it does not speak HTTP/2")
            session = Session(connection)
        except BaseException:
            connection.close()
            raise
        stream = session.open(fields, body)
        if stream is None:
            session.close()
            raise LostError("the API takes no request")
        with self._lock:
            self._sessions.append(session)
        return stream
