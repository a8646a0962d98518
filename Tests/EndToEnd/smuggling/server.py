"""Servers that are really used, each with an application that tells what it was given.

    python server.py KIND SOCKET

The answer's body is a JSON text of method, target, fields and content; the field `x-digest` is its
SHA-256, so that HEAD can be compared too. Content that was cut off is no request: it is not answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import Any

#: Fields that WSGI has in other places, and those that are compared of it: names with underscores, which the
#: servers drop, and equal names, which they join, are not.
WSGI = ("HOST", "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST", "X_REQUEST_ID", "TRACEPARENT", "EXPECT", "UPGRADE")


def described(method: str, target: str, fields: list[tuple[str, str]], body: bytes) -> tuple[bytes, str]:
    """The text and its digest."""
    # An empty query is none to ASGI and WSGI.
    told = [method, target.removesuffix("?"), sorted(fields), body.decode("latin-1")]
    text = json.dumps(told).encode()
    return text, hashlib.sha256(text).hexdigest()


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    text, digest = described(scope["method"], target, fields, body)
    headers = [(b"content-length", b"%d" % len(text)), (b"x-digest", digest.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else text})


def wsgi(environ: Any, start_response: Any) -> Any:
    body = environ["wsgi.input"].read()
    declared = environ.get("CONTENT_LENGTH")
    if declared and len(body) != int(declared):
        raise EOFError("the content was cut off")
    fields = [(name.lower().replace("_", "-"), environ["HTTP_" + name]) for name in WSGI if "HTTP_" + name in environ]
    if declared:
        fields.append(("content-length", declared))
    text, digest = described(environ["REQUEST_METHOD"], environ["RAW_URI"], fields, body)
    start_response("200 OK", [("content-length", str(len(text))), ("x-digest", digest)])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else text]


def uvicorn(parser: str, path: str) -> None:
    import uvicorn

    # The head may be as large as the program lets it be; h11's own limit is 16 KiB.
    uvicorn.run(
        asgi, uds=path, http=parser, ws="none", lifespan="off", log_level="critical", server_header=False, timeout_keep_alive=60, h11_max_incomplete_event_size=1 << 17
    )


def gunicorn(path: str) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self) -> None:
            for name, value in {
                "bind": f"unix:{path}", "workers": 1, "worker_class": "gthread", "threads": 2, "keepalive": 60, "loglevel": "critical",
                "limit_request_line": 0, "limit_request_field_size": 0,
            }.items():  # fmt: skip
                self.cfg.set(name, value)

        def load(self) -> Any:
            return wsgi

    Application().run()


def granian(path: str) -> None:
    from pathlib import Path

    from granian import Granian

    sys.path.insert(0, str(Path(__file__).parent))
    Granian("server:asgi", uds=Path(path), interface="asginl", log_enabled=False, websockets=False).serve()


def aiohttp(path: str) -> None:
    from aiohttp import web

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.raw_headers]
        text, digest = described(request.method, request.raw_path, fields, body)
        return web.Response(body=text, headers={"x-digest": digest})

    async def main() -> None:
        server = web.Server(handle, keepalive_timeout=60, max_field_size=1 << 17, max_line_size=1 << 17, access_log=None)  # type: ignore[arg-type]
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.UnixSite(runner, path).start()
        await asyncio.Event().wait()

    asyncio.run(main())


KINDS = {
    "uvicorn httptools": lambda path: uvicorn("httptools", path),
    "uvicorn h11": lambda path: uvicorn("h11", path),
    "gunicorn": gunicorn,
    "granian": granian,
    "aiohttp": aiohttp,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](sys.argv[2])
