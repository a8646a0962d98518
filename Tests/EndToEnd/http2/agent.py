"""The agent behind the program in these tests: REST and A2A, each with something quick, large and endless."""

from __future__ import annotations

import struct
from pathlib import Path

from support import packages

from . import frames
from .peer import Response
from .rows import Target

#: Bytes of the answer that `large` asks for.
LARGE = 1 << 20

_REST = '''
import asyncio, json

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    path = scope["raw_path"].decode("latin-1").removeprefix(scope.get("root_path", ""))
    if path == "/hold":
        # Until the client is gone; the content is not read.
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    if path == "/deaf":
        # Longer than the test takes, and not so long that the end of the run would wait for it.
        await asyncio.sleep(5)
        return
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if path == "/large":
        text = b"x" * %d
    elif path == "/fields":
        text = json.dumps([[k.decode("latin-1"), v.decode("latin-1")] for k, v in scope["headers"]]).encode()
    else:
        text = body
    headers = [(b"content-length", b"%%d" %% len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})

def mount(_):
    return app
''' % LARGE

_A2A = '''
import asyncio

async def echo(parameters):
    return parameters.get("text", "")

async def large(parameters):
    return "x" * %d

async def hold(parameters):
    await asyncio.Event().wait()

def create_service():
    return {"custom_handlers": {"echo": echo, "large": large, "hold": hold}}
''' % LARGE


def package(path: Path) -> Path:
    files = packages.rest_files(
        _REST, extra={"src/a2a/__init__.py": "", "src/a2a/index.py": _A2A}, a2a={"service": "src.a2a.index:create_service"}
    )
    return packages.archive(path, files)


def message(content: bytes) -> bytes:
    """A message of gRPC that is not compressed."""
    return b"\0" + struct.pack(">I", len(content)) + content


def invoke(action: bytes) -> bytes:
    """`ActionRequest` with an action alone, as a message of gRPC."""
    return message(b"\x0a" + bytes([len(action)]) + action)


def _grpc(path: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"), (b"te", b"trailers"),
    )  # fmt: skip


def _grpc_ok(response: Response) -> bool:
    return response.status == "200" and response.value(b"grpc-status") == "0" and response.content[:1] == b"\0"


CHECK, WATCH = b"/grpc.health.v1.Health/Check", b"/grpc.health.v1.Health/Watch"
INVOKE = b"/pixell.agent.AgentService/Invoke"


def check(name: str, port: int) -> Target:
    """gRPC that the program answers itself."""
    return Target(name, port, _grpc(CHECK), message(b""), WATCH, message(b""), _grpc_ok)


def forwarded(name: str, port: int) -> Target:
    """gRPC that the agent answers."""
    return Target(name, port, _grpc(INVOKE), invoke(b"echo"), INVOKE, invoke(b"hold"), _grpc_ok)


def rest(name: str, port: int) -> Target:
    """A REST request that the agent answers."""
    request = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/x"), (b":authority", b"localhost"))
    return Target(name, port, request, b"hello", b"/hold", b"hello", lambda r: r.status == "200" and r.content == b"hello")


def large(target: Target, number: int) -> bytes:
    """A request for an answer of `LARGE` bytes; of gRPC some more, for the message around it."""
    if target.grpc:
        return target.open(number, path=INVOKE) + frames.data(number, invoke(b"large"), end=True)
    return target.whole(number, path=b"/large")
