"""Header blocks, decoded by hpack, and remembered.

Decoding costs more than all the rest of a request. But a block that left the
compression table as it was means the same when it comes again, until another
block changes the table; and from its second request on, a client that repeats
itself sends such blocks. Every block is decoded or remembered, also where nobody
wants its headers: otherwise the table would not be what the client thinks it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import hpack

from mock_api.http2.frames import Code, Http2ConnectionError
from mock_api.http2.request import Head, Header, check_field

MOST_HEADERS = 256 * 1024
"""Bytes a header block may have, as sent and as decoded: the bound HTTP/1.1 has here too."""

MOST_REMEMBERED = 64
"""A client that varies its headers is decoded every time, and costs no memory."""


class HeadReader:
    """One connection's header blocks."""

    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=MOST_HEADERS)
        self._heads: dict[bytes, Head] = {}

    def head(self, stream: int, block: bytes) -> Head:
        """A request's head. Raises Http2StreamError for a malformed one."""
        head = self._heads.get(block)
        if head is None:
            headers, stable = self._decode(block)
            head = Head(stream, headers)
            if stable and len(self._heads) < MOST_REMEMBERED:
                self._heads[block] = head
        return head

    def trailers(self, stream: int, block: bytes) -> None:
        """Trailers, which are checked and dropped. Raises Http2StreamError."""
        for name, value in self._decode(block)[0]:
            check_field(stream, name, value)

    def _decode(self, block: bytes) -> tuple[Iterable[Header], bool]:
        """The block's headers, and whether it left the table as it was.

        Raises Http2ConnectionError: after a block that cannot be decoded, none can be.
        """
        table = self._decoder.header_table
        newest, count, size = (
            _newest(table.dynamic_entries),
            len(table.dynamic_entries),
            table.maxsize,
        )
        try:
            headers = cast(Iterable[Header], self._decoder.decode(block, raw=True))
        except hpack.OversizedHeaderListError as error:
            raise Http2ConnectionError(Code.ENHANCE_YOUR_CALM, str(error)) from None
        except hpack.HPACKError as error:
            raise Http2ConnectionError(Code.COMPRESSION_ERROR, str(error)) from None
        stable = (
            _newest(table.dynamic_entries) is newest
            and len(table.dynamic_entries) == count
            and table.maxsize == size
        )
        if not stable:
            self._heads.clear()
        return headers, stable


def _newest(entries: Iterable[tuple[bytes, bytes]]) -> object:
    return next(iter(entries), None)
