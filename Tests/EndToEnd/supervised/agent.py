"""The agents of the account: each answer says which agent gave it, in which version, and what it has read;
what an agent begins it notes before anything else."""

from __future__ import annotations

from pathlib import Path

from account.ledger import PER_CLIENT
from support import packages

#: A plain ASGI application, so that little lies between the host and its first statement; the same
#: by named actions for gRPC.
MODULE = """
import hashlib, json, mmap, os

VERSION = %r
AGENT = os.environ["AGENT_APP_ID"]

def mapped():
    file = os.open(os.environ["FLEET_LEDGER"], os.O_RDWR)
    try:
        return mmap.mmap(file, 0)
    finally:
        os.close(file)

begun = mapped()

def note(identifier):
    client, _, number = identifier.partition(b"-")
    begun[int(client) * %d + int(number)] += 1

def said(identifier, body):
    return b'{"agent":"%%b","version":"%%b","id":"%%b","bytes":%%d,"sha256":"%%b"}' %% (
        AGENT.encode(), VERSION.encode(), identifier, len(body), hashlib.sha256(body).hexdigest().encode(),
    )

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    identifier = scope["query_string"]
    note(identifier)
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            data = message.get("bytes") or (message.get("text") or "").encode()
            await send({"type": "websocket.send", "bytes": said(identifier, data)})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = said(identifier, body)
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%%d" %% len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": answer})

async def echo(parameters):
    identifier = parameters["id"].encode()
    note(identifier)
    return said(identifier, parameters["body"].encode()).decode()

def create_service():
    return {"custom_handlers": {"echo": echo}}
"""


def build(path: Path, version: str, *, grpc: bool = True, broken: bool = False) -> Path:
    """A package of that version; a broken one cannot be imported."""
    module = MODULE % (version, PER_CLIENT)
    fields = {"http_server": "src.server:app", "metadata": {"version": version}}
    if grpc:
        fields["a2a"] = {"service": "src.server:create_service"}
    files = {
        "agent.yaml": packages.manifest("account", **fields),
        ".env": "",
        "src/__init__.py": "",
        "src/server.py": "raise RuntimeError('broken on purpose')\n" if broken else module,
    }
    packages.archive(path, files)
    path.chmod(0o644)
    return path
