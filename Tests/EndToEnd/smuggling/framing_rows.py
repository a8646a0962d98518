"""Which requests and lengths: Content-Length, Transfer-Encoding, and both."""

from __future__ import annotations

from typing import Iterator

from .rows import CHUNKED, SMUGGLED, WHOLE, Row, accepted, head, refused


def framings() -> Iterator[Row]:
    yield refused("CL.TE", head(b"Content-Length: 6\r\n" + CHUNKED) + b"0\r\n\r\nG")
    yield refused("TE.CL", head(CHUNKED + b"Content-Length: 4\r\n") + b"5c\r\n" + SMUGGLED)
    yield refused("CL 0 and TE", head(b"Content-Length: 0\r\n" + CHUNKED) + WHOLE)
    for value in [
        b"xchunked", b"chunked, identity", b"identity, chunked", b"gzip, chunked", b"identity",
        b"chunked, chunked", b'"chunked"', b"chunked;q=1", b",chunked", b"chunked,", b"\x0bchunked",
        b"chunked\x0b", b"chunked\x0c", b"\xffchunked", b"chunked\x00", b"chunked\x7f", b"cow", b"",
        b"chunke", b"chun ked", b"chunked x", b"'chunked'", b"\xc2\xa0chunked", b"chunked\r", b"0",
    ]:  # fmt: skip
        yield refused(f"TE.TE {value!r}", head(b"Transfer-Encoding: " + value + b"\r\n") + WHOLE)
        yield refused(
            f"TE.TE {value!r} with a length",
            head(b"Content-Length: 15\r\nTransfer-Encoding: " + value + b"\r\n") + WHOLE,
        )
    for fields in [
        b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding\t: chunked\r\n",
        b"Transfer-Encoding\r\n : chunked\r\n", b"Transfer-Encoding:\r\n chunked\r\n",
        b"Transfer-Encoding:\n chunked\r\n", b"Transfer-Encoding: chunked\n",
        b"X: y\nTransfer-Encoding: chunked\r\n", b"X: y\rTransfer-Encoding: chunked\r\n",
        b"X: y\r\r\nTransfer-Encoding: chunked\r\n", b"X: y\r\n Transfer-Encoding: chunked\r\n",
        b"Transfer\x00-Encoding: chunked\r\n", b"\x00Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding\x0b: chunked\r\n", b"Transfer-Encoding\xa0: chunked\r\n",
        b"Transfer Encoding: chunked\r\n", b"Transfer-Encoding\x00: chunked\r\n",
        b"Transfer-Encoding= chunked\r\n", b"Transfer-Encoding;: chunked\r\n",
        CHUNKED + b"Transfer-Encoding: x\r\n", b"Transfer-Encoding: x\r\n" + CHUNKED,
        CHUNKED + CHUNKED, CHUNKED + b"Transfer-Encoding:\r\n", b"Transfer-Encoding:\r\n" + CHUNKED,
    ]:  # fmt: skip
        yield refused(f"TE.TE {fields!r}", head(fields) + WHOLE)
    yield refused("chunked in HTTP/1.0", head(CHUNKED, b"POST /x HTTP/1.0") + WHOLE)
    for fields in [
        CHUNKED, b"TRANSFER-ENCODING: chunked\r\n", b"Transfer-Encoding:chunked\r\n",
        b"Transfer-Encoding:\tchunked\r\n", b"Transfer-Encoding: ChunKED \t\r\n",
    ]:  # fmt: skip
        yield accepted(f"TE {fields!r}", head(fields) + WHOLE, b"hello")
    for value in [
        b"+5", b"-5", b"0x5", b"5_0", b"5;5", b"5.0", b"5e0", b"\xd9\xa5", b"5 5", b"5,5", b"5, 5",
        b"5,6", b"", b"\x0b5", b"5\x00", b"5\x0c", b"18446744073709551621", b"9223372036854775813",
        b"0000000000000000005", b"4294967301x", b"'5'", b'"5"', b"five", b"5\r", b"NaN", b"\xa05",
    ]:  # fmt: skip
        yield refused(f"length {value!r}", head(b"Content-Length: " + value + b"\r\n") + b"hello")
    for fields in [
        b"Content-Length: 5\r\nContent-Length: 5\r\n", b"Content-Length: 5\r\nContent-Length: 0\r\n",
        b"Content-Length: 0\r\nContent-Length: 5\r\n", b"Content-Length: 5\r\ncontent-length:\r\n",
        b"Content-Length : 5\r\n", b"Content-Length\t: 5\r\n", b"Content-Length:\r\n 5\r\n",
        b" Content-Length: 5\r\n", b"X: y\nContent-Length: 5\r\n", b"Content-Length\x00: 5\r\n",
        b"Content Length: 5\r\n", b"Content-Length: 5\n", b"Content-Length 5\r\n",
    ]:  # fmt: skip
        yield refused(f"length {fields!r}", head(fields) + b"hello")
    for value in [b"5", b"005", b"\t5 ", b"000000000000000005"]:
        yield accepted(f"length {value!r}", head(b"Content-Length:" + value + b"\r\n") + b"hello", b"hello")
    yield Row("no length, then a request", head() + SMUGGLED, seen=(("POST", "/x", b""), ("GET", "/smuggled", b"")))
    yield Row(
        "length 0, then a request",
        head(b"Content-Length: 0\r\n") + SMUGGLED,
        seen=(("POST", "/x", b""), ("GET", "/smuggled", b"")),
    )
    inner = b"Content-Length: %d\r\n" % len(SMUGGLED)
    yield accepted("a request as a body", head(inner) + SMUGGLED, SMUGGLED)
    for method in (b"GET", b"DELETE", b"OPTIONS"):
        yield Row(
            f"{method.decode()} with a body",
            head(inner, method + b" /x HTTP/1.1") + SMUGGLED,
            seen=((method.decode(), "/x", SMUGGLED),),
        )
    yield Row(
        "GET in chunks", head(CHUNKED, b"GET /x HTTP/1.1") + WHOLE, seen=(("GET", "/x", b"hello"),)
    )
    yield Row("a body that health does not read", head(inner, b"GET /health HTTP/1.1") + SMUGGLED, own=(200,))
    yield Row("a body for a method health does not know", head(inner, b"POST /health HTTP/1.1") + SMUGGLED, own=(405,))
    yield Row("chunks that health does not read", head(CHUNKED, b"GET /health HTTP/1.1") + WHOLE, own=(200,), goes_on=False)
    yield Row("OPTIONS * with a body", head(inner, b"OPTIONS * HTTP/1.1") + SMUGGLED, own=(204,))


