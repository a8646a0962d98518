"""Chunks, their extensions, and trailers."""

from __future__ import annotations

from typing import Iterator

from support.recorder import Recorded

from .rows import CHUNKED, SMUGGLED, WHOLE, Row, accepted, head, refused, without


def chunks() -> Iterator[Row]:
    for size in [
        b"+5", b"-5", b"0x5", b"0_5", b" 5", b"5 ", b"5\t", b"\t5", b"fffffffffffffff5", b"10000000000000005",
        b"100000005\x00", b"0000000000000000005", b"", b"g", b"5g", b"5\x0b", b"\x005", b"5,", b"5 ;a=b",
        b"5\t;a=b", b"5;a=\x00", b"5;a=\x7f", b"5;" + b"a" * 300, b"5;a=\nb", b"5;a=\r", b"5\r", b"\xef\xbc\x95",
        b"5\xa0", b"5\n", b"5.0", b"'5'", b'5;a="\r\n', b"5;\r", b"5;\n",
    ]:  # fmt: skip
        yield refused(f"chunk size {size[:30]!r}", head(CHUNKED) + size + b"\r\nhello\r\n0\r\n\r\n")
    for text in [
        b"5\nhello\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n", b"4\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\r\r\n\r\n", b"5\r\nhello\r\n-0\r\n\r\n",
        b"5\r\nhello\r\n0 \r\n\r\n", b"5\r\nhello\r\n0\r\n \r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX: y\n\r\n",
        b"0\r\nX: y\r\n z\r\n\r\n", b"0\r\nX: y\rz\r\n\r\n", b"0\r\n: y\r\n\r\n", b"0\r\nX\r\n\r\n",
        b"0\r\nX: \x00\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n",
    ]:  # fmt: skip
        yield refused(f"chunks {text!r}", head(CHUNKED) + text)
    yield refused("a trailer section too long", head(CHUNKED) + b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431)
    yield refused("trailers too many", head(CHUNKED) + b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431)
    for text in [
        WHOLE, b"05\r\nhello\r\n000\r\n\r\n", b"5;a=b\r\nhello\r\n0;c\r\n\r\n", b'5;a="b;c"\r\nhello\r\n0\r\n\r\n',
        b"5;a=\xff\r\nhello\r\n0\r\n\r\n", b"2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n", b"000000000000005\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"\\\"0\"\r\nhello\r\n0\r\n\r\n",
    ]:  # fmt: skip
        yield accepted(f"chunks {text!r}", head(CHUNKED) + text, b"hello")
    inner = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
    yield accepted("a request as a chunk", head(CHUNKED) + inner, SMUGGLED)
    forbidden = (
        b"Content-Length: 50\r\nTransfer-Encoding: x\r\nHost: evil\r\nAuthorization: evil\r\nCookie: evil\r\n"
        b"X-Forwarded-For: evil\r\nX_Forwarded_For: evil\r\nContent-Type: evil\r\nConnection: close\r\n"
        b"X-Request-ID: evil\r\nContent-Encoding: evil\r\nTrailer: evil\r\nExpect: evil\r\nTE: evil\r\n"
    )

    def nothing_evil(seen: list[Recorded]) -> None:
        assert b"evil" not in seen[0].raw
        assert seen[0].values("content-length") == []

    yield accepted("forbidden trailers", head(CHUNKED) + b"5\r\nhello\r\n0\r\n" + forbidden + b"\r\n", b"hello", nothing_evil)
    yield accepted("a trailer", head(CHUNKED) + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", b"hello", without("x-sum"))


def line_ends() -> Iterator[Row]:
    """Where a chunk's size line and its data end (`Funky chunks`, 2025): TERM.EXT, EXT.TERM, SPILL, ONE.TWO …"""
    inner = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
    for name, text in {
        "TERM.EXT, a line feed": b"2;\nxx\r\n" + inner,
        "TERM.EXT, a carriage return": b"2;\rxx\r\n" + inner,
        "TERM.EXT, without a semicolon": b"2\nxx\r\n" + inner,
        "TERM.EXT, a name before": b"2;a\nxx\r\n" + inner,
        "TERM.EXT, a value before": b"2;a=b\nxx\r\n" + inner,
        "TERM.EXT, in quotes": b'2;a="\nxx\r\n' + inner,
        "TERM.EXT, a line end in quotes": b'2;a="\r\nxx\r\n' + inner[:-5] + b'"\r\n0\r\n\r\n',
        "EXT.TERM, a line feed": b"%x;\n%s" % (len(inner), inner) + b"\r\n0\r\n\r\n",
        "EXT.TERM, a carriage return": b"%x;\r%s" % (len(inner), inner) + b"\r\n0\r\n\r\n",
        "EXT.TERM, in the last chunk": b"5\r\nhello\r\n0;\n\r\n\r\n",
        "EXT.TERM, in the last chunk with a carriage return": b"5\r\nhello\r\n0;\r\r\n\r\n",
        "TERM.SPILL, a line feed": b"5\r\nhello\n\n0\r\n\r\n",
        "TERM.SPILL, a line feed and a letter": b"5\r\nhello\nX0\r\n\r\n",
        "TERM.SPILL, two letters": b"5\r\nhelloXY0\r\n\r\n",
        "TERM.SPILL, a carriage return": b"5\r\nhello\r\r0\r\n\r\n",
        "SPILL.TERM, more data than the size": b"5\r\nhello" + inner,
        "SPILL.TERM, a line more": b"5\r\nhello\r\n\r\n" + inner,
        "SPILL.TERM, a blank": b"5\r\nhello \r\n" + inner,
        "SPILL.TERM, a null": b"5\r\nhello\0\r\n" + inner,
        "ONE.TWO": b"5\r\nhello\n" + inner,
        "ONE.TWO, a carriage return": b"5\r\nhello\r" + inner,
        "TWO.ONE": b"5\r\nhello\r\n\n" + inner,
        "ZERO.TWO": b"5\r\nhello" + b"0\r\n\r\n",
        "ZERO.TWO, with a size behind": b"5\r\nhello5\r\nhello\r\n0\r\n\r\n",
        "TWO.ZERO": b"5\r\nhello\r\n\r\n" + b"0\r\n\r\n",
        "the last chunk ends in a line feed": b"5\r\nhello\r\n0\n\n",
        "the last chunk ends in a carriage return": b"5\r\nhello\r\n0\r\r",
        "the last chunk's end is a letter": b"5\r\nhello\r\n0\r\nX\r\n",
        "the last chunk ends in CR, LF and CR": b"5\r\nhello\r\n0\r\n\rX",
        "no last chunk": b"5\r\nhello\r\n\r\n\r\n",
        "a size line of nothing but a semicolon": b";\r\nhello\r\n0\r\n\r\n",
        "an extension before the size": b";a=b 5\r\nhello\r\n0\r\n\r\n",
        "a size of letters": b"five\r\nhello\r\n0\r\n\r\n",
        "a size in brackets": b"[5]\r\nhello\r\n0\r\n\r\n",
        "a null after the size": b"5\0\r\nhello\r\n0\r\n\r\n",
        "a size that ends in h": b"5h\r\nhello\r\n0\r\n\r\n",
        "a size with underscores": b"0_0005\r\nhello\r\n0\r\n\r\n",
        "a size with a comma": b"5,5\r\nhello\r\n0\r\n\r\n",
        "a size in upper-case hexadecimal": b"0X5\r\nhello\r\n0\r\n\r\n",
        "a size of a dollar sign": b"$5\r\nhello\r\n0\r\n\r\n",
        "two to the 64th and five": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        "two to the 63rd and five": b"8000000000000005\r\nhello\r\n0\r\n\r\n",
        "two to the 128th and five": b"100000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
        "minus five as 64 bits": b"fffffffffffffffb\r\nhello\r\n0\r\n\r\n",
        "minus one": b"-1\r\nhello\r\n0\r\n\r\n",
        "minus nothing": b"5\r\nhello\r\n-0\r\n\r\n",
        "plus nothing": b"5\r\nhello\r\n+0\r\n\r\n",
        "a last chunk in base 16's spelling": b"5\r\nhello\r\n0x0\r\n\r\n",
        "blanks after the size and an extension": b"5 \t;a=b\r\nhello\r\n0\r\n\r\n",
        "an extension with a null": b"5;a=\0b\r\nhello\r\n0\r\n\r\n",
        "an extension of 300 bytes": b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n",
    }.items():  # fmt: skip
        yield refused(name, head(CHUNKED) + text)
    for name, text in {
        "a bare semicolon": b"5;\r\nhello\r\n0;\r\n\r\n",
        "many extensions": b"5;a;b;c=d;e=\"f\";;;\r\nhello\r\n0\r\n\r\n",
        "an extension of 200 bytes": b"5;" + b"a" * 200 + b"\r\nhello\r\n0\r\n\r\n",
        "an extension that looks like a chunk": b"5;5 hello 0\r\nhello\r\n0\r\n\r\n",
        "a size in upper and lower case": b"000A\r\nhellohello\r\n00a;x\r\nhellohello\r\n0\r\n\r\n",
        "chunks of a byte": b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello") + b"0\r\n\r\n",
        "content that looks like a last chunk": b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    }.items():  # fmt: skip
        content = {"a size in upper and lower case": b"hello" * 4, "content that looks like a last chunk": b"0\r\n\r\n"}
        yield accepted(name, head(CHUNKED) + text, content.get(name, b"hello"))


def trailers() -> Iterator[Row]:
    """Nothing of a trailer reaches what reads heads."""
    for field in [
        b"Content-Length: 50", b"Transfer-Encoding: chunked", b"Host: evil", b"Connection: close", b"Upgrade: h2c", b"Expect: 100-continue",
        b"X-Forwarded-For: 1.2.3.4", b"Authorization: evil", b"Trailer: X", b"X-A: GET /smuggled HTTP/1.1",
    ]:  # fmt: skip
        name = field.partition(b":")[0].decode().lower()
        check = without(name) if name not in ("host", "transfer-encoding", "x-forwarded-for") else None
        yield accepted(f"trailer {field.decode()!r}", head(CHUNKED) + b"5\r\nhello\r\n0\r\n" + field + b"\r\n\r\n", b"hello", check)
    for text in [
        b"GET /smuggled HTTP/1.1\r\n", b"X: y\n", b"X: y\r", b"X : y\r\n", b" X: y\r\n", b"X: y\r\n z\r\n", b"X\r\n", b"X: \0\r\n", b"X\xe9: y\r\n",
        b"\n", b"\r", b"X: y\n\r\n", b":\r\n", b"X: y\r\n\n",
    ]:  # fmt: skip
        yield refused(f"trailers {text!r}", head(CHUNKED) + b"5\r\nhello\r\n0\r\n" + text + b"\r\n")
