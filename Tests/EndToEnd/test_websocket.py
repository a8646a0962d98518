"""WebSockets through the program: a real client, the agent host's real server, one run for all."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import Any, Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from support import packages
from support.clients import Connection, until
from support.figures import metric, metrics, resident
from support.program import DEADLINE, Run

AGENT = '''
import asyncio, hashlib, os
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

ended = []

def mount(app: FastAPI) -> None:
    @app.websocket("/api/echo")
    async def echo(socket: WebSocket):
        await socket.accept(subprotocol=next(iter(socket.scope["subprotocols"]), None))
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message.get("code"), message.get("reason"))
                if message.get("text") is not None:
                    await socket.send_text(message["text"])
                else:
                    await socket.send_bytes(message["bytes"])
        except WebSocketDisconnect as end:
            ended.append(end.code)

    @app.websocket("/api/both")
    async def both(socket: WebSocket):
        """Numbers of its own, while it counts those of the client."""
        await socket.accept()
        async def talk():
            for number in range(1000):
                await socket.send_text(f"agent {number}")
        talking = asyncio.ensure_future(talk())
        for number in range(1000):
            assert await socket.receive_text() == f"client {number}"
        await talking
        await socket.close(4321, "counted")

    @app.websocket("/api/scope")
    async def scope(socket: WebSocket):
        await socket.accept()
        headers = dict(socket.headers)
        await socket.send_json({
            "pid": os.getpid(), "path": socket.scope["path"], "root_path": socket.scope["root_path"],
            "query": socket.scope["query_string"].decode(), "client": socket.client.host,
            "url": str(socket.url), "prefix": headers.get("x-forwarded-prefix"),
            "request_id": headers.get("x-request-id"), "names": list(headers),
        })
        await socket.close()

    @app.websocket("/api/no")
    async def no(socket: WebSocket):
        await socket.close()

    @app.get("/api/ended")
    async def codes():
        return ended
'''

BASE = "/agents/probe"


def opened(run: Run, path: str, **arguments: Any) -> ClientConnection:
    port = arguments.pop("port", run.port)
    return connect(
        f"ws://127.0.0.1:{port}{path}", open_timeout=DEADLINE, max_size=None, proxy=None, **arguments
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    files = packages.rest_files(AGENT, ui={"path": "ui"}, extra={"ui/index.html": "<p>page</p>"})
    return packages.archive(tmp_path_factory.mktemp("package") / "p.apkg", files)


@pytest.fixture
def ready(par, package) -> Iterator[Run]:
    run = par(package, MULTIPLEXED="false", ACCESS_LOG="true", STREAM_DRAIN_SEC="0.5")
    run.ready()
    yield run


def test_websockets(ready):
    """What a client can do, one thing after the other on one run, for a start takes longer than all."""
    messages(ready)
    interleaved(ready)
    large(ready)
    close_codes(ready)
    refusals(ready)
    scope(ready)
    idle(ready)
    killed_worker(ready)
    drain(ready)


def messages(run: Run) -> None:
    with opened(run, f"{BASE}/api/echo", subprotocols=["chat", "other"]) as socket:
        assert socket.subprotocol == "chat"
        # Agreed between the two ends, and passed as it is.
        assert [one.name for one in socket.protocol.extensions] == ["permessage-deflate"]
        for message in ("a", "", "ä" * 1000, b"\x88\x00", b"", "x" * 200_000):
            socket.send(message)
            assert socket.recv(DEADLINE) == message
        assert socket.ping().wait(DEADLINE)
        socket.send(["in ", "three ", "frames"])
        assert socket.recv(DEADLINE) == "in three frames"
        assert metric(run, "par_tunnels") == 1 and metric(run, "par_requests_in_flight") == 1
    assert metric(run, "par_tunnels_total") == 1
    line = run.wait("request", path=f"{BASE}/api/echo")
    assert line["status"] == 101 and line["surface"] == "rest" and line["bytes"] > 500
    until(lambda: metric(run, "par_requests_in_flight") == 0, "the tunnel is counted as ended")
    assert metric(run, "par_requests_completed_total") == 1
    assert metrics(run)['par_requests_total{surface="rest",status="1xx"}'] == 1


def interleaved(run: Run) -> None:
    with opened(run, "/api/both", compression=None) as socket:

        def talk() -> None:
            for number in range(1000):
                socket.send(f"client {number}")

        talking = threading.Thread(target=talk, daemon=True)
        talking.start()
        for number in range(1000):
            assert socket.recv(DEADLINE) == f"agent {number}"
        talking.join(DEADLINE)
        with pytest.raises(ConnectionClosed) as end:
            socket.recv(DEADLINE)
        assert (end.value.rcvd.code, end.value.rcvd.reason) == (4321, "counted")


def large(run: Run) -> None:
    message = os.urandom(1 << 20) * 16
    with opened(run, "/api/echo", compression=None) as socket:
        socket.send(message)
        assert socket.recv(DEADLINE) == message


def close_codes(run: Run) -> None:
    with opened(run, "/api/echo") as socket:
        socket.close(4000, "enough")
    with Connection(run.port) as client:  # and one that goes without a word
        handshake(client)

    def codes() -> list[int]:
        return httpx.get(f"{run.base}/api/ended").json()

    until(lambda: len(codes()) == 4, "the agent has heard how all ended")
    assert codes()[:3] == [1000, 1000, 4000] and codes()[3] in (1005, 1006)


def handshake(client: Connection) -> None:
    client.request(
        "/api/echo",
        headers="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    )
    status, fields = client.head()
    assert status == 101 and fields["upgrade"] == "websocket"
    assert fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def refusals(run: Run) -> None:
    for path, status in (("/api/no", 403), ("/api/absent", 403), ("/livez", 200)):
        with pytest.raises(InvalidStatus) as refused:
            opened(run, path)
        assert refused.value.response.status_code == status
    # An ordinary GET of it is what the agent says to one.
    assert httpx.get(f"{run.base}/api/echo").status_code == 404


def scope(run: Run) -> None:
    ui_port = run.events("runtime_ready")[0]["ui_port"]
    for port in (run.port, ui_port):
        with opened(
            run, f"{BASE}/api/scope?a=%2F", port=port, additional_headers={"X-Request-ID": "mine"}
        ) as socket:
            seen = json.loads(socket.recv(DEADLINE))
        assert seen["path"] == f"{BASE}/api/scope" and seen["root_path"] == BASE
        assert seen["query"] == "a=%2F" and seen["client"] == "127.0.0.1"
        assert seen["prefix"] == BASE and seen["request_id"] == "mine"
        assert seen["url"] == f"ws://127.0.0.1:{port}{BASE}/api/scope?a=%2F"
        assert seen["pid"] == run.worker_pid and "x-par-slot" not in seen["names"]
    # Behind a load balancer with TLS, which is trusted.
    with opened(
        run, f"{BASE}/api/scope", additional_headers={"X-Forwarded-Proto": "https"}
    ) as socket:
        assert json.loads(socket.recv(DEADLINE))["url"].startswith("wss://")


def idle(run: Run) -> None:
    """An idle tunnel costs at most 16 KB, here as 100 of them."""
    clients = [Connection(run.port) for _ in range(100)]
    until(lambda: metric(run, "par_connections") >= 100, "all are connected")
    before = resident(run.pid)
    for client in clients:
        handshake(client)
    assert metric(run, "par_tunnels") == 100
    each = (resident(run.pid) - before) / 100
    assert each < 16 * 1024, f"{each:.0f} bytes for one tunnel"
    for client in clients:
        client.close()
    until(lambda: metric(run, "par_tunnels") == 0, "all tunnels have ended")


def killed_worker(run: Run) -> None:
    with opened(run, f"{BASE}/api/echo", additional_headers={"X-Request-ID": "cut"}) as socket:
        socket.send("a")
        assert socket.recv(DEADLINE) == "a"
        os.kill(run.worker_pid, signal.SIGKILL)
        with pytest.raises(ConnectionClosed) as end:
            socket.recv(DEADLINE)
        assert end.value.rcvd is None
    assert run.wait("request_aborted", request_id="cut")["route"] == f"{BASE}/api/echo"
    # The next one waits for the next agent.
    with opened(run, "/api/echo") as socket:
        socket.send("b")
        assert socket.recv(DEADLINE) == "b"
    run.ready(count=2)


def drain(run: Run) -> None:
    with opened(run, "/api/echo") as socket:
        sent = run.send()
        run.wait("drain")
        socket.send("still served")
        assert socket.recv(DEADLINE) == "still served"
        with pytest.raises(ConnectionClosed) as end:
            socket.recv(DEADLINE)
        assert end.value.rcvd.code == 1001
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean"
    assert run.time_of(run.stopped) - sent < 5
