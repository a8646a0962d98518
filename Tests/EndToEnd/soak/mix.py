"""The first run: requests of every kind."""

from __future__ import annotations

import collections
import itertools
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from support import packages

from .holdings import Table, compare, descriptors
from .program import PATIENCE, Program

#: Requests of one round; a look at the program follows each round.
ROUND = 100_000
#: Rounds between one end of the worker amid the load and the next.
ROUNDS_A_KILL = 3

SERVER = """
import asyncio, os, signal

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message.get("text") or ""})
        return
    length = 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    if scope["path"].endswith("/events"):
        fields = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        for number in range(20):
            body = b"data: %d\\n\\n" % number
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(0.005)
        return await send({"type": "http.response.body", "body": b""})
    body = b'{"bytes":%d}' % length
    fields = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})
"""

SERVICE = """
async def echo(parameters):
    return "echo"

def create_service():
    return {"custom_handlers": {"echo": echo}}
"""

#: `ActionRequest` with the action echo, framed as gRPC does.
INVOKE = b"\0\0\0\0\x06\x0a\x04echo"


class Mix:
    """Rounds of requests of every kind; each knows how many were answered, and how."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self._files = {}
        for name, content in (("small", b"x" * 200), ("large", b"x" * 50_000), ("call", INVOKE)):
            self._files[name] = folder / name
            self._files[name].write_bytes(content)
        self.answers: collections.Counter[str] = collections.Counter()
        #: Of rounds without an end of the worker.
        self.failures: list[str] = []
        self._is_killing = False

    def round(self, requests: int, killing: bool) -> int:
        """About so many requests; `killing`: the worker is ended amid them."""
        rest, a2a = self._program.base, f"http://127.0.0.1:{self._program.ports['a2a_port']}"
        invoke = ["-d", str(self._files["call"]), "-H", "content-type: application/grpc",
                  "-H", "te: trailers"]  # fmt: skip
        path = "/pixell.agent.AgentService/Invoke"
        parts = [
            ("HTTP/1.1", 40, ["--h1", "-c", "32", f"{rest}/api/x"]),
            ("bodies", 15, ["--h1", "-c", "16", "-d", str(self._files["small"]), f"{rest}/api/x"]),
            ("large bodies", 1, ["--h1", "-c", "8", "-d", str(self._files["large"]), f"{rest}/api/x"]),
            ("page", 10, ["--h1", "-c", "8", f"{rest}/agents/soak/ui/"]),
            ("HTTP/2", 16, ["-c", "8", "-m", "16", f"{rest}/api/x"]),
            ("gRPC", 8, ["-c", "4", "-m", "16", *invoke, a2a + path]),
        ]  # fmt: skip
        self._is_killing = killing
        done = 0
        for number, (name, share, arguments) in enumerate(parts):
            # One kind of request sees the worker end, the next one sees it replaced.
            change = self._program.reload if number % 2 else self._program.restart
            killer = threading.Timer(0.2, change) if killing else None
            if killer:
                killer.start()
            done += self._h2load(name, requests * share // 100, arguments)
            if killer:
                killer.join()
        done += self._new_connections(requests // 10)
        done += self._streams()
        done += self._websockets()
        return done

    def visit_every_loop(self) -> None:
        """Each event loop opens the folder of the page once and keeps it open."""
        pid = self._program.process.pid
        # The others are the main thread and the log's.
        loops = len(os.listdir(f"/proc/{pid}/task")) - 2
        end = time.monotonic() + PATIENCE
        while sum(one.endswith("/ui") for one in descriptors(pid)["files"]) < loops:
            if time.monotonic() > end:
                raise SystemExit(f"not every one of {loops} event loops takes connections")
            self._h2load("page", 256, ["--h1", "-c", "64", f"{self._program.base}/agents/soak/ui/"])

    def _h2load(self, name: str, count: int, arguments: list[str]) -> int:
        done = subprocess.run(
            ["h2load", "-n", str(count), "-t", "1", *arguments],
            capture_output=True, text=True, timeout=PATIENCE * 10,
        )  # fmt: skip
        answered = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
        if not answered:
            raise SystemExit(f"h2load for {name}:\n{done.stdout}{done.stderr}")
        self._count(name, int(answered[1]), count - int(answered[1]))
        return count

    def _count(self, name: str, right: int, wrong: int) -> None:
        self.answers[name] += right
        if wrong:
            self.answers[f"{name}: not 2xx, or no answer"] += wrong
            if not self._is_killing:
                self.failures.append(f"{name}: {wrong} requests failed, and no worker ended")

    def _new_connections(self, count: int) -> int:
        """wrk works for a time, not for a number: seconds until there are enough."""
        done = 0
        while done < count:
            out = subprocess.run(
                ["wrk", "-t1", "-c16", "-d2s", "-H", "Connection: close",
                 f"{self._program.base}/api/x"],
                capture_output=True, text=True, timeout=PATIENCE,
            ).stdout  # fmt: skip
            answered = re.search(r"(\d+) requests in", out)
            wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
            if not answered or int(answered[1]) == 0:
                raise SystemExit(f"wrk:\n{out}")
            failed = int(wrong[1]) if wrong else 0
            self._count("new connections", int(answered[1]) - failed, failed)
            done += int(answered[1])
        return done

    def _streams(self, count: int = 40) -> int:
        """Half of them are read to their end, the others left in their middle."""
        request = b"GET /api/events HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n"
        clients = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", self._program.ports["rest_port"]), PATIENCE)
            one.sendall(request)
            clients.append(one)
        for number, one in enumerate(clients):
            read = one.recv(300)
            while number % 2 == 0 and (more := one.recv(65536)):
                read += more
            one.close()
            right = b" 200 " in read and bool(number % 2 or read.endswith(b"0\r\n\r\n"))
            self._count("event streams", right, not right)
        return count

    def _websockets(self, count: int = 10) -> int:
        """Half of them are closed as they should be, the others' connections just end."""
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        for number in range(count):
            right = False
            try:
                with connect(f"ws{self._program.base[4:]}/api/socket", open_timeout=PATIENCE) as one:
                    one.send(f"{number}")
                    right = one.recv(PATIENCE) == f"{number}"
                    if number % 2:
                        one.socket.shutdown(socket.SHUT_RDWR)
            except (WebSocketException, OSError) as error:
                print(f"  a WebSocket: {error!r}")
            self._count("WebSockets", right, not right)
        return count


def serve_requests(folder: Path, requests: int, growth_mb: float) -> list[str]:
    program = Program(folder, "requests", {
        "agent.yaml": packages.manifest(
            http_server="src.server:app", a2a={"service": "src.service:create_service"},
            ui={"path": "ui"},
        ),
        "src/server.py": SERVER, "src/service.py": SERVICE,
        "ui/index.html": "<title>soak</title>",
    })  # fmt: skip
    try:
        mix, table = Mix(program, folder), Table(program)
        size = min(ROUND, max(requests // 4, 1000))
        table.requests += mix.round(size, killing=True)
        mix.visit_every_loop()
        program.settle()
        before = table.row("before")
        for number in itertools.count():
            if table.requests >= requests:
                break
            table.requests += mix.round(size, killing=number % ROUNDS_A_KILL == 0)
            table.minute()
        program.settle()
        after = table.row("after")
        for name, count in sorted(mix.answers.items()):
            print(f"  {name:44} {count:10}")
        return compare(before, after, growth_mb) + mix.failures[:8] + program.ended()
    finally:
        program.process.kill()
