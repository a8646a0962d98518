"""How event streams and WebSockets end in a drain."""

import contextlib
import socket

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect

from conftest import WAIT_SEC

CODE = """
import asyncio
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from starlette.responses import Response, StreamingResponse
from sse_starlette.sse import EventSourceResponse

app = FastAPI()
def told(name, what): print("%s: %s" % (name, what), flush=True)

@app.get("/starlette")
async def starlette():
    async def lines():
        try:
            yield "data: first\\n\\n"
            await asyncio.Event().wait()
        finally:
            told("starlette", "ended")
    return StreamingResponse(lines(), media_type="text/event-stream")

@app.get("/thread")
async def thread():
    import time
    def lines():
        yield "data: first\\n\\n"
        while True:
            time.sleep(0.02)
            yield ": tick\\n\\n"
    return StreamingResponse(lines(), media_type="Text/Event-Stream; charset=utf-8")

@app.get("/sse")
async def sse():
    async def events():
        try:
            yield {"data": "first"}
            await asyncio.Event().wait()
        finally:
            told("sse", "ended")
    return EventSourceResponse(events())

@app.get("/polite")
async def polite(request: Request):
    async def lines():
        yield "data: first\\n\\n"
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)
        yield "data: goodbye\\n\\n"
    # Its listener would see the disconnect first and stop the generator.
    response = StreamingResponse(lines(), media_type="text/event-stream")
    return Alone(response)

class Alone(Response):
    def __init__(self, response): self.response, self.background = response, None
    async def __call__(self, scope, receive, send): await self.response.stream_response(send)

@app.get("/other")
async def other(request: Request):
    async def lines():
        yield "first\\n"
        await asyncio.sleep(0.3)
        yield "last\\n"
    return StreamingResponse(lines(), media_type="text/plain")

@app.websocket("/iterate")
async def iterate(websocket: WebSocket):
    await websocket.accept()
    told("draining", websocket.state.draining.is_set())
    async for text in websocket.iter_text():
        await websocket.send_text(text)
    told("iterate", "ended")

@app.websocket("/receive")
async def receive(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text("hello")
    try:
        await websocket.receive_text()
    except WebSocketDisconnect as error:
        told("receive", error.code)
    try:
        await websocket.send_text("too late")
    except (RuntimeError, WebSocketDisconnect) as error:
        told("receive", "cannot send")

@app.websocket("/send")
async def send(websocket: WebSocket):
    await websocket.accept()
    while True:
        await websocket.send_text("tick")
        await asyncio.sleep(0.02)

@app.websocket("/refuse")
async def refuse(websocket: WebSocket):
    await websocket.close()

class Plain:
    # ASGI by hand: one that never receives, one that never sends again either.
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send):
        path = scope["path"][-6:]
        if scope["type"] != "http" or path not in ("/plain", "/still"):
            return await self.app(scope, receive, send)
        headers = iter([(b"Content-Type", b"text/event-stream")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"data: first\\n\\n", "more_body": True})
                await asyncio.sleep(0.02 if path == "/plain" else 1000)
        finally:
            told(path, "left")

served = Plain(app)
"""


@pytest.fixture
def agent(package, host):
    one = host(package({"main.py": CODE}), http_server="main:served")
    one.ready()
    return one


@contextlib.contextmanager
def _stream(one, path):
    """An event stream's first piece, and a function that gives the rest, up to its proper end."""
    with one.client() as client, client.stream("GET", path) as response:
        chunks = response.iter_bytes()
        yield next(chunks), lambda: b"".join(chunks)


def _websocket(one, path):
    return unix_connect(one.socket_path, "ws://agent.test" + path, close_timeout=WAIT_SEC)


@contextlib.contextmanager
def _silent_websocket(one):
    """A WebSocket's connection whose client never says that it saw the end."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WAIT_SEC)
        connection.connect(one.socket_path)
        connection.sendall(
            b"GET /receive HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        while b"hello" not in connection.recv(65536):
            pass
        yield connection


def _code(one):
    """The code with which the server closes."""
    try:
        while True:
            one.recv(WAIT_SEC)
    except ConnectionClosed as closed:
        return closed.rcvd.code


def test_every_stream_is_ended_properly_and_its_application_told(agent):
    paths = ["/starlette", "/thread", "/sse", "/polite", "/plain", "/still"]
    with contextlib.ExitStack() as streams:
        opened = {path: streams.enter_context(_stream(agent, path)) for path in paths}
        other = streams.enter_context(_stream(agent, "/other"))
        firsts = {path: first for path, (first, _) in opened.items()}
        assert all(b"data: first" in first for first in firsts.values()), firsts
        iterate, receive, send = (
            streams.enter_context(_websocket(agent, path))
            for path in ("/iterate", "/receive", "/send")
        )
        silent = streams.enter_context(_silent_websocket(agent))
        iterate.send("echo")
        assert [iterate.recv(), receive.recv(), send.recv()] == ["echo", "hello", "tick"]
        agent.tell("drain")
        agent.tell("end_streams")
        ends = {path: rest() for path, (_, rest) in opened.items()}
        assert ends["/polite"] == b"data: goodbye\n\n"
        assert ends["/starlette"] == ends["/still"] == b""
        assert [_code(one) for one in (iterate, receive, send)] == [1001] * 3
        assert other[1]() == b"last\n"

        # What begins now has its moment.
        with _stream(agent, "/still") as (first, rest):
            assert first + rest() == b"data: first\n\n"
        assert agent.get("/starlette").text == "data: first\n\n"
        with _websocket(agent, "/iterate") as late:
            assert _code(late) == 1001

        for line in (
            "/plain: left",
            "starlette: ended",
            "sse: ended",
            "iterate: ended",
            "draining: True",
            "receive: 1001",
            "receive: cannot send",
        ):
            agent.until_stdout(line)
        assert "/still: left" not in agent.everything()["stdout"]
        # A client that does not agree to the end holds nothing up.
        assert agent.stop() == 0
        # The close frame is the last: 1001.
        assert silent.recv(65536) == b"\x88\x02\x03\xe9"
    agent.close()
    said = agent.everything()
    assert "draining: False" in said["stdout"]
    # Nobody else told it, so its task was cancelled.
    assert said["stdout"].count("/still: left") == 2
    assert "Traceback" not in said["stderr"]


def test_stop_alone_ends_streams_too(agent):
    with (
        _websocket(agent, "/iterate") as one,
        _silent_websocket(agent) as silent,
        _stream(agent, "/starlette") as (_, rest),
    ):
        one.send("echo")
        assert one.recv() == "echo"
        agent.tell("stop")
        assert rest() == b""
        assert _code(one) == 1001
        assert silent.recv(65536) == b"\x88\x02\x03\xe9"
    assert agent.wait() == 0


A2A = """
import asyncio
async def ticks(parameters):
    yield "first"
    await asyncio.Event().wait()
class Service:
    streaming_handlers = {"ticks": ticks}
"""


def test_a_stream_of_a2a_over_http_is_an_event_stream(package, host):
    one = host(package({"main.py": A2A}), a2a_service="main:Service")
    one.ready_a2a()
    part = {"kind": "data", "data": {"action": "ticks"}}
    message = {"kind": "message", "role": "user", "messageId": "1", "parts": [part]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/stream", "params": {"message": message}}
    with one.client() as client, client.stream("POST", "/a2a", json=call) as response:
        chunks = response.iter_bytes()
        body = b""
        while b"first" not in body:
            body += next(chunks)
        one.tell("end_streams")
        assert b"".join(chunks) == b""
    assert one.stop() == 0
