"""gRPC servicers of the agent, as handlers that a server takes."""

import inspect
import sys

import grpc

from . import messages


class Recorder:
    """Takes what generated code adds to a server (`add_XServicer_to_server`)."""

    def __init__(self):
        self.generic = []
        self.registered = {}

    def add_generic_rpc_handlers(self, handlers):
        self.generic += handlers

    def add_registered_method_handlers(self, service, handlers):
        self.registered[service] = handlers

    def add_to(self, server):
        """Hands everything on to a server."""
        if self.generic:
            server.add_generic_rpc_handlers(tuple(self.generic))
        for service, handlers in self.registered.items():
            # grpcio before 1.64 has generic handlers alone, and so has code generated for it.
            if hasattr(server, "add_registered_method_handlers"):
                server.add_registered_method_handlers(service, handlers)


class _Asked:
    """The one thing that a generic handler looks at."""

    def __init__(self, method):
        self.method = method
        self.invocation_metadata = ()


def is_servicer(value):
    """Whether a value is an instance of a generated servicer, or has a method of AgentService."""
    return not inspect.isclass(value) and (
        bool(_adders(value)) or any(callable(getattr(value, m, None)) for m in messages.METHODS)
    )


def record(servicer, built_in):
    """The agent's methods, and the built-in ones for what its AgentService leaves out."""
    recorder = Recorder()
    own = {}
    adders = _adders(servicer)
    for base, add in adders:
        one = Recorder()
        add(servicer, one)
        handlers = _agent_service_methods(one)
        if handlers:
            own.update(
                (method, handler)
                for method, handler in handlers.items()
                if _is_overridden(servicer, base, method)
            )
        else:
            recorder.generic += one.generic
            recorder.registered.update(one.registered)
    if not own:
        # By its methods alone: the names are the contract, the messages are ours.
        for method in messages.METHODS:
            function = getattr(servicer, method, None)
            if callable(function) and not _is_generated(adders, servicer, method):
                own[method] = _handler(function, method)
    _add_agent_service(recorder, built_in, own)
    return recorder


def record_built_in(built_in):
    """The built-in AgentService alone."""
    recorder = Recorder()
    _add_agent_service(recorder, built_in, {})
    return recorder


def _add_agent_service(recorder, built_in, own):
    methods = {
        method: own.get(method) or _handler(getattr(built_in, method), method)
        for method in messages.METHODS
    }
    recorder.generic.append(grpc.method_handlers_generic_handler(messages.SERVICE, methods))


def _handler(function, method):
    request, response = messages.METHODS[method]
    return grpc.unary_unary_rpc_method_handler(
        function,
        request_deserializer=messages.class_named(request).FromString,
        response_serializer=_Serializer(method, messages.class_named(response)),
    )


class _Serializer:
    """Makes bytes of what a method returned: a message of whatever module, or a dict of its fields."""

    def __init__(self, method, message):
        self._method = method
        self._message = message

    def __call__(self, value):
        if isinstance(value, dict):
            value = self._message(**value)
        if not hasattr(value, "SerializeToString"):
            raise TypeError(
                "%s returned %s, which is no message" % (self._method, type(value).__name__)
            )
        return value.SerializeToString()


def _adders(value):
    """The generated base classes of a servicer, each with its function that adds it to a server."""
    found = []
    for base in type(value).__mro__:
        add = getattr(sys.modules.get(base.__module__), "add_%s_to_server" % base.__name__, None)
        if base.__name__.endswith("Servicer") and callable(add):
            found.append((base, add))
    return found


def _agent_service_methods(recorder):
    """The handlers of AgentService in what was recorded, by method; empty when it is another service."""
    found = {}
    for method in messages.METHODS:
        for handler in recorder.generic:
            one = handler.service(_Asked("/%s/%s" % (messages.SERVICE, method)))
            if one is not None:
                found[method] = one
    return found or dict(recorder.registered.get(messages.SERVICE, {}))


def _is_overridden(servicer, base, method):
    own = getattr(type(servicer), method, None)
    return method in vars(servicer) or own is not getattr(base, method, None)


def _is_generated(adders, servicer, method):
    return any(
        hasattr(base, method) and not _is_overridden(servicer, base, method) for base, _ in adders
    )
