"""HPACK's Huffman code (RFC 7541 5.2), decoded a byte at a time.

The decoder is a state machine. A state is a node of the code's tree: the bits of a symbol
that is not complete. A move goes from a state over one byte to the next state and yields
the symbols that are complete. Moves are computed when they are first needed: real text
needs a small part of them.
"""

from __future__ import annotations

from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

END_OF_STRING = 256
"""The symbol that must not occur; its first bits are the padding."""

MOST_PADDING = 7
"""Bits that may follow the last symbol; all are 1, as in the end-of-string symbol."""


class HuffmanError(ValueError):
    """The bytes are not a Huffman-coded string."""


Node = list["Node | int | None"]
"""The two branches: a node, a symbol, or nothing yet."""


def _tree() -> Node:
    root: Node = [None, None]
    for symbol, (code, length) in enumerate(zip(REQUEST_CODES, REQUEST_CODES_LENGTH, strict=True)):
        node = root
        for place in range(length - 1, 0, -1):
            bit = code >> place & 1
            branch = node[bit]
            if not isinstance(branch, list):
                branch = [None, None]
                node[bit] = branch
            node = branch
        node[code & 1] = symbol
    return root


_NODES: list[Node] = [_tree()]
"""The states, in the order in which they are reached; the first one is the root."""
_NUMBERS = {id(_NODES[0]): 0}
_MOVES: dict[int, tuple[int, bytes]] = {}
"""By state and byte, as `state + byte`; states are multiples of 256."""


def _ends() -> set[int]:
    """The states in which a string may end: the root, and up to seven bits of 1."""
    node = _NODES[0]
    ends = {0}
    for _ in range(MOST_PADDING):
        branch = node[1]
        assert isinstance(branch, list)
        node = branch
        ends.add(_number(node))
    return ends


def _number(node: Node) -> int:
    number = _NUMBERS.get(id(node))
    if number is None:
        number = _NUMBERS[id(node)] = len(_NODES) * 256
        _NODES.append(node)
    return number


_ENDS = _ends()


def _move(state: int, byte: int) -> tuple[int, bytes]:
    node, symbols = _NODES[state // 256], bytearray()
    for place in range(7, -1, -1):
        branch = node[byte >> place & 1]
        if isinstance(branch, list):
            node = branch
        elif branch is None or branch == END_OF_STRING:
            raise HuffmanError("the end-of-string symbol is in a string")
        else:
            symbols.append(branch)
            node = _NODES[0]
    move = _MOVES[state + byte] = (_number(node), bytes(symbols))
    return move


def decode(data: bytes) -> bytes:
    """The string. Raises HuffmanError."""
    moves = _MOVES
    symbols: list[bytes] = []
    add = symbols.append
    state = 0
    for byte in data:
        try:
            state, decoded = moves[state + byte]
        except KeyError:
            state, decoded = _move(state, byte)
        add(decoded)
    if state not in _ENDS:
        raise HuffmanError("a string ends inside a symbol")
    return b"".join(symbols)
