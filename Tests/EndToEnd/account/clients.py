"""Clients on raw sockets that repeat nothing: what becomes of a request is what happened to it.

    python -m account.clients '{"port": 8080, "clients": 64}'

Every second client keeps its connection, the others make one for each request; half of these ask
for its end. They ask without a pause. For each line on standard input a line of JSON is written:
how many were answered so far; at the end of the input all of it.
"""

from __future__ import annotations

import array
import collections
import errno
import heapq
import json
import os
import select
import socket
import sys
import time
from typing import Any, Generator, Optional, Union

from .ledger import PER_CLIENT
from .requests import Request, request

#: Seconds without an answer after which a client gives up.
PATIENCE = 60.0
#: Failed requests that are told one by one; all are counted.
TOLD = 20_000

#: What a client waits for: its socket (None), or so many seconds to pass.
Wait = Generator[Optional[float], None, None]


class Ended(Exception):
    """The other side ended the connection; `begun`: amid a response."""

    def __init__(self, how: str, begun: bool) -> None:
        self.how, self.begun = how, begun


class Client:
    def __init__(self, load: "Load", index: int) -> None:
        self.index, self._load = index, load
        self.keeps = index % 2 == 0
        self._asks_for_close = index % 4 == 1
        self._address = (f"127.0.1.{index % 200 + 1}", 0)
        self._socket: Optional[socket.socket] = None
        self._buffer = b""
        self.number = 0
        self.began: Optional[float] = None
        self.is_sleeping = False
        self.is_done = False
        self.steps = self._run()

    def _run(self) -> Wait:
        while not self._load.is_stopping and self.number < PER_CLIENT:
            asked = request(self.index, self.number, self._asks_for_close)
            self.began = time.monotonic()
            try:
                status, body, keeps = yield from self._exchange(asked)
            except Ended as end:
                self._load.failed(self, asked, f"{end.how}", end.begun)
                self._close()
            except TimeoutError:
                self._load.failed(self, asked, "no answer", bool(self._buffer))
                self._close()
            else:
                self._load.answered(self, asked, status, body)
                if not (keeps and self.keeps):
                    self._close()
            self.began = None
            self.number += 1
        self._close()
        self.is_done = True

    def _close(self) -> None:
        if self._socket is not None:
            self._load.forget(self._socket)
            self._socket.close()
        self._socket, self._buffer = None, b""

    def _exchange(self, asked: Request) -> Generator[Optional[float], None, tuple[int, bytes, bool]]:
        if self._socket is None:
            yield from self._connect()
        sent_all = True
        for place, part in enumerate(asked.parts):
            if isinstance(part, float):
                yield part
                continue
            if not (yield from self._send(part)):
                sent_all = False
                break
            if asked.kind == "expect" and place == 0:
                status, fields = yield from self._head()
                if status != 100:
                    body = yield from self._body(status, fields)
                    return status, body, False
        while True:
            status, fields = yield from self._head()
            if status >= 200:
                break
        body = yield from self._body(status, fields)
        closing = b"\r\nconnection: close" in fields
        if self._buffer:
            raise Ended("more than a response", True)
        return status, body, sent_all and not closing

    def _connect(self) -> Wait:
        self._socket = one = socket.socket()
        one.setblocking(False)
        # Each client has an address of its own, so that none runs out of ports.
        one.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        one.bind(self._address)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = one.connect_ex(("127.0.0.1", self._load.port))
        self._load.remember(one, self)
        if code == errno.EINPROGRESS:
            yield None
            code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise Ended(f"connect: {errno.errorcode.get(code, code)}", False)

    def _send(self, data: bytes) -> Generator[Optional[float], None, bool]:
        """Whether all of it was taken; what the other side said before it went is still read."""
        assert self._socket is not None
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view, socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                yield None
                try:
                    self._buffer += self._socket.recv(65536)
                except BlockingIOError:
                    continue
                except OSError:
                    return False
                if self._buffer:
                    return False
            except OSError:
                return False
        return True

    def _fill(self) -> Wait:
        assert self._socket is not None
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                yield None
                continue
            except OSError as error:
                name = errno.errorcode.get(error.errno or 0, "?")
                raise Ended(name, bool(self._buffer)) from None
            if not data:
                raise Ended("end of file", bool(self._buffer))
            self._buffer += data
            return

    def _head(self) -> Generator[Optional[float], None, tuple[int, bytes]]:
        """The status, and the fields in lower case."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            yield from self._fill()
        head, self._buffer = self._buffer[: end + 2].lower(), self._buffer[end + 4 :]
        return int(head[9:12]), head

    def _body(self, status: int, fields: bytes) -> Generator[Optional[float], None, bytes]:
        try:
            start = fields.find(b"\r\ncontent-length: ")
            if start >= 0:
                length = int(fields[start + 18 : fields.find(b"\r\n", start + 18)])
                while len(self._buffer) < length:
                    yield from self._fill()
                body, self._buffer = self._buffer[:length], self._buffer[length:]
                return body
            body = b""
            while True:
                while (end := self._buffer.find(b"\r\n")) < 0:
                    yield from self._fill()
                size = int(self._buffer[:end], 16)
                while len(self._buffer) < end + 2 + size + 2:
                    yield from self._fill()
                body += self._buffer[end + 2 : end + 2 + size]
                self._buffer = self._buffer[end + 2 + size + 2 :]
                if not size:
                    return body
        except Ended as end:
            raise Ended(f"{end.how} amid a {status}", True) from None


class Load:
    def __init__(self, port: int, clients: int) -> None:
        self.port = port
        self.is_stopping = False
        self._poll = select.epoll()
        self._by_descriptor: dict[int, Client] = {}
        self._sleepers: list[tuple[float, int, Client]] = []
        self.right = 0
        self.kinds: collections.Counter[str] = collections.Counter()
        self.failures: list[dict[str, Any]] = []
        self.failure_count = 0
        self._times = array.array("f")
        self._longest: dict[str, Any] = {"seconds": 0.0}
        self.clients = [Client(self, index) for index in range(clients)]

    # --- what clients tell ---

    def remember(self, one: socket.socket, client: Client) -> None:
        self._by_descriptor[one.fileno()] = client
        self._poll.register(one.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    def forget(self, one: socket.socket) -> None:
        self._by_descriptor.pop(one.fileno(), None)

    def answered(self, client: Client, asked: Request, status: int, body: bytes) -> None:
        if status == 200 and body == asked.wanted:
            self.right += 1
            self.kinds[asked.kind] += 1
            self._took(client, asked)
        elif status == 200:
            self.failed(client, asked, f"wrong content: {body[:200]!r}", True)
        else:
            self.failed(client, asked, f"{status}", False, body[:300].decode("latin-1"))

    def failed(
        self, client: Client, asked: Request, came: str, response_begun: bool, said: str = ""
    ) -> None:
        self.failure_count += 1
        took = self._took(client, asked)
        if len(self.failures) < TOLD:
            self.failures.append(
                {
                    "id": asked.identifier,
                    "kind": asked.kind,
                    "keeps": client.keeps,
                    "came": came,
                    "response_begun": response_begun,
                    "said": said,
                    "at": time.monotonic(),
                    "took": took,
                }
            )

    def _took(self, client: Client, asked: Request) -> float:
        assert client.began is not None
        took = time.monotonic() - client.began
        self._times.append(took)
        if took > self._longest["seconds"]:
            self._longest = {"seconds": took, "id": asked.identifier, "kind": asked.kind}
        return took

    # --- the loop ---

    def _step(self, client: Client, error: Optional[Exception] = None) -> None:
        try:
            wait = client.steps.throw(error) if error else next(client.steps)
        except StopIteration:
            return
        if wait is not None:
            client.is_sleeping = True
            heapq.heappush(self._sleepers, (time.monotonic() + wait, client.index, client))

    def run(self) -> None:
        """Until the standard input ends."""
        self._poll.register(0, select.EPOLLIN)
        for client in self.clients:
            self._step(client)
        look = time.monotonic() + 1
        while not all(client.is_done for client in self.clients):
            wait = 0.5
            if self._sleepers:
                wait = max(0.0, self._sleepers[0][0] - time.monotonic())
            for descriptor, _ in self._poll.poll(min(wait, 0.5)):
                if descriptor == 0:
                    self._command()
                    continue
                client = self._by_descriptor.get(descriptor)
                if client is not None and not client.is_sleeping:
                    self._step(client)
            now = time.monotonic()
            while self._sleepers and self._sleepers[0][0] <= now:
                client = heapq.heappop(self._sleepers)[2]
                client.is_sleeping = False
                self._step(client)
            if now > look:
                look = now + 1
                for client in self.clients:
                    waits = client.began is not None and not client.is_sleeping
                    if waits and now - (client.began or now) > PATIENCE:
                        self._step(client, TimeoutError())

    def _command(self) -> None:
        data = os.read(0, 4096)
        if not data:
            self._poll.unregister(0)
            self.is_stopping = True
        for _ in range(data.count(b"\n")):
            print(json.dumps({"right": self.right, "failed": self.failure_count}), flush=True)

    def report(self) -> dict[str, Any]:
        times = sorted(self._times)

        def quantile(part: float) -> float:
            return times[min(len(times) - 1, int(len(times) * part))] if times else 0.0

        return {
            "sent": [client.number for client in self.clients],
            "right": self.right,
            "kinds": dict(self.kinds),
            "failed": self.failure_count,
            "failures": self.failures,
            "longest": self._longest,
            "p50": quantile(0.5),
            "p99": quantile(0.99),
        }


def main() -> None:
    given: dict[str, Union[int, str]] = json.loads(sys.argv[1])
    load = Load(int(given["port"]), int(given["clients"]))
    load.run()
    print(json.dumps(load.report()), flush=True)


if __name__ == "__main__":
    main()
