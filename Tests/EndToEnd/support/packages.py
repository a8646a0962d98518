"""Agent packages written by the tests."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any, Mapping, Optional, Union

import yaml

Files = Mapping[str, Union[str, bytes]]

REST = {"rest": {"entry": "src.rest.index:mount"}}


def manifest(name: Optional[str] = "probe", **fields: Any) -> str:
    """An agent.yaml with what pixell-kit demands, and these fields. None removes a field."""
    whole = {
        "version": "1.0.0",
        "name": name,
        "display_name": "Probe",
        "description": "made by a test",
        "author": "tests",
        "license": "MIT",
        "runtime": "python3.11",
        "metadata": {"version": "1.0.0"},
        **fields,
    }
    return yaml.safe_dump({k: v for k, v in whole.items() if v is not None}, sort_keys=False)


def archive(path: Path, files: Files, *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip as the kits write it: directory entries first, deflated."""
    with zipfile.ZipFile(path, "w", method) as target:
        folders = sorted({str(p) for f in files for p in Path(f).parents if str(p) != "."})
        for folder in folders:
            target.writestr(folder + "/", b"")
        for name, content in files.items():
            target.writestr(name, content)
    return path


def folder(path: Path, files: Files) -> Path:
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rest_files(module: str, *, extra: Optional[Files] = None, **fields: Any) -> dict[str, Any]:
    """A package whose REST surface is this module."""
    return {
        "agent.yaml": manifest(**{**REST, **fields}),
        ".env": "",
        "src/__init__.py": "",
        "src/rest/__init__.py": "",
        "src/rest/index.py": module,
        **(extra or {}),
    }


#: Meets the test at a socket: says which place it has come to, and waits to be let through.
MEET = '''
import os, socket
def meet(place):
    with socket.create_connection(("127.0.0.1", int(os.environ["GATE_PORT"]))) as gate:
        gate.sendall(place.encode() + b"\\n")
        gate.recv(1)
'''

#: Routes for every purpose.
PROBE = '''
import asyncio, hashlib, os, signal, sys
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from src.meet import meet

def mount(app: FastAPI) -> None:
    @app.get("/api/hello")
    async def hello():
        return {"message": "hello", "pid": os.getpid()}

    @app.get("/api/env")
    async def env():
        return dict(os.environ)

    @app.get("/api/slow")
    async def slow(ms: int):
        await asyncio.sleep(ms / 1000)
        return {"slept": ms}

    @app.get("/api/gate")
    def gate(place: str = "gate"):
        meet(place)
        return {"passed": place}

    @app.get("/api/events")
    def events(n: int):
        def stream():
            for i in range(n):
                yield f"data: {i}\\n\\n"
                meet(f"event {i}")
        return StreamingResponse(stream(), media_type="text/event-stream")

    @app.get("/api/forever")
    async def forever():
        async def stream():
            while True:
                yield "data: tick\\n\\n"
                await asyncio.sleep(0.05)
        return StreamingResponse(stream(), media_type="text/event-stream")

    @app.post("/api/digest")
    async def digest(request: Request):
        digest, size = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            size += len(chunk)
        return {"bytes": size, "sha256": digest.hexdigest()}

    @app.get("/api/bytes")
    async def some_bytes(n: int, declared: bool = True):
        async def stream():
            left = n
            while left:
                part = min(left, 65536)
                left -= part
                yield b"x" * part
        headers = {"Content-Length": str(n)} if declared else {}
        return StreamingResponse(stream(), media_type="application/octet-stream", headers=headers)

    @app.get("/api/print")
    async def say(text: str, stream: str = "stdout", times: int = 1):
        print(text * times, file=getattr(sys, stream), flush=True)
        return {}

    @app.get("/api/flood")
    def flood(lines: int):
        for i in range(lines):
            print(f"line {i} " + "." * 200)
        return {"lines": lines}

    @app.get("/api/exit")
    async def leave(status: int = 0):
        os._exit(status)

    @app.get("/api/orphan")
    def orphan():
        # A grandchild whose parent ends at once: whoever is its reaper gets it.
        import subprocess
        out = subprocess.check_output(["sh", "-c", "sleep 0.05 >/dev/null & echo $!"])
        return {"pid": int(out)}

    @app.get("/api/child")
    def child():
        import subprocess
        return {"pid": subprocess.Popen(["sleep", "600"]).pid}

    @app.get("/api/scope")
    async def scope(request: Request):
        return {
            "path": request.scope["path"], "root_path": request.scope.get("root_path"),
            "query": request.scope["query_string"].decode(), "url": str(request.url),
            "client": request.client and request.client.host,
            "headers": [[k.decode(), v.decode()] for k, v in request.scope["headers"]],
        }
'''


def probe(path: Path, *, extra: Optional[Files] = None, **fields: Any) -> Path:
    """The package that most tests run; needs no installer."""
    files = rest_files(PROBE, extra={"src/meet.py": MEET, **(extra or {})}, **fields)
    return archive(path, files)


def blocking_import(path: Path) -> Path:
    """A package whose import meets the test, so that the boot stays in loading."""
    module = "from src.meet import meet\nmeet('import')\n" + PROBE
    return archive(path, rest_files(module, extra={"src/meet.py": MEET}))


def wheel(path: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> Path:
    """A wheel with one module of the project's name, which knows its version."""
    stem = f"{name}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{file},,\n" for file in files) + f"{stem}.dist-info/RECORD,,\n"
    target = path / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as out:
        for file, content in {**files, f"{stem}.dist-info/RECORD": record}.items():
            out.writestr(file, content)
    return target


def members(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package.read_bytes())) as source:
        return {one: source.read(one) for one in source.namelist()}


def manifest_of(package: Path) -> dict[str, Any]:
    return yaml.safe_load(members(package)["agent.yaml"])


def file_tree(path: Path) -> list[str]:
    """Every file beneath, without lock files and empty folders."""
    return sorted(
        str(Path(root, name).relative_to(path))
        for root, _, names in os.walk(path)
        for name in names
        if not name.endswith(".lock")
    )
