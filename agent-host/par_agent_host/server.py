"""uvicorn on the Unix socket that the proxy in front connects to."""

import asyncio
import errno
import os
import socket

from .failure import Failure, hint
from .slots import taking_slots
from .streams import Streams

BACKLOG = 2048
"""Connections that may wait to be accepted; the proxy's pool is far smaller."""

KEEP_ALIVE_SEC = 365 * 24 * 3600
"""The proxy closes idle connections; one closed here first could lose a request on its way."""

HEAD_MAX_BYTES = 256 * 1024
"""Longest request head; more than the proxy in front lets through."""

POLL_SEC = 0.02
"""How often a stopping server looks whether its connections are gone."""


class Server:
    """Serves one ASGI application until it is closed."""

    def __init__(self, app, root_path, memory):
        from uvicorn.config import Config
        from uvicorn.server import ServerState

        self._config = Config(
            app,
            interface="asgi3",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # The program adds the date: renewing it here would wake an idle agent every second.
            date_header=False,
            root_path=root_path,
            proxy_headers=True,
            # Only the proxy can reach the socket (0600), and it keeps trusted values alone.
            forwarded_allow_ips="*",
            timeout_keep_alive=KEEP_ALIVE_SEC,
            backlog=BACKLOG,
            h11_max_incomplete_event_size=HEAD_MAX_BYTES,
            workers=1,
        )
        self._config.load()
        self._streams = Streams(self._config.loaded_app)
        self._config.loaded_app = taking_slots(self._streams.serve, memory)
        self._state = ServerState()
        self._state.default_headers = list(self._config.encoded_headers)
        self._listener = None

    async def open(self, path):
        """Listens on a Unix socket that this user alone may use; connections are accepted from here on."""
        loop = asyncio.get_running_loop()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if os.path.exists(path):
                os.unlink(path)
            # On Linux bind(2) gives the file the mode of the socket; no umask for other threads to see.
            os.fchmod(listening.fileno(), 0o600)
            listening.bind(path)
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            raise Failure(
                "The socket %s for the agent cannot be opened: %s."
                % (path, error.strerror or error),
                hint(
                    "Set XDG_RUNTIME_DIR or TMPDIR to a shorter path."
                    if error.errno is None or error.errno == errno.ENAMETOOLONG
                    else "Check the folder's permissions and free space.",
                    "socket",
                ),
            )
        listening.setblocking(False)
        self._listener = await loop.create_unix_server(
            self._protocol, sock=listening, backlog=BACKLOG
        )

    def end_streams(self):
        """Ends every event stream and WebSocket, those that begin later included."""
        self._streams.end()

    async def close(self, is_known):
        """Accepts nothing more and returns when every request is answered and its connection closed.

        `is_known`: the application was told of a drain before.
        """
        self._listener.close()
        # First, or uvicorn would tell WebSockets of a restart (1012).
        await self._streams.close(is_known)
        for connection in list(self._state.connections):
            connection.shutdown()
        while self._state.connections or self._state.tasks:
            await asyncio.sleep(POLL_SEC)

    def _protocol(self):
        return self._config.http_protocol_class(
            config=self._config, server_state=self._state, app_state={}
        )
