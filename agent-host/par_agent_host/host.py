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
from .heartbeat import Heartbeat
from .memory import WorkerMemory
from .notify import Notifier

A2A_KEYS = ("a2a_service", "a2a_entry", "a2a_http_server")
"""What in the configuration names something of A2A."""

EXIT_CODE_SEC = 1.0
"""How long functions registered with `atexit` may take at the end."""


def run(control_fd, notify_fd, memory_fd, import_path):
    """Runs the host to its end; never returns.

    `memory_fd`: the memory shared with the program, or None. `import_path`: what follows the package root on `sys.path`. The process ends without waiting
    for threads or children of the agent: 0 when asked to stop, 1 for a failure.
    """
    host = _Host(Notifier(notify_fd), WorkerMemory(memory_fd), import_path)
    control = ControlPipe(control_fd)
    host.end_with(lambda: host.run(control))


class _Host:
    def __init__(self, notifier, memory, import_path):
        self._configuration = None
        self._notifier = notifier
        self._memory = memory
        self._import_path = import_path
        self.root = None
        self.is_serving = False
        self._is_stopping = False
        self._stop = None
        self._drain = None
        self._loop = None
        self._port = None
        self._server = None

    def end_with(self, work):
        """Does the work and ends the process with its status; what it raises is told."""
        status = 1
        try:
            status = work()
        except Failure as failure:
            self._notifier.failure(failure)
        except SystemExit as error:
            status = self._ended_by_agent(error)
        except BaseException as error:
            detail = traceback.format_exc()
            sys.stderr.write(detail)
            self._notifier.failure(
                Failure(
                    "The agent host failed: %s: %s." % (type(error).__name__, error),
                    hint("This is a mistake of the host, not of the agent.", "host-failed"),
                    detail,
                )
            )
        _end(status)

    def _ended_by_agent(self, error):
        """The exit status after `sys.exit` in the agent's code; before readiness it is a failure."""
        if not self.is_serving:
            self._notifier.failure(
                Failure(
                    "The agent ended the program with sys.exit(%s) before it was ready."
                    % error.code,
                    hint("Raise an exception that says what is wrong instead.", "exit-at-start"),
                    agent_traceback(error, self.root),
                )
            )
            return 1
        sys.stderr.write("The agent ended the program with sys.exit(%s).\n" % error.code)
        return error.code if isinstance(error.code, int) else (0 if error.code is None else 1)

    def run(self, control):
        """From the configuration to the stop; the exit status."""
        configuration = self._configuration = control.read_configuration()
        if configuration is None:
            os._exit(0)
        self.root = os.path.abspath(configuration["package_root"])
        has_a2a = any(configuration.get(name) for name in A2A_KEYS)
        # Before the first module of the agent: the lifeline has to work while one hangs.
        control.watch(self._command, lambda: os._exit(0))
        # Imports make objects that stay; collecting them meanwhile finds nothing.
        gc.disable()
        libraries.import_all(
            with_fastapi=bool(configuration.get("rest_entry") or configuration.get("http_server")),
            with_a2a=has_a2a,
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
        a2a = self._a2a_loader(package) if has_a2a else None
        loader = Loader(configuration, package, self._notifier, a2a)
        loader.find_all()
        # A module that used asyncio.run took the current event loop away.
        asyncio.set_event_loop(self._loop)
        if a2a is not None:
            a2a.call_sync(
                loader.rest_targets,
                carry_on=lambda: self.end_with(lambda: self._run_loop(loader)),
                fail=lambda failure: self.end_with(lambda: _raise(failure)),
                on_loss=self._server_lost,
            )
            asyncio.set_event_loop(self._loop)
        return self._run_loop(loader)

    def _run_loop(self, loader):
        return self._loop.run_until_complete(self._serve(loader))

    def _a2a_loader(self, package):
        """Chooses the private port for a server of the agent's own, before its modules see A2A_PORT."""
        from .a2a_loader import A2ALoader
        from .probe import free_port
        from .service_call import Port

        configuration = self._configuration
        self._port = Port(free_port(), configuration.get("a2a_port"), self.root)
        if configuration.get("a2a_service") or configuration.get("a2a_entry"):
            os.environ["A2A_PORT"] = str(self._port.number)
        return A2ALoader(configuration, package, self._notifier, self._port)

    def _server_lost(self, failure):
        """Ends the process because the agent's own server ended, unless it is stopping anyway."""
        if self._is_stopping:
            return
        if self.is_serving:
            sys.stderr.write("\n".join(filter(None, (failure.error, failure.detail))) + "\n")
            _end(1)
        self.end_with(lambda: _raise(failure))

    async def _serve(self, loader):
        from .lifespan import Lifespan

        self._stop, self._drain = asyncio.Event(), asyncio.Event()
        loaded = await loader.build_all()
        a2a = await self._build_a2a(loader)
        surfaces, lifespans = [], []
        for app, name in loaded.served:
            surfaces.append(self._surface(app))
            lifespans.append(Lifespan(app, name, surfaces[-1].state, self.root))
        for app, name in loaded.mounted:
            # Requests reach it through the application it is mounted on, with that one's state.
            lifespans.append(Lifespan(app, name, surfaces[0].state, self.root))
            self._tell_of_draining(app)
        a2a_app = None
        if a2a is not None and a2a.app is not None:
            known = [surface for surface in surfaces if surface.app is a2a.app]
            a2a_app = known[0] if known else self._surface(a2a.app)
            if not known:
                lifespans.append(Lifespan(a2a.app, a2a.app_name, a2a_app.state, self.root))
        invoke = self._invoke(loaded)
        if surfaces or invoke is not None or a2a_app is not None:
            await self._start(lifespans)
            self._server = await self._open(surfaces, invoke, a2a_app)
        report = None
        if a2a is not None:
            await a2a.open(self._a2a_socket(a2a))
            self._watch_server(a2a)
            loaded.surfaces["a2a"] = True
            report = {"grpc": a2a.grpc, "http": a2a.app is not None}
        # From here on `stop` is graceful; before, there was nothing to finish.
        self.is_serving = True
        # What is loaded stays; the collector need not walk it again.
        gc.freeze()
        # Before it is told: who knows that the agent is ready finds a beat.
        Heartbeat(self._memory, self._configuration.get("heartbeat_sec")).start()
        self._notifier.ready(loaded.surfaces, report)
        await self._stop.wait()
        is_known = self._drain.is_set()
        self._drain.set()
        self._notifier.stopping()
        closing = [] if self._server is None else [self._server.close(is_known)]
        if a2a is not None:
            closing.append(a2a.close())
        if closing:
            await asyncio.gather(*closing)
            self._notifier.drained()
            for lifespan in reversed(lifespans):
                await lifespan.stop()
        return 0

    def _watch_server(self, a2a):
        """Ends the process when the gRPC server ends by itself: nobody could call the agent any more."""

        async def watch():
            await a2a.ended()
            self._server_lost(
                Failure(
                    "The gRPC server of the agent ended.",
                    hint("It has to serve until the process ends.", "a2a-serve"),
                )
            )

        # Kept, because the loop itself holds tasks weakly.
        self._watching = asyncio.ensure_future(watch())

    async def _build_a2a(self, loader):
        if loader.a2a is None:
            return None
        a2a = await loader.a2a.build(self._drain, self._server_lost)
        for service in a2a.services:
            self._tell_service(service)
        return a2a

    def _surface(self, app):
        from .dispatch import Surface

        self._tell_of_draining(app)
        return Surface(app, {"draining": self._drain})

    def _invoke(self, loaded):
        from .invoke import Invoke

        if loaded.entrypoint is None:
            return None
        limit = self._configuration.get("invoke_max_bytes", 10485760)
        return Invoke(loaded.entrypoint, limit, self._drain)

    def _a2a_socket(self, a2a):
        path = self._configuration.get("a2a_socket")
        if a2a.grpc == "unix" and not path:
            raise Failure(
                "The agent has gRPC to serve, but a2a_socket is null.",
                hint("This is a mistake of the program that started the host.", "host-failed"),
            )
        return path

    async def _start(self, lifespans):
        for lifespan in lifespans:
            self._notifier.status("starting the application from " + lifespan.name)
            await lifespan.start()

    async def _open(self, surfaces, invoke, a2a_app):
        from .dispatch import Dispatcher
        from .server import Server

        path = self._configuration.get("rest_socket")
        if not path:
            raise Failure(
                "The agent has something to serve, but rest_socket is null.",
                hint("This is a mistake of the program that started the host.", "host-failed"),
            )
        # Not given where there is none.
        more = {} if a2a_app is None else {"a2a": a2a_app}
        dispatcher = Dispatcher(surfaces, invoke, self._drain, **more)
        server = Server(dispatcher, self._configuration.get("base_path") or "", self._memory)
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

    def _tell_service(self, service):
        """Sets `draining` on a servicer or an object with handlers that has none of its own."""
        if isinstance(service, dict) or getattr(service, "draining", None) is not None:
            return
        try:
            service.draining = self._drain
        except (AttributeError, TypeError):
            # Slots, or a class that refuses: it does without.
            pass

    def _command(self, name):
        """Obeys one line of the control pipe; runs on the control thread."""
        if name == "stop":
            if not self.is_serving:
                self._notifier.stopping()
                os._exit(0)
            self._is_stopping = True
            self._loop.call_soon_threadsafe(self._stop.set)
        elif name == "drain" and self.is_serving:
            self._loop.call_soon_threadsafe(self._drain.set)
        elif name == "end_streams" and self.is_serving and self._server is not None:
            self._loop.call_soon_threadsafe(self._server.end_streams)


def _raise(failure):
    raise failure


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
