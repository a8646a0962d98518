"""What a row of the tables is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

from support.recorder import Recorded

Check = Callable[[list[Recorded]], None]
#: Method, target and body.
Seen = tuple[str, str, bytes]

#: The request behind each row, so that what a row leaves over shows.
BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#: What must never be read as a request, and in some rows may be content.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
WHOLE = b"5\r\nhello\r\n0\r\n\r\n"
LENGTH = b"Content-Length: 5\r\n"


@dataclass(frozen=True)
class Row:
    """Bytes of a client, and either the refusal or the requests that they are."""

    name: str
    data: bytes
    #: Of the refusal, after which the connection closes; None: all is accepted.
    status: Optional[int] = None
    #: What is forwarded, the request behind not counted.
    seen: tuple[Seen, ...] = ()
    #: What the program itself answers before the agent does.
    own: tuple[int, ...] = ()
    #: Whether the request behind is answered too: not when a body that nobody reads is still on its
    #: way as the answer is written.
    goes_on: bool = True
    check: Optional[Check] = None
    #: Servers that refuse the request that is forwarded, which is theirs to do.
    refused_by: tuple[str, ...] = ()
    #: Whether it is sent in one piece alone.
    whole: bool = False


def head(fields: bytes = b"", line: bytes = b"POST /x HTTP/1.1", host: bytes = b"Host: a\r\n") -> bytes:
    return line + b"\r\n" + host + fields + b"\r\n"


def refused(name: str, data: bytes, status: int = 400, **more: Any) -> Row:
    return Row(name, data, status, **more)


def accepted(name: str, data: bytes, body: bytes = b"", check: Optional[Check] = None, **more: Any) -> Row:
    return Row(name, data, seen=(("POST", "/x", body),), check=check, **more)


def without(*names: str) -> Check:
    def check(seen: list[Recorded]) -> None:
        for name in names:
            assert seen[0].values(name) == [], f"{name} was forwarded"

    return check


def there(name: str) -> Check:
    def check(seen: list[Recorded]) -> None:
        assert seen[0].values(name), f"{name} was taken away"

    return check


def with_values(**expected: list[bytes]) -> Check:
    def check(seen: list[Recorded]) -> None:
        for name, wanted in expected.items():
            found = seen[0].values(name.replace("_", "-"))
            assert found == wanted, f"{name}: {found}, not {wanted}"

    return check


def together(*checks: Check) -> Check:
    def check(seen: list[Recorded]) -> None:
        for one in checks:
            one(seen)

    return check
