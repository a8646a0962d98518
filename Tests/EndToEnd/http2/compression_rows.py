"""RFC 7541: header blocks that cannot be decoded, and those that look as if they could not."""

from __future__ import annotations

from typing import Iterator

from . import fields, frames
from .fields import STATIC, added, bits, block, code, coded_string, indexed, integer, literal, string, table_size
from .rows import ANSWERED, BAD_REQUEST, COMPRESSION, Row, Target, over, row, stream

#: What a request needs, and then some.
Block = bytes


def behind(tail: Block):
    """A request whose block ends in this."""
    return lambda t: frames.headers(1, block(t.fields()) + tail)


def before(head: Block):
    """A request whose block begins with this."""
    return lambda t: frames.headers(1, head + block(t.fields()))


def finish(t: Target) -> bytes:
    return t.finish(1)


def refused() -> Iterator[Row]:
    for name, section, tail in [
        ("index 0", "2.3.3", b"\x80"),
        ("the first index of an empty dynamic table", "2.3.3", indexed(STATIC + 1)),
        ("an index far beyond the tables", "2.3.3", indexed(1 << 20)),
        ("a name of an index beyond the tables", "2.3.3", integer(STATIC + 1, 4) + string(b"x")),
        ("a name to be added, of an index beyond the tables", "2.3.3", integer(STATIC + 9, 6, 0x40) + string(b"x")),
        ("a name never indexed, of an index beyond the tables", "2.3.3", integer(STATIC + 2, 4, 0x10) + string(b"x")),
        ("an index of more than 32 bits", "5.1", b"\xff" + b"\xff" * 5 + b"\x01"),
        ("an index of more than 64 bits", "5.1", b"\xff" + b"\xff" * 10 + b"\x01"),
        ("an index that never ends", "5.1", b"\xff" + b"\x80" * 60),
        ("a length of more than 32 bits", "5.1", b"\x00\x7f" + b"\xff" * 5 + b"\x01"),
        ("a length of more than 64 bits", "5.1", b"\x00\x7f" + b"\xff" * 10 + b"\x01"),
        ("a table size of more than 32 bits", "5.1", b"\x3f" + b"\xff" * 5 + b"\x01"),
        ("an index that is cut off", "5.1", b"\xff"),
        ("an index that is cut off later", "5.1", b"\xff\x80"),
        ("a literal without a name", "5.2", b"\x00"),
        ("a literal without a value", "5.2", b"\x00" + string(b"x")),
        ("a name longer than the block", "5.2", b"\x00\x05abc"),
        ("a value longer than the block", "5.2", b"\x00" + string(b"x") + b"\x7e" + b"y" * 10),
        ("a length longer than any block", "5.2", b"\x00" + string(b"x") + integer(1 << 30, 7) + b"y"),
        ("a coded value that is cut off", "5.2", b"\x00" + string(b"x") + string(b"value" * 9, True)[:-5]),
        ("padding of 8 bits", "5.2", b"\x00" + string(b"x") + coded_string(bits(code(ord("0")), (7, 3)) + b"\xff")),
        ("padding of 16 bits", "5.2", b"\x00" + string(b"x") + coded_string(fields.huffman(b"abc") + b"\xff\xff")),
        ("padding of zeros", "5.2", b"\x00" + string(b"x") + coded_string(bits(code(ord("0")), pad=0))),
        ("the end-of-string symbol", "5.2", b"\x00" + string(b"x") + coded_string(bits(code(ord("a")), fields.EOS))),
        ("the end-of-string symbol in a name", "5.2", b"\x00" + coded_string(bits(fields.EOS)) + string(b"x")),
        ("nothing but padding of 8 bits", "5.2", b"\x00" + string(b"x") + coded_string(b"\xff")),
        ("the end-of-string symbol in the middle", "5.2", b"\x00" + string(b"x") + coded_string(bits(fields.EOS, code(ord("a"))))),
        ("a table larger than the setting", "6.3", table_size(4097)),
        ("a table much larger than the setting", "6.3", table_size(1 << 30)),
        ("a table's size behind a field", "4.2", table_size(0)),
        ("a table's size between fields", "4.2", table_size(100) + literal(b"x", b"y")),
    ]:  # fmt: skip
        first = before(tail) if section == "6.3" else behind(tail)
        yield row(name, f"7541 {section}", COMPRESSION, first)
    yield row(
        "an index that the table has lost with its size", "7541 4.3", COMPRESSION,
        behind(added(b"x-a", b"1")), finish, over(1),
        lambda t: frames.headers(3, table_size(0) + table_size(4096) + block(t.fields()) + indexed(STATIC + 1)), stream=3,
    )  # fmt: skip
    yield row(
        "an index that other entries have pushed out", "7541 4.4", COMPRESSION,
        behind(added(b"x-a", b"1") + added(b"x-b", b"v" * 4050)), finish, over(1),
        lambda t: frames.headers(3, block(t.fields()) + indexed(STATIC + 2)), stream=3,
    )  # fmt: skip
    yield row(
        "an index of an entry larger than the table", "7541 4.4", COMPRESSION,
        behind(added(b"x-a", b"1") + added(b"x-b", b"v" * 5000)), finish, over(1),
        lambda t: frames.headers(3, block(t.fields()) + indexed(STATIC + 1)), stream=3,
    )  # fmt: skip
    yield row(
        "a block that ends with a table's size alone", "7541 4.2", (stream("PROTOCOL_ERROR"), BAD_REQUEST, COMPRESSION),
        frames.headers(1, table_size(0)), why="a request without fields is malformed; a size without fields is not excluded",
    )  # fmt: skip


