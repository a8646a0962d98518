"""The life of the host: configuration, import, start-up, serving, stop."""

import asyncio
import atexit
import gc
import os
import sys
import threading
import traceback

from . import libraries
from .control import ControlPipe
from .failure import Failure, agent_traceback, hint
from .notify import Notifier

EXIT_CODE_SEC = 1.0
"""How long functions registered with `atexit` may take at the end."""


def run(control_fd, notify_fd, import_path):
    """Runs the host to its end; never returns.

    `import_path`: what follows the package root on `sys.path`. The process ends without waiting
    for threads or children of the agent: 0 when asked to stop, 1 for a failure.
    """
    host = None
    notifier = Notifier(notify_fd)
    control = ControlPipe(control_fd)
    status = 1
    try:
        configuration = control.read_configuration()
        if configuration is None:
            os._exit(0)
        host = _Host(configuration, notifier, import_path)
        status = host.run(control)
    except Failure as failure:
        notifier.failure(failure)
    except SystemExit as error:
        status = _ended_by_agent(error, host, notifier)
    except BaseException as error:
        detail = traceback.format_exc()
        sys.stderr.write(detail)
        notifier.failure(
            Failure(
                "The agent host failed: %s: %s." % (type(error).__name__, error),
                hint("This is a mistake of the host, not of the agent.", "host-failed"),
                detail,
            )
        )
    _end(status)


def _ended_by_agent(error, host, notifier):
    """The exit status after `sys.exit` in the agent's code; before readiness it is a failure."""
    if not host.is_serving:
        notifier.failure(
            Failure(
                "The agent ended the program with sys.exit(%s) before it was ready." % error.code,
                hint("Raise an exception that says what is wrong instead.", "exit-at-start"),
                agent_traceback(error, host.root),
            )
        )
        return 1
    sys.stderr.write("The agent ended the program with sys.exit(%s).\n" % error.code)
    return error.code if isinstance(error.code, int) else (0 if error.code is None else 1)


class _Host:
    def __init__(self, configuration, notifier, import_path):
        self._configuration = configuration
        self._notifier = notifier
        self._import_path = import_path
        self.root = os.path.abspath(configuration["package_root"])
        self.is_serving = False
        self._stop = None
        self._drain = None
        self._loop = None

    def run(self, control):
        configuration = self._configuration
        # Before the first module of the agent: the lifeline has to work while one hangs.
        control.watch(self._command, lambda: os._exit(0))
        # Imports make objects that stay; collecting them meanwhile finds nothing.
        gc.disable()
        libraries.import_all(
            with_fastapi=bool(configuration.get("rest_entry") or configuration.get("http_server"))
        )
        from .applications import Loader
        from .target import Package

        self._loop = libraries.new_event_loop()
        gc.enable()
        sys.path[:] = [self.root] + self._import_path
        sys.argv[:] = [os.path.join(self.root, "agent")]
        package = Package(
            self.root,
            configuration.get("entrypoint"),
            lambda module: self._notifier.status("importing " + module),
        )
        loader = Loader(configuration, package, self._notifier)
        loader.find_all()
        # A module that used asyncio.run took the current event loop away.
        asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(self._serve(loader))

    async def _serve(self, loader):
        from .dispatch import Dispatcher, Surface
        from .invoke import Invoke
        from .lifespan import Lifespan

        self._stop, self._drain = asyncio.Event(), asyncio.Event()
        loaded = await loader.build_all()
        surfaces, lifespans = [], []
        for app, name in loaded.served:
            state = {"draining": self._drain}
            surfaces.append(Surface(app, state))
            lifespans.append(Lifespan(app, name, state, self.root))
            self._tell_of_draining(app)
        for app, name in loaded.mounted:
            # Requests reach it through the application it is mounted on, with that one's state.
            lifespans.append(Lifespan(app, name, surfaces[0].state, self.root))
            self._tell_of_draining(app)
        invoke = None
        if loaded.entrypoint is not None:
            invoke = Invoke(
                loaded.entrypoint,
                self._configuration.get("invoke_max_bytes", 10485760),
                self._drain,
            )
        server = None
        if surfaces or invoke is not None:
            await self._start(lifespans)
            server = await self._open(Dispatcher(surfaces, invoke, self._drain))
        # From here on `stop` is graceful; before, there was nothing to finish.
        self.is_serving = True
        # What is loaded stays; the collector need not walk it again.
        gc.freeze()
        self._notifier.ready(loaded.surfaces)
        await self._stop.wait()
        self._drain.set()
        self._notifier.stopping()
        if server is not None:
            await server.close()
            self._notifier.drained()
            for lifespan in reversed(lifespans):
                await lifespan.stop()
        return 0

    async def _start(self, lifespans):
        for lifespan in lifespans:
            self._notifier.status("starting the application from " + lifespan.name)
            await lifespan.start()

    async def _open(self, dispatcher):
        from .server import Server

        path = self._configuration.get("rest_socket")
        if not path:
            raise Failure(
                "The agent has something to serve, but rest_socket is null.",
                hint("This is a mistake of the program that started the host.", "host-failed"),
            )
        server = Server(dispatcher, self._configuration.get("base_path") or "")
        await server.open(path)
        return server

    def _tell_of_draining(self, app):
        """Sets `app.state.draining`, an asyncio.Event, where the application has such a state."""
        state = getattr(app, "state", None)
        if (
            state is not None
            and hasattr(app, "router")
            and getattr(state, "draining", None) is None
        ):
            state.draining = self._drain

    def _command(self, name):
        """Obeys one line of the control pipe; runs on the control thread."""
        if name == "stop":
            if not self.is_serving:
                self._notifier.stopping()
                os._exit(0)
            self._loop.call_soon_threadsafe(self._stop.set)
        elif name == "drain" and self.is_serving:
            self._loop.call_soon_threadsafe(self._drain.set)


def _end(status):
    """Ends the process without joining the agent's threads; what `atexit` holds runs, within a limit."""
    last = threading.Thread(target=atexit._run_exitfuncs, daemon=True)
    last.start()
    last.join(EXIT_CODE_SEC)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # The agent may have replaced or closed it; nothing is left to tell it to.
            pass
    os._exit(status & 0xFF)