#: Bytes that some reader takes for a blank, a line end, nothing at all, or the same letter.
STRANGE = [*range(0x01, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0x80, 0x85, 0xA0, 0xAD, 0xC2, 0xFF]


def hidden() -> Iterator[Row]:
    """A strange byte beside the name or the value of what frames a message, and other spellings."""
    for name, value, body in [
        (b"Transfer-Encoding", b"chunked", WHOLE), (b"Content-Length", b"%d" % len(SMUGGLED), SMUGGLED),
    ]:  # fmt: skip
        for byte in STRANGE:
            strange = bytes([byte])
            for place, field in {
                "before the name": strange + name + b": " + value,
                "after the name": name + strange + b": " + value,
                "before the value": name + b": " + strange + value,
                "after the value": name + b": " + value + strange,
                "after the colon": name + b":" + strange + value,
            }.items():
                yield refused(f"0x{byte:02x} {place} {name.decode()}", head(field + b"\r\n") + body, whole=byte % 4 != 0)
    for name in [
        b"Transfer-Encoding\xe2\x80\x8b", b"Transfer\xe2\x80\x90Encoding", b"Transfer-Encod\xc4\xb1ng", b"\xef\xbb\xbfTransfer-Encoding",
        b"Transfer-Encoding\r", b"Transfer-Encoding\n", b"Transfer-Encoding,", b"Transfer-Encoding[]", b"(Transfer-Encoding", b"Transfer-Encoding\\",
        b"Transfer-Encoding/", b"Transfer-Encoding\t\t", b"\nTransfer-Encoding",
    ]:  # fmt: skip
        yield refused(f"TE.TE {name!r}", head(name + b": chunked\r\n") + WHOLE)
    for value in [
        b"chun\xe2\x84\xaaed", b"\xef\xbd\x83hunked", b"chunked\r\n\t", b"chunked\r\n\tidentity", b"\r\n\tchunked", b"identity\r\nTransfer-Encoding : chunked",
        b"chunked\\", b"[chunked]", b"chunked/1", b"chunked:", b"chunked=", b"chunked\xc2\x85", b"compress", b"trailers", b"null", b"*",
        b"chunked,identity", b"identity,chunked,identity", b"chunked, gzip", b" , chunked", b"chunked, ", b"chunked;", b"chunked ; a=b", b"xchunked chunked",
    ]:  # fmt: skip
        yield refused(f"TE.TE the value {value!r}", head(b"Transfer-Encoding: " + value + b"\r\n") + WHOLE)
    # A name that is another's: nothing but a field of the agent's own.
    for field in [b"Transfer-Encodin: chunked", b"Transfer-Encoding-X: chunked", b"X-Transfer-Encoding: chunked", b"TransferEncoding: chunked"]:
        yield accepted(f"no coding: {field!r}", head(field + b"\r\n"))
    for field in [b"Transfer_Encoding: chunked", b"transfer_encoding: chunked", b"Content_Length: 50", b"CONTENT_LENGTH: 50"]:
        yield accepted(f"with underscores: {field!r}", head(field + b"\r\n"))


def lengths_nobody_reads() -> Iterator[Row]:
    """CL.0, 0.CL and what hides a length from one of two readers (`HTTP/1.1 must die`, 2025)."""
    inner = b"%d" % len(SMUGGLED)
    for method in (b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"PUT", b"PATCH", b"PROPFIND"):
        yield Row(
            f"CL.0 {method.decode()}", head(b"Content-Length: " + inner + b"\r\n", method + b" /x HTTP/1.1") + SMUGGLED,
            seen=((method.decode(), "/x", SMUGGLED),),
        )  # fmt: skip
    for field in [
        b"Content-Length\x1f: ", b"Content-Length\xad: ", b" Content-Length: ", b"\tContent-Length: ", b"Content-Length\r\n: ",
        b"Content-Length:\r\n\t", b"Content-Length:\n ", b"X: y\n Content-Length: ", b"X: y\n\tContent-Length: ", b"X\r\nContent-Length: ",
        b"Content-Length: +", b"Content-Length: 0,", b"Content-Length: 0\r\nContent-Length: ", b"Content-Length: 0\r\n Content-Length: ",
        b"Content-Length: 0\x0bContent-Length: ", b"Content-Length: 00000000000000000000", b"Content-Length: 0x0", b"Content-Length;: ", b"Content-Length=",
    ]:  # fmt: skip
        yield refused(f"0.CL {field!r}", head(field + inner + b"\r\n", b"GET /x HTTP/1.1") + SMUGGLED)
    for field in [b" Host: b\r\n", b"\tHost: b\r\n", b"Host : b\r\n", b"Host\t: b\r\n", b"Host\r\n: b\r\n", b"X: y\r\n Host: b\r\n", b"host: b\r\n", b"X\r\nHost: b\r\n"]:
        yield refused(f"V-H {field!r}", head(field))
    yield refused("V-H, the blank before the first field", head(host=b" Host: a\r\nHost: a\r\n"))
    yield refused("V-H, a tab before the first field", head(host=b"\tX: y\r\nHost: a\r\n"))
    yield refused("V-H, an empty first field", head(host=b" \r\nHost: a\r\n"))
    yield refused("V-H, a folded first field", head(host=b"\r\n X: y\r\nHost: a\r\n")[:40] + b"\r\n\r\n", whole=True)
    for coding in (b"gzip", b"identity", b"chunked, identity"):
        yield refused(f"TE.0 {coding.decode()}", head(b"Transfer-Encoding: " + coding + b"\r\n", b"OPTIONS /x HTTP/1.1") + WHOLE)
    yield Row("TE.0", head(CHUNKED, b"OPTIONS /x HTTP/1.1") + WHOLE, seen=(("OPTIONS", "/x", b"hello"),))
    yield refused("TE.0 in a HEAD, with a length", head(CHUNKED + b"Content-Length: 0\r\n", b"HEAD /x HTTP/1.1") + WHOLE)
    yield refused("CL.CL, the same twice in one line", head(b"Content-Length: 5, 5\r\n") + b"hello")
    yield refused("CL.CL, a list that begins with nothing", head(b"Content-Length: ,5\r\n") + b"hello")
    yield refused("CL.CL, three times", head(b"Content-Length: 5\r\n" * 3) + b"hello")
    yield refused("TE.CL in HTTP/1.0", head(CHUNKED + b"Content-Length: 5\r\n", b"POST /x HTTP/1.0") + WHOLE)
    yield refused("CL.TE in HTTP/1.0 that is kept", head(b"Connection: keep-alive\r\nContent-Length: 5\r\n" + CHUNKED, b"POST /x HTTP/1.0") + WHOLE)
