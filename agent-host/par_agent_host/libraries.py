"""Imports everything the host will ever need, while the package root is not yet importable.

uvicorn and anyio import some of their modules only when first used; by then a package root with
an `http.py` or a `logging/` of its own would be asked first.
"""

import asyncio
import importlib
import importlib.util
import os


def import_all(with_fastapi, with_a2a):
    """Imports the server, and FastAPI when the package has REST routes.

    Without any, FastAPI is left out: it is most of the time that a small agent needs to start.
    With some it comes first even where only the agent would import it, so that its own imports of
    the standard library find the standard library. gRPC is for packages with an A2A surface.
    """
    for name in (
        "concurrent.futures.thread",
        "encodings.idna",
        "inspect",
        "json",
        "logging",
        "traceback",
        "uvicorn.config",
        "uvicorn.lifespan.off",
        "uvicorn.logging",
        "uvicorn.middleware.asgi2",
        "uvicorn.middleware.proxy_headers",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.websockets.auto",
        "uvicorn.server",
    ):
        importlib.import_module(name)
    if with_fastapi:
        for name in ("fastapi", "anyio._backends._asyncio"):
            importlib.import_module(name)
    # Our own, for what of the standard library they import.
    for name in ("applications", "dispatch", "invoke", "lifespan", "server", "target"):
        importlib.import_module("." + name, __package__)
    if with_a2a:
        # gRPC's own handlers for fork() crash one child in ten of a process that serves: its
        # threads are always calling. Without them children are as those of any other process.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
        for name in ("a2a_loader", "agent_service", "grpc_server", "jsonrpc", "servicers"):
            importlib.import_module("." + name, __package__)


def new_event_loop():
    """uvloop's event loop where it is installed, else asyncio's; made current for this thread.

    An environment with nest_asyncio gets asyncio's: that library refuses every other loop, and
    agents call it when they are imported.
    """
    loop = None
    if importlib.util.find_spec("nest_asyncio") is None:
        try:
            import uvloop

            loop = uvloop.new_event_loop()
        except ImportError:
            pass
    loop = loop or asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
