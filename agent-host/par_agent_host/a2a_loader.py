"""From the manifest's A2A names to what is served: gRPC, A2A over HTTP, or both."""

import asyncio
import inspect
import threading

from . import handlers as handler_dicts
from . import service_call
from .applications import is_application
from .failure import Failure, described, hint
from .invoke import is_async

SERVICE_NAMES = ("create_grpc_server", "create_service")
"""What `a2a.service` and `a2a.entry` mean when they name a module alone."""

HTTP_SERVER_NAMES = ("app", "create_app", "create_service", "main")
"""What `a2a.http_server` means when it names a module alone."""

KEYS = (
    ("a2a.service", "a2a_service", SERVICE_NAMES),
    ("a2a.entry", "a2a_entry", SERVICE_NAMES),
    ("a2a.http_server", "a2a_http_server", HTTP_SERVER_NAMES),
)

STUB_WARNING = (
    "%s returned nothing and opened no port ($A2A_PORT); the built-in AgentService answers, with"
    " no actions."
)


class LoadedA2A:
    """What the package's A2A surface turned out to be.

    `grpc`: "unix" when it is served on our socket, a port number when the agent serves it itself,
    None without. `server`: has `open(path)` and `close()`, for "unix". `app`: the ASGI application
    for A2A over HTTP, or None; `app_name` names it. `services`: objects to tell of a drain.
    """

    def __init__(self):
        self.grpc = None
        self.server = None
        self.app = None
        self.app_name = None
        self.handlers = None
        self.servicer = None
        self.services = []
        self.stub = None

    @property
    def is_empty(self):
        """Whether nothing was found that the agent itself serves."""
        found = (self.grpc, self.app, self.handlers, self.servicer)
        return all(one is None for one in found)

    async def open(self, path):
        """Starts what serves gRPC on our socket."""
        if self.server is not None:
            self.grpc = await self.server.open(path)

    async def ended(self):
        """Returns when what serves gRPC on our socket, if anything, has ended."""
        if self.server is None:
            return await asyncio.Event().wait()
        await self.server.ended()

    async def close(self):
        """Returns when what is in flight over gRPC is answered."""
        if self.server is not None:
            await self.server.close()


