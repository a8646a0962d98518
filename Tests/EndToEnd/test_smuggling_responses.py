"""Answers of an agent that two readers could read differently: 502 or cut off, or written anew; and never read by the
next client.

Each is given to a client that keeps its connection, by HTTP/1.1 and by HTTP/2; behind it, on the same
connection and on another, a request must get its own answer.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Optional

from http2.peer import Ended, Peer
from smuggling import http2_rows
from smuggling.response_rows import ROWS, Response
from support import packages
from support.clients import Connection
from support.figures import metrics
from support.recorder import Recorded, recording

#: Clients at once.
PARALLEL = 4


def answer(recorded: Recorded) -> tuple[bytes, bool]:
    """The row that the target names; else the target itself."""
    if recorded.target.startswith("/row/"):
        row = ROWS[int(recorded.target[5:])]
        return row.data, not row.closes
    text = recorded.target.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text, True


class Client:
    """Keeps its connection as long as the program does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: Optional[Connection] = None

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def ask(self, method: str, target: str) -> tuple[int, Optional[bytes]]:
        """The final status, and the content; None: cut off."""
        connection = self._connection = self._connection or Connection(self.port)
        connection.request(target, method)
        status, fields = connection.head()
        while status < 200:
            status, fields = connection.head()
        content: Optional[bytes] = b""
        try:
            if method != "HEAD" and status not in (204, 304):
                content = connection.content(fields)
        except (EOFError, ConnectionError):
            content = None
        if content is None or fields.get("connection") == "close":
            self.close()
        return status, content


def ask_http2(peer: Peer, method: str, target: str) -> tuple[int, Optional[bytes]]:
    number = peer.next_stream()
    peer.send(http2_rows.stream(http2_rows.request(method=method.encode(), path=target.encode()), None, number=number))
    response = peer.response(number)
    # A stream that is reset may lose its head.
    return int(response.status or 200), response.content if response.ended else None


def judge(row: Response, status: int, content: Optional[bytes]) -> None:
    assert status == row.status, f"{status}, not {row.status}"
    if row.status != 502:
        assert content == row.content, f"{content!r}, not {row.content!r}"
    assert row.content and b"evil" in row.content or b"evil" not in (content or b"")


def problem(port: int, number: int, row: Response, version: str) -> Optional[str]:
    """What is wrong with what became of this answer, and of those behind it."""
    try:
        if version == "HTTP/2":
            with Peer(port) as peer:
                judge(row, *ask_http2(peer, row.method, f"/row/{number}"))
                assert ask_http2(peer, "GET", f"/same/{number}") == (200, b"/same/%d" % number)
                assert peer.violations == []
        else:
            client = Client(port)
            judge(row, *client.ask(row.method, f"/row/{number}"))
            assert client.ask("GET", f"/same/{number}") == (200, b"/same/%d" % number)
            client.close()
        other = Client(port)
        assert other.ask("GET", f"/other/{number}") == (200, b"/other/%d" % number)
        other.close()
    except (AssertionError, Ended, EOFError, OSError) as error:
        return f"{version}, {row.name}: {type(error).__name__} {error}"
    return None


def test_no_answer_is_anothers(par, tmp_path):
    package = packages.archive(tmp_path / "tiny.apkg", packages.rest_files("def mount(app):\n    pass\n"))
    run = par(package, DRAIN_MIN_SEC="0.1", LOG_LEVEL="error")
    run.ready()
    rows = [(number, row, version) for number, row in enumerate(ROWS) for version in ("HTTP/1.1", "HTTP/2")]
    with recording(run, answer=answer) as recorder, ThreadPoolExecutor(PARALLEL) as pool:
        problems = [one for one in pool.map(lambda row: problem(run.port, *row), rows) if one]
        assert metrics(run)["par_requests_in_flight"] == 0
        assert run.stop() == 0
        assert recorder.problems == []
    assert not problems, f"{len(problems)} of {2 * len(ROWS)}\n" + "\n".join(problems)
