"""What is done with one connection from the web server: receive, check, serve, let go."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from functools import partial

import request
from answer import SENT_DONE, FailedError
from client import Client
from handoff import Handoff, NoHandoffError, receive
from http1_call import Http1Call
from log import log
from options import Options
from relay import Exchange, MakeCall
from switch import fault
from upstream import Upstream
from watch import ClientLeftError, StoppedError, wait_alone

_forgotten: list[object] = []
"""For faults: what a garbage collector or a missing close() keeps."""


class Slots:
    """How many exchanges may run at once (L3)."""

    def __init__(self, most: int) -> None:
        self._free = most + 1 if fault("limit_off_by_one") else most
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one; False when there is none."""
        with self._lock:
            if self._free <= 0:
                return False
            self._free -= 1
            return True

    def free(self) -> None:
        """Give one back."""
        with self._lock:
            self._free += 1


def _has_left(client: socket.socket) -> bool:
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


class Service:
    """Serves one connection at a time, each in a thread of its own."""

    def __init__(self, options: Options, stop: int) -> None:
        """stop: a descriptor that is readable when exchanges have to end."""
        self.upstream, self._make_call = _transport(options)
        self._options = options
        self._stop = stop
        self._slots = Slots(options.max_connections)

    def serve(self, peer: socket.socket) -> None:
        """Take the handoff that this connection carries, and serve its client to the end."""
        handoff = self.take(peer)
        if handoff is not None:
            self.answer(handoff)

    def take(self, peer: socket.socket) -> Handoff | None:
        """The handoff; None when there is none to be served."""
        with peer:
            try:
                return receive(peer, self._options.handoff_timeout)
            except NoHandoffError as reason:
                if str(reason):
                    log(f"no handoff: {reason}")
                return None

    def answer(self, handoff: Handoff) -> None:
        """Serve a client, and let go of its descriptor."""
        client = Client(handoff.client, self._options.write_timeout, self._stop)
        if _has_left(handoff.client) and fault("left_before_leaks"):
            _forgotten.append(handoff.client)
            return
        try:
            if not _miniature(client):
                self._answer(handoff, client)
        except ClientLeftError:
            log("the client has left")
        except StoppedError:
            log("stopped")
        except FailedError as failure:
            self._refuse(client, failure)
        finally:
            client.close()

    def _refuse(self, client: Client, failure: FailedError) -> None:
        log(f"refused: {failure.status} {failure.message}")
        try:
            client.fail(failure)
        except (ClientLeftError, StoppedError):
            log("the client has left")

    def _answer(self, handoff: Handoff, client: Client) -> None:
        asked = self._request(handoff, client)
        if not self._slots.take():
            raise FailedError("too many connections", status=503, type="server_error")
        failed = True
        try:
            Exchange(asked, client, self._make_call, self._options).run()
            failed = False
        finally:
            if not (failed and fault("slot_lost_when_client_left")):
                self._slots.free()
        if fault("client_leaked_when_served"):
            _forgotten.append(os.dup(handoff.client.fileno()))

    def _request(self, handoff: Handoff, client: Client) -> request.ApiRequest:
        if handoff.too_large:
            raise FailedError(
                "the handoff data is too large", status=413, type="invalid_request_error"
            )
        try:
            fields = request.decode(handoff.data)
            client.headers = request.response_headers(fields)
            return request.build(fields, self._options.api)
        except request.InvalidError as error:
            if fault("bad_data_asks_api"):
                with suppress(FailedError, OSError):
                    call = self._make_call(
                        request.build({"prompt": "?"}, self._options.api), wait_alone
                    )
                    call.ask()
            if fault("bad_data_closes"):
                raise ClientLeftError from None
            raise FailedError(str(error), status=400, type="invalid_request_error") from None


def _transport(options: Options) -> tuple[Upstream, MakeCall]:
    """The API, and how it is called."""
    if options.api.http2:
        # Only here: h2 takes as long to import as everything else together.
        from http2_call import Http2Call  # noqa: PLC0415
        from http2_upstream import Http2Upstream  # noqa: PLC0415

        shared = Http2Upstream(options.api, options.connect_timeout)
        return shared, partial(Http2Call, shared, options)
    upstream = Upstream(options.api, options.connect_timeout)
    return upstream, partial(Http1Call, upstream, options)


def _miniature(client: Client) -> bool:
    """The smallest daemons that could be mistaken for one; whether the client was served."""
    if fault("closes"):
        return True
    if fault("silent"):
        time.sleep(1e6)
    if fault("empty") or fault("canned"):
        client.begin()
        if fault("canned"):
            for word in ("Streams", " carry", " words"):
                client.send(b'data: {"content":"%b"}\n\n' % word.encode())
            client.send(SENT_DONE)
        client.end()
        return True
    return False
