"""The agent of the account: says what it has read, and notes what it begins before anything else."""

from __future__ import annotations

from pathlib import Path

from support import packages

from .ledger import PER_CLIENT, RECORD, SLOTS

#: A plain ASGI application, so that little lies between the host and its first statement. Where the
#: server reads, it notes which request has which slot.
MODULE = """
import asyncio, hashlib, mmap, os, signal, sys, time
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

def mapped(name, size):
    file = os.open(os.path.join(os.environ["ACCOUNT_LEDGER"], name), os.O_RDWR | os.O_CREAT)
    os.truncate(file, max(size, os.fstat(file).st_size))
    try:
        return mmap.mmap(file, 0)
    finally:
        os.close(file)

begun = mapped("begun", 0)
slots = mapped("slots-%%d" %% os.getpid(), %d * %d)
RECORD = %d
read = HttpToolsProtocol.data_received

def noting(self, data):
    at = data.rfind(b"\\r\\nX-PAR-Slot: ")
    if at >= 0:
        slot = int(data[at + 14 : data.index(b"\\r", at + 2)]) * RECORD
        target = data[: data.index(b" HTTP/")]
        slots[slot : slot + RECORD] = target[target.rindex(b"?") + 1 :][:RECORD].ljust(RECORD)
    read(self, data)

HttpToolsProtocol.data_received = noting


async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"].endswith("/echo"):
        client, _, number = scope["query_string"].partition(b"-")
        begun[int(client) * %d + int(number)] += 1
        return await echo(scope, receive, send)
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    end(scope["query_string"].decode())
    await answer(send, b"{}")


async def echo(scope, receive, send):
    digest, length = hashlib.sha256(), 0
    while True:
        message = await receive()
        body = message.get("body", b"")
        digest.update(body)
        length += len(body)
        if not message.get("more_body"):
            break
    named = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    said = b'{"id":"%%b","named":"%%b","bytes":%%d,"sha256":"%%b"}' %% (
        scope["query_string"], named, length, digest.hexdigest().encode(),
    )
    if scope["method"] != "PUT":
        return await answer(send, said)
    # In two parts with time between them: an end may come amid a response.
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": said[:20], "more_body": True})
    await asyncio.sleep(0.004)
    await send({"type": "http.response.body", "body": said[20:]})


async def answer(send, body):
    fields = [(b"content-length", b"%%d" %% len(body)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def end(how):
    # What an agent can do to itself.
    if how == "exit":
        os._exit(7)
    if how == "sys_exit":
        asyncio.get_running_loop().call_soon(sys.exit, 3)
    if how == "abort":
        os.abort()
    if how == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "block":
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
""" % (SLOTS, RECORD, RECORD, PER_CLIENT)


def build(path: Path) -> Path:
    files = {
        "agent.yaml": packages.manifest(http_server="src.server:app"),
        ".env": "",
        "src/__init__.py": "",
        "src/server.py": MODULE,
    }
    return packages.archive(path, files)
