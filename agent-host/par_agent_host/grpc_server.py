"""gRPC on the Unix socket that the proxy in front connects to."""

import asyncio
import concurrent.futures
import os

import grpc
import grpc.aio

from . import probe
from .failure import Failure, hint, said

MESSAGE_MAX_BYTES = 64 * 1024 * 1024
"""Longest message a caller may send; a longer one is RESOURCE_EXHAUSTED."""

METADATA_MAX_BYTES = 64 * 1024
"""Longest request metadata: as much as the proxy in front lets through."""

SERVICER_THREADS = 40
"""Calls of a servicer's sync methods that run at the same time; further ones wait."""

STOP_GRACE_SEC = 3600.0
"""How long a stopping server waits for its calls. The program in front ends the wait earlier."""

ANSWER_SEC = 5.0
"""How long a server that was started may take to answer on its socket."""

WATCH_SEC = 1.0
"""How often a `grpc.server` of the agent is asked whether it still runs; the other kind tells."""

STARTED_SEC = 0.2
"""How long a server of the agent is asked at its private port before the host starts it."""

OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
    ("grpc.max_metadata_size", METADATA_MAX_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_MAX_BYTES),
    ("grpc.so_reuseport", 0),
    # The proxy may ask as often as it likes whether the connection is alive.
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)


class OwnServer:
    """The host's server, in its event loop, for the agent's servicer or the built-in service."""

    def __init__(self, recorder):
        self._recorder = recorder
        self._server = None

    async def open(self, path):
        """Serves on a Unix socket that this user alone may use; "unix", which is where."""
        self._server = grpc.aio.server(
            concurrent.futures.ThreadPoolExecutor(
                SERVICER_THREADS, thread_name_prefix="par-servicer"
            ),
            options=OPTIONS,
        )
        self._recorder.add_to(self._server)
        _bind(self._server, path)
        await self._server.start()
        return "unix"

    async def ended(self):
        """Returns when the server serves no more, for whatever reason."""
        await self._server.wait_for_termination()

    async def close(self):
        """Takes no new call and returns when every call is answered."""
        await self._server.stop(STOP_GRACE_SEC)


class AgentServer:
    """A `grpc.server` or `grpc.aio.server` that the agent made.

    grpcio does not tell whether one was started. A started one may still take our socket without
    ever answering there, so it is asked: first at the agent's private port, then at the socket.
    """

    def __init__(self, server, name, port):
        self._server = server
        self._name = name
        self._port = port

    async def open(self, path):
        """Starts it on our socket, unless the agent did on its private port; where it is served."""
        if await asyncio.to_thread(probe.probe, self._port, STARTED_SEC) == probe.HTTP2:
            return self._port
        try:
            _bind(self._server, path)
            started = self._server.start()
            if asyncio.iscoroutine(started):
                await started
            answer = await asyncio.to_thread(probe.until_answered, path, ANSWER_SEC)
        except Failure:
            raise
        except ValueError:
            # What a sync server says that is running already.
            answer = None
        except Exception as error:
            raise Failure(
                "The gRPC server from %s could not be started: %s." % (self._name, said(error)),
                hint("Return it as it is, without a start of your own.", "a2a-service"),
            )
        if answer == probe.HTTP2:
            return "unix"
        if await asyncio.to_thread(probe.probe, self._port) == probe.HTTP2:
            return self._port
        raise Failure(
            "The gRPC server from %s was started, but not on port $A2A_PORT." % self._name,
            hint("Return it without a start of your own and without a port.", "a2a-port"),
        )

    async def ended(self):
        """Returns when the server serves no more, for whatever reason."""
        if isinstance(self._server, grpc.aio.Server):
            return await self._server.wait_for_termination()
        # With a time-out of its own grpcio would look ten times a second.
        while self._server.wait_for_termination(0):
            await asyncio.sleep(WATCH_SEC)

    async def close(self):
        """Takes no new call and returns when every call is answered."""
        stopping = self._server.stop(STOP_GRACE_SEC)
        if asyncio.iscoroutine(stopping):
            await stopping
        elif stopping is not None:
            await asyncio.to_thread(stopping.wait)


def is_server(value):
    """Whether a value is a server of grpcio, of either kind."""
    return isinstance(value, (grpc.Server, grpc.aio.Server))


def _bind(server, path):
    try:
        if os.path.exists(path):
            os.unlink(path)
        server.add_insecure_port("unix:" + path)
        # gRPC binds by itself. Until here the folder (0700) alone keeps others out, and a server
        # that is not started answers nobody.
        os.chmod(path, 0o600)
    except (OSError, RuntimeError) as error:
        raise Failure(
            "The socket %s for the agent's gRPC server cannot be opened: %s." % (path, said(error)),
            hint("Set XDG_RUNTIME_DIR or TMPDIR to a short path that is writable.", "socket"),
        )