def accepted() -> Iterator[Row]:
    for name, section, tail in [
        ("a field never indexed", "6.2.3", fields.never_indexed(b"x-a", b"1")),
        ("a coded field", "5.2", literal(b"x-a", b"value", True)),
        ("an empty value", "5.2", literal(b"x-a", b"")),
        ("an empty value, coded", "5.2", b"\x00" + string(b"x-a") + b"\x80"),
        ("a field of the dynamic table", "2.3.3", added(b"x-a", b"1") + indexed(STATIC + 1)),
        ("a name of the dynamic table", "2.3.3", added(b"x-a", b"1") + integer(STATIC + 1, 4) + string(b"2")),
        ("an entry larger than the table", "4.4", added(b"x-a", b"v" * 5000)),
        ("the same field twice in the table", "2.3.2", added(b"x-a", b"1") * 2 + indexed(STATIC + 2)),
        ("a length in more bytes than it needs", "5.1", b"\x00" + string(b"x-a") + b"\x7f\x80\x00" + b"v" * 127),
        ("a code of 30 bits", "5.2", b"\x00" + string(b"x-a") + string(b"\xf9\xfa", True)),
    ]:  # fmt: skip
        yield row(name, f"7541 {section}", ANSWERED, behind(tail), finish)
    for name, head in {
        "a smaller table": table_size(100), "no table": table_size(0), "the table of the setting": table_size(4096),
        "the smallest table and the last": table_size(0) + table_size(4096),
    }.items():  # fmt: skip
        yield row(f"{name}, by a size at the beginning", "7541 4.2", ANSWERED, before(head), finish)
    yield row(
        "an entry of the block before", "7541 2.2", ANSWERED, behind(added(b"x-a", b"1")), finish, over(1),
        lambda t: frames.headers(3, block(t.fields()) + indexed(STATIC + 1)), lambda t: t.finish(3), stream=3,
    )  # fmt: skip
    yield row(
        "an entry of trailers", "7541 2.2", ANSWERED,
        lambda t: t.open(1) + frames.data(1, t.content) + frames.headers(1, added(b"x-a", b"1"), end=True), over(1),
        lambda t: frames.headers(3, block(t.fields()) + indexed(STATIC + 1)), lambda t: t.finish(3), stream=3,
    )  # fmt: skip
    yield row(
        "an entry of a request that was given up", "7541 2.2", ANSWERED, behind(added(b"x-a", b"1")), frames.reset(1),
        lambda t: frames.headers(3, block(t.fields()) + indexed(STATIC + 1)), lambda t: t.finish(3), stream=3,
    )  # fmt: skip


ROWS = [*refused(), *accepted()]