class A2ALoader:
    """Resolves `a2a_service`, `a2a_entry` and `a2a_http_server` of a configuration, in this order."""

    def __init__(self, configuration, package, notifier, port):
        self._configuration = configuration
        self._package = package
        self._notifier = notifier
        self._port = port
        self._targets = []
        self._results = {}

    def find_all(self):
        """Imports every module."""
        for key, name, defaults in KEYS:
            text = self._configuration.get(name)
            target = self._package.find(key, text, defaults) if text else None
            if target is not None and target not in self._targets:
                self._targets.append(target)

    def holds(self, target):
        """Whether a target of another surface is one of A2A's too."""
        return target in self._targets

    def call_sync(self, shared, carry_on, fail, on_loss):
        """Calls the service functions that may block, on the main thread; see `ServiceCall`.

        `shared`: targets of REST, which are called in the event loop as REST has it.
        """
        for target in self._targets:
            if target in shared or not self._may_block(target):
                continue
            self._notifier.status("calling " + target.name)
            # Whoever carries on must not call it a second time.
            self._results[target] = self._port
            call = service_call.ServiceCall(
                target, self._port, self._notifier, carry_on, fail, on_loss
            )
            threads = threading.enumerate()
            try:
                self._results[target] = self._returned(target, call.run(), threads)
            except SystemExit:
                raise
            except BaseException as error:
                if not service_call.needs_running_loop(error):
                    raise self._port.raised(target, error)
                del self._results[target]

    def _may_block(self, target):
        value = target.value
        return (
            target.key != "a2a.http_server"
            and callable(value)
            and not is_async(value)
            and not self._is_product(value)
        )

    def _returned(self, target, result, threads):
        if result is None and service_call.opened_after_return(self._port, threads):
            return self._port
        return result

    def put(self, target, result):
        """Takes what a function returned that another surface called."""
        self._results[target] = result

    async def build(self, drain, on_loss):
        """What all targets together are; calls those in the event loop that were not called yet."""
        loaded = LoadedA2A()
        for target in self._targets:
            if target not in self._results:
                self._results[target] = await self._called(target, on_loss)
            elif inspect.isawaitable(self._results[target]):
                # A sync function around an async one.
                self._results[target] = await self._awaited(target, self._results[target], on_loss)
            await self._take(loaded, target, self._results[target], drain)
        self._complete(loaded, drain)
        return loaded

    async def _called(self, target, on_loss):
        value = target.value
        if self._is_product(value):
            return value
        if not callable(value):
            raise Failure(
                "%s names %s, which is %s and cannot be called."
                % (target.key, target.name, described(value)),
                hint("Name a function or what it would return.", "not-callable"),
            )
        self._notifier.status("calling " + target.name)
        threads = threading.enumerate()
        try:
            result = value()
        except SystemExit:
            raise
        except BaseException as error:
            raise self._port.raised(target, error)
        if inspect.isawaitable(result):
            result = await self._awaited(target, result, on_loss)
        return self._returned(target, result, threads)

    async def _awaited(self, target, result, on_loss):
        return await service_call.awaited(target, self._port, result, self._notifier, on_loss)

    def _is_product(self, value):
        """Whether a target is already what its function would return."""
        from . import grpc_server, servicers

        return (
            is_application(value)
            or grpc_server.is_server(value)
            or (not inspect.isclass(value) and not inspect.isroutine(value))
            and (handler_dicts.given_by(value) is not None or servicers.is_servicer(value))
        )

    async def _take(self, loaded, target, value, drain):
        """Decides what a value is; raises `Failure` when it is nothing that can be served."""
        from . import grpc_server, servicers

        if value is None:
            loaded.stub = loaded.stub or target
        elif value is self._port:
            loaded.grpc = loaded.grpc or self._port.number
        elif grpc_server.is_server(value):
            if loaded.grpc is None:
                loaded.grpc = "unix"
                loaded.server = grpc_server.AgentServer(value, target.name, self._port.number)
        elif is_application(value):
            if loaded.app is None:
                loaded.app, loaded.app_name = value, target.name
        else:
            given = handler_dicts.given_by(value)
            if given is not None:
                custom, streaming = (
                    handler_dicts.checked(target.name, one, kind, drain)
                    for one, kind in zip(given, ("custom_handlers", "streaming_handlers"))
                )
                if loaded.handlers is None:
                    loaded.handlers = handler_dicts.Handlers(custom, streaming)
                loaded.services.append(value)
            is_servicer = not isinstance(value, dict) and servicers.is_servicer(value)
            if is_servicer:
                loaded.services.append(value)
                if loaded.servicer is None:
                    loaded.servicer = value
            elif given is None:
                await self._take_built(loaded, target, value, drain)

    async def _take_built(self, loaded, target, value, drain):
        build = getattr(value, "build", None)
        if not callable(build) or inspect.isclass(value):
            raise Failure(
                "%s from %s is %s, which is nothing that A2A can be served with."
                % (target.name, target.key, described(value)),
                hint(
                    "Return a gRPC servicer, a gRPC server that is not started, a dict with"
                    " custom_handlers, or an ASGI application.",
                    "a2a-service",
                ),
            )
        try:
            built = build()
            if inspect.isawaitable(built):
                built = await built
        except BaseException as error:
            raise self._port.raised(target, error)
        if not is_application(built):
            raise Failure(
                "build() of what %s (%s) returned gave %s, which is no ASGI application."
                % (target.name, target.key, described(built)),
                hint("Return the ASGI application itself.", "a2a-service"),
            )
        if loaded.app is None:
            loaded.app, loaded.app_name = built, target.name

    def _complete(self, loaded, drain):
        """Adds what the host serves itself: AgentService, and JSON-RPC over the handlers."""
        from . import grpc_server, servicers
        from .agent_service import AgentService

        if loaded.stub is not None and loaded.is_empty:
            self._notifier.warning("a2a_stub", STUB_WARNING % loaded.stub.name)
            loaded.handlers = handler_dicts.Handlers()
        elif loaded.handlers is not None and loaded.app is None:
            from . import jsonrpc

            loaded.app_name = "the handlers"
            loaded.app = jsonrpc.application(
                loaded.handlers.custom, loaded.handlers.streaming, self._configuration, drain
            )
        is_ours = loaded.servicer is not None or loaded.handlers is not None
        if loaded.grpc is None and is_ours:
            built_in = AgentService(
                loaded.handlers or handler_dicts.Handlers(),
                self._configuration.get("name") or "agent",
                str(self._configuration.get("version") or "0"),
                self._configuration.get("description") or "",
            )
            loaded.grpc = "unix"
            loaded.server = grpc_server.OwnServer(
                servicers.record_built_in(built_in)
                if loaded.servicer is None
                else servicers.record(loaded.servicer, built_in)
            )
