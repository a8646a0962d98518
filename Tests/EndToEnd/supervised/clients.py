"""Clients that repeat nothing: what becomes of a request is what happened to it.

    python -m supervised.clients '{"port": 80, "clients": 64, "agents": ["a", "b"], "pause": 0.01, "told": "PATH"}'

Of eight clients four ask on a kept connection and one on a new one for each request, by GET and POST;
one calls by gRPC, its own channel in between, and two have WebSockets. Every client asks every agent in
turn. For each line on standard input one of JSON is written: how many were answered so far. At the end of
the input each ends with the request that it has sent, and `told` has a line of each request. A client that
is answered 503 because the supervisor drains asks no more.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any, Awaitable, Callable, Optional

import grpc

from support.agent_service import CLASSES

#: Seconds without an answer after which a client gives up.
PATIENCE = 60.0
#: Bytes of the bodies of POST, in turn.
LENGTHS = (40, 3_000, 70_000)
#: Messages of a WebSocket before the client closes it.
MESSAGES = 3
KINDS = ("kept", "kept", "new", "kept", "websocket", "kept", "grpc", "websocket")


class Ended(Exception):
    """The connection ended; `begun`: amid the answer."""

    def __init__(self, how: str, begun: bool) -> None:
        self.how, self.begun = how, begun


class Outcome:
    """What came of a request: its status, or how the connection ended."""

    def __init__(self, came: str, body: bytes = b"", begun: bool = False) -> None:
        self.came, self.body, self.begun = came, body, begun


class Connection:
    """HTTP/1.1, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port))
        except OSError as error:
            raise Ended(f"connect: {type(error).__name__}", False) from None

    def close(self) -> None:
        self._writer.transport.abort()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def head(self) -> tuple[int, dict[bytes, bytes]]:
        """A response's status and fields, names in lower case."""
        lines = (await self._until(b"\r\n\r\n", begun=False))[:-4].split(b"\r\n")
        fields = (line.split(b":", 1) for line in lines[1:])
        return int(lines[0][9:12]), {name.lower(): value.strip() for name, value in fields}

    async def body(self, fields: dict[bytes, bytes]) -> bytes:
        return await self.exactly(int(fields.get(b"content-length", b"0")))

    async def exactly(self, count: int) -> bytes:
        try:
            return await self._reader.readexactly(count)
        except asyncio.IncompleteReadError:
            raise Ended("end of file amid a response", True) from None
        except OSError as error:
            raise Ended(f"{type(error).__name__} amid a response", True) from None

    async def _until(self, mark: bytes, begun: bool) -> bytes:
        try:
            return await self._reader.readuntil(mark)
        except asyncio.IncompleteReadError as error:
            raise Ended("end of file", begun or bool(error.partial)) from None
        except OSError as error:
            raise Ended(type(error).__name__, begun) from None


