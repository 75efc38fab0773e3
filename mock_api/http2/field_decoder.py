"""HPACK (RFC 7541): from header blocks to header fields, in order.

The mock decodes every block, also those of streams it refuses: otherwise its table would
differ from the client's. A field is checked once, when its literal is decoded; the table
keeps the result, and a field that comes as an index costs one look-up.
"""

from __future__ import annotations

from hpack.table import HeaderTable

from mock_api.http2 import huffman
from mock_api.http2.fields import Field, checked, with_value
from mock_api.http2.frames import Code, Http2ConnectionError

MOST_HEADERS = 256 * 1024
"""Bytes of a header block, as sent and as decoded: the same limit as for HTTP/1.1."""

TABLE_SIZE = 4096
"""The largest table that a client may use: the default, which the mock never raises."""

STATIC = {
    index: checked(name, value) for index, (name, value) in enumerate(HeaderTable.STATIC_TABLE, 1)
}
"""The entries that both sides know in advance, by their index."""
MOST_STATIC = len(STATIC)
DYNAMIC = MOST_STATIC + 1
"""The index of the newest entry of the table."""


class FieldDecoder:
    """One connection's decoder, with its table."""

    def __init__(self) -> None:
        self._table: list[Field] = []
        """The newest entry is the last."""
        self._used = 0
        self._size = TABLE_SIZE

    def decode(self, block: bytes) -> list[Field]:
        """The fields of a block.

        Raises Http2ConnectionError: after an error the table differs from the client's.
        """
        try:
            return self._decode(block)
        except (LookupError, huffman.HuffmanError) as error:
            raise _bad(f"the block is malformed: {error}") from None

    def _decode(self, block: bytes) -> list[Field]:
        fields: list[Field] = []
        table, static = self._table, STATIC
        at, end, total = 0, len(block), 0
        while at < end:
            first = block[at]
            at += 1
            if first & 0x80:  # an indexed field
                index = first & 0x7F
                if index == 0x7F:
                    index, at = _integer(block, at, index)
                field = static[index] if index < DYNAMIC else table[MOST_STATIC - index]
            elif first & 0xE0 == 0x20:
                if fields:
                    raise _bad("a table size update is not at the start of its block")
                size = first & 0x1F
                if size == 0x1F:
                    size, at = _integer(block, at, size)
                self._resize(size)
                continue
            else:  # a literal, which may enter the table
                most = 0x3F if first & 0x40 else 0x0F
                index = first & most
                if index == most:
                    index, at = _integer(block, at, index)
                if index:
                    field = static[index] if index < DYNAMIC else table[MOST_STATIC - index]
                    value, at = _string(block, at)
                    field = with_value(field, value)
                else:
                    name, at = _string(block, at)
                    value, at = _string(block, at)
                    field = checked(name, value)
                if first & 0x40:
                    table.append(field)
                    self._used += field[3]
                    if self._used > self._size:
                        self._evict()
            total += field[3]
            fields.append(field)
        if total > MOST_HEADERS:
            raise Http2ConnectionError(
                Code.ENHANCE_YOUR_CALM, f"expected at most {MOST_HEADERS} bytes of headers"
            )
        return fields

    def _resize(self, size: int) -> None:
        if size > TABLE_SIZE:
            raise _bad(f"a table has at most {TABLE_SIZE} bytes, found {size}")
        self._size = size
        self._evict()

    def _evict(self) -> None:
        """Drop the oldest entries until the others fit."""
        table, count = self._table, 0
        while self._used > self._size:
            self._used -= table[count][3]
            count += 1
        del table[:count]


def _integer(block: bytes, at: int, number: int) -> tuple[int, int]:
    """An integer that goes on after its prefix (RFC 7541 5.1), and the place after it."""
    for shift in range(0, 35, 7):
        byte = block[at]
        at += 1
        number += (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise _bad("an integer has too many bytes")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """The string that starts here (RFC 7541 5.2), and the place after it."""
    first = block[at]
    at += 1
    size = first & 0x7F
    if size == 0x7F:
        size, at = _integer(block, at, size)
    end = at + size
    if end > len(block):
        raise _bad("a string is longer than its block")
    data = block[at:end]
    return (huffman.decode(data) if first & 0x80 else data), end


def _bad(reason: str) -> Http2ConnectionError:
    return Http2ConnectionError(Code.COMPRESSION_ERROR, reason)
