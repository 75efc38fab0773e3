"""One request to the API: sent, its head judged, its body read, its connection let go.

What the API sends is trusted as far as its frame goes. A request is repeated
only where the API certainly did not process it (U8). How it is sent and how
its answer comes is Http1Call's and Http2Call's business; what the answer
means is judged here, for both.
"""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from abc import ABC, abstractmethod

from answer import FailedError
from http1 import Head
from options import Options
from request import ApiRequest
from switch import fault
from upstream import LostError, Upstream
from watch import TimeUpError, Wait

ERROR_BODY = 1 << 16
"""Bytes of the API's error message that are read."""

LAST_CHUNK_SECONDS = 0.2
"""For how long the end of the response is awaited after `[DONE]`, when its client has been
served, so that the connection can be kept."""

_asking = threading.BoundedSemaphore(32)
"""For a fault."""

NEVER = 1e6
"""Seconds; for faults that forget a bound."""


class Call(ABC):
    """The request, and the response to it."""

    def __init__(
        self, upstream: Upstream, options: Options, request: ApiRequest, wait: Wait
    ) -> None:
        """wait: how to wait with an eye on the client."""
        self.body = b""
        """What came of the body together with the head."""
        self._request = request
        self._wait = wait
        self._upstream = upstream
        self._options = options
        if request.elsewhere:
            self._upstream = upstream.elsewhere(request.elsewhere)

    @property
    def idle_timeout(self) -> float:
        """Seconds for which the API may be silent."""
        return NEVER if fault("no_idle_timeout") else self._options.idle_timeout

    @property
    @abstractmethod
    def problem(self) -> str | None:
        """What broke the response."""

    @property
    @abstractmethod
    def over(self) -> bool:
        """The response has ended, well or not, and all that came of it has been read."""

    @abstractmethod
    def read(self, deadline: float) -> bytes:
        """The next bytes of the body, perhaps none. LostError, TimeUpError."""

    @abstractmethod
    def recycle(self) -> None:
        """The client was served: keep the connection, if the response ends at once."""

    @abstractmethod
    def let_go(self) -> None:
        """End the request, if it has not ended."""

    @abstractmethod
    def _try(self, *, fresh: bool) -> Head:
        """Send the request and read the head. LostError, TimeUpError."""

    @abstractmethod
    def _unprocessed(self, again: int) -> bool:
        """Whether the API certainly did not process the request that was lost."""

    def ask(self) -> Head:
        """Send the request and read the head of the response; once more where U8 allows it."""
        if fault("asks_32_at_a_time"):
            with _asking:
                return self._ask()
        return self._ask()

    def _ask(self) -> Head:
        again = 0
        while True:
            try:
                head = self._try(fresh=again > 0)
            except LostError as error:
                if not self._unprocessed(again):
                    raise FailedError(f"the API cannot be reached: {error}") from error
            except TimeUpError:
                raise FailedError("the API is too late", status=504, type="timeout") from None
            else:
                if not self._asks_again(head, again):
                    return head
            self.let_go()
            again += 1

    def _asks_again(self, head: Head, again: int) -> bool:
        """Never: what was answered was processed (U8)."""
        if head.status in (301, 302, 307, 308) and again == 0 and fault("redirect_followed"):
            self._upstream = self._upstream.elsewhere(head.get("location") or "")
            return True
        return False

    def _first_byte_deadline(self) -> float:
        seconds = NEVER if fault("no_first_byte_timeout") else self._options.first_byte_timeout
        return time.monotonic() + seconds

    def judge(self, head: Head) -> None:
        """Whether a stream of events follows; FailedError if not (R5, U4)."""
        if 200 <= head.status < 300:
            coding = head.get("content-encoding") or "identity"
            if coding == "gzip" and fault("gzip_decoded_at_the_end"):
                self.body = self._gunzipped()
                return
            found = head.media_type
            if found != (whole := head.get("content-type")) and fault("content_type_whole"):
                found = whole
            stream = found == "text/event-stream" or fault("content_type_unchecked")
            if stream and coding == "identity":
                return
            found = f"{head.media_type or 'nothing'} in {coding}"
            raise FailedError(f"the API answered {head.status} with {found}, not with events")
        body = self._error_body()
        kept = 400 <= head.status < 500
        raise FailedError.told(
            body.decode(errors="replace"),
            status=head.status if kept else 502,
            retry_after=head.get("retry-after"),
        )

    def _error_body(self) -> bytes:
        deadline = time.monotonic() + self.idle_timeout
        with contextlib.suppress(LostError, TimeUpError):
            while not self.over and len(self.body) < ERROR_BODY:
                self.body += self.read(deadline)
        return self.body

    def _gunzipped(self) -> bytes:
        while not self.over:
            self.body += self.read(time.monotonic() + self.idle_timeout)
        return zlib.decompressobj(wbits=31).decompress(self.body)
