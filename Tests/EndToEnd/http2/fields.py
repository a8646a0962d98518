"""Header blocks by hand (RFC 7541), so that each representation and each mistake can be chosen."""

from __future__ import annotations

from typing import Iterable

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

Field = tuple[bytes, bytes]

_huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
#: The end-of-string symbol, 30 bits (RFC 7541 appendix B).
EOS = (REQUEST_CODES[256], REQUEST_CODES_LENGTH[256])

#: Entries of the static table (RFC 7541 appendix A) that the tests name.
AUTHORITY, GET, POST, PATH, HTTP, STATUS_200 = 1, 2, 3, 4, 6, 8
#: How many entries the static table has; the dynamic table begins behind it.
STATIC = 61


def integer(value: int, prefix: int, first: int = 0) -> bytes:
    """RFC 7541 section 5.1: `prefix` bits of the first byte, whose other bits are `first`."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def huffman(text: bytes) -> bytes:
    return bytes(_huffman.encode(text))


def bits(*codes: tuple[int, int], pad: int = 1) -> bytes:
    """Codes of (value, bits) in a row, filled up to a byte with `pad` bits."""
    value = length = 0
    for code, size in codes:
        value, length = value << size | code, length + size
    while length % 8:
        value, length = value << 1 | pad, length + 1
    return value.to_bytes(length // 8, "big")


def code(symbol: int) -> tuple[int, int]:
    """The Huffman code of a byte and its length in bits."""
    return REQUEST_CODES[symbol], REQUEST_CODES_LENGTH[symbol]


def string(text: bytes, coded: bool = False) -> bytes:
    """RFC 7541 section 5.2."""
    content = huffman(text) if coded else text
    return integer(len(content), 7, 0x80 if coded else 0) + content


def coded_string(content: bytes) -> bytes:
    """These bytes as if they were Huffman codes."""
    return integer(len(content), 7, 0x80) + content


def indexed(index: int) -> bytes:
    return integer(index, 7, 0x80)


def literal(name: bytes, value: bytes, coded: bool = False) -> bytes:
    """Without indexing, RFC 7541 section 6.2.2."""
    return b"\x00" + string(name, coded) + string(value, coded)


def never_indexed(name: bytes, value: bytes) -> bytes:
    return b"\x10" + string(name) + string(value)


def added(name: bytes, value: bytes) -> bytes:
    """With incremental indexing, RFC 7541 section 6.2.1: it becomes entry 62 of the tables."""
    return b"\x40" + string(name) + string(value)


def table_size(size: int) -> bytes:
    """RFC 7541 section 6.3."""
    return integer(size, 5, 0x20)


def block(fields: Iterable[Field]) -> bytes:
    """Nothing but literals: leaves the dynamic table as it is."""
    return b"".join(literal(name, value) for name, value in fields)