class Client:
    def __init__(self, load: "Load", index: int) -> None:
        self.index, self._load = index, load
        self.kind = KINDS[index % len(KINDS)]
        self.number = 0
        self._connection: Optional[Connection] = None
        self._channel: Optional[grpc.aio.Channel] = None
        self._says: dict[str, Callable[[str, str, bytes], Awaitable[Outcome]]] = {
            "kept": self._http, "new": self._http, "websocket": self._websocket, "grpc": self._grpc,
        }  # fmt: skip

    async def run(self) -> None:
        load = self._load
        # The clients do not all begin at the same instant.
        await asyncio.sleep(load.pause * self.index / load.clients)
        while not load.is_stopping:
            agent = load.agents[(self.index + self.number) % len(load.agents)]
            identifier = f"{self.index}-{self.number}"
            body = identifier.encode().ljust(LENGTHS[self.number % len(LENGTHS)], b".")
            if self.kind in ("kept", "new") and self.number % 2 == 0:
                body = b""
            began = time.time()
            try:
                outcome = await asyncio.wait_for(self._says[self.kind](agent, identifier, body), PATIENCE)
            except Ended as end:
                outcome = Outcome(end.how, begun=end.begun)
                self._close()
            except asyncio.TimeoutError:
                outcome = Outcome("no answer")
                self._close()
            drained = load.note(self, agent, identifier, body, began, outcome)
            self.number += 1
            if drained:
                break
            await asyncio.sleep(load.pause)
        self._close()
        if self._channel:
            await self._channel.close()

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    async def _http(self, agent: str, identifier: str, body: bytes) -> Outcome:
        connection = self._connection = self._connection or await Connection.open(self._load.port)
        method = "POST" if body else "GET"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        last = "Connection: close\r\n" if self.kind == "new" else ""
        connection.send(
            f"{method} /agents/{agent}/api/echo?{identifier} HTTP/1.1\r\nHost: fleet\r\n{length}{last}\r\n".encode()
            + body
        )
        status, fields = await connection.head()
        content = await connection.body(fields)
        closing = fields.get(b"connection", b"").lower() == b"close"
        if closing or self.kind == "new":
            self._close()
        return Outcome(str(status), content)

    async def _websocket(self, agent: str, identifier: str, body: bytes) -> Outcome:
        connection = self._connection = await Connection.open(self._load.port)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.send(
            f"GET /agents/{agent}/api/socket?{identifier} HTTP/1.1\r\nHost: fleet\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        status, fields = await connection.head()
        if status != 101:
            content = await connection.body(fields)
            self._close()
            return Outcome(str(status), content)
        content = b""
        for _ in range(MESSAGES):
            mask = os.urandom(4)
            masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(body[:200]))
            connection.send(b"\x82" + bytes([0x80 | 126]) + struct.pack(">H", len(masked)) + mask + masked)
            kind, length = await connection.exactly(2)
            if length == 126:
                length = struct.unpack(">H", await connection.exactly(2))[0]
            content = await connection.exactly(length)
            if kind != 0x82:
                code = struct.unpack(">H", content[:2])[0] if len(content) >= 2 else 0
                raise Ended(f"WebSocket closed with {code}", True)
        connection.send(b"\x88\x82" + b"\0\0\0\0" + struct.pack(">H", 1000))
        self._close()
        return Outcome("200", content)

    async def _grpc(self, agent: str, identifier: str, body: bytes) -> Outcome:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self._load.port}", options)
        prefix, metadata = f"/agents/{agent}/a2a", None
        if self.number % 2:
            prefix, metadata = "", (("x-agent-id", agent),)
        call = self._channel.unary_unary(
            f"{prefix}/pixell.agent.AgentService/Invoke",
            request_serializer=CLASSES["ActionRequest"].SerializeToString,
            response_deserializer=CLASSES["ActionResult"].FromString,
        )
        asked = CLASSES["ActionRequest"](
            action="echo", parameters={"id": identifier, "body": body.decode()}, request_id=identifier
        )
        try:
            result = await call(asked, timeout=PATIENCE, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return Outcome(f"{error.code().name}: {error.details()}")
        if not result.success:
            return Outcome(f"an error of the agent: {result.error}")
        return Outcome("200", result.result.encode())


class Load:
    def __init__(self, given: dict[str, Any]) -> None:
        self.port, self.agents, self.pause = int(given["port"]), given["agents"], float(given["pause"])
        self.clients = int(given["clients"])
        self.is_stopping = False
        self.right = self.others = 0
        self._told = open(Path(given["told"]), "w")

    def note(
        self, client: Client, agent: str, identifier: str, body: bytes, began: float, outcome: Outcome
    ) -> bool:
        """Writes down what became of a request; whether it is the client's last one."""
        version, came, drained = None, outcome.came, False
        sent = body[:200] if client.kind == "websocket" else body
        if came == "200":
            try:
                said = json.loads(outcome.body)
                version = said["version"]
                if said["agent"] != agent:
                    came = f"WRONG AGENT {said['agent']}"
                elif (said["id"], said["bytes"], said["sha256"]) != (
                    identifier, len(sent), hashlib.sha256(sent).hexdigest()
                ):  # fmt: skip
                    came = f"WRONG CONTENT {outcome.body[:200]!r}"
            except (ValueError, KeyError, TypeError):
                came = f"WRONG CONTENT {outcome.body[:200]!r}"
        elif outcome.body:
            try:
                problem = json.loads(outcome.body)
                came = f"{came}: {problem['error']} ({problem.get('state')})"
                drained = problem.get("state") in ("draining", "stopped")
            except (ValueError, KeyError, TypeError, AttributeError):
                came = f"{came}: {outcome.body[:200]!r}"
        self.right += came == "200"
        self.others += came != "200"
        row = [identifier, client.kind, agent, came, version, outcome.begun, began, time.time()]
        self._told.write(json.dumps(row) + "\n")
        return drained or is_draining(came)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(0, self._command)
        await asyncio.gather(*(Client(self, index).run() for index in range(self.clients)))
        self._told.close()

    def _command(self) -> None:
        data = os.read(0, 4096)
        if not data:
            asyncio.get_running_loop().remove_reader(0)
            self.is_stopping = True
        for _ in range(data.count(b"\n")):
            print(json.dumps({"right": self.right, "others": self.others}), flush=True)


def is_draining(came: str) -> bool:
    """Of a call: gRPC has no state in its answer."""
    return came.startswith("UNAVAILABLE") and ("stopping" in came or "draining" in came)


if __name__ == "__main__":
    asyncio.run(Load(json.loads(sys.argv[1])).run())
