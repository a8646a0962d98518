"""From the manifest's names to ASGI applications."""

import inspect

from .failure import Failure, agent_traceback, described, hint, last_agent_line, said

REST_FUNCTIONS = ("mount",)
"""What `rest.entry` means when it names a module alone."""

HTTP_SERVER_NAMES = ("app", "create_app")
"""What `http_server` means when it names a module alone."""


class Loaded:
    """What the package's Python surfaces turned out to be.

    `served`: (application, name) in the order they are asked. `mounted`: applications that the
    agent mounted on ours; nobody else would run their lifespans. `entrypoint`: its Target or None.
    """

    def __init__(self):
        self.served = []
        self.mounted = []
        self.entrypoint = None
        self.surfaces = {}


class Loader:
    """Resolves `rest_entry`, `http_server` and `entrypoint` of a configuration, in this order."""

    def __init__(self, configuration, package, notifier, a2a=None):
        self._configuration = configuration
        self._package = package
        self._notifier = notifier
        self.a2a = a2a

    def find_all(self):
        """Imports every module; runs outside the event loop, as a module may use `asyncio.run`."""
        find = self._package.find
        asked = (
            ("rest.entry", self._configuration.get("rest_entry"), REST_FUNCTIONS),
            ("http_server", self._configuration.get("http_server"), HTTP_SERVER_NAMES),
            ("entrypoint", self._configuration.get("entrypoint"), ("handler", "main")),
        )
        self._targets = {
            key: find(key, text, names) if text else None for key, text, names in asked
        }
        if self.a2a is not None:
            self.a2a.find_all()
        entrypoint = self._targets["entrypoint"]
        if entrypoint is not None and not callable(entrypoint.value):
            raise Failure(
                "entrypoint names %s, which is %s and cannot be called."
                % (entrypoint.name, described(entrypoint.value)),
                hint("Name a function that takes one argument.", "not-callable"),
            )

    @property
    def rest_targets(self):
        """The targets that are called here, in the event loop."""
        return [self._targets["rest.entry"], self._targets["http_server"]]

    async def build_all(self):
        """Calls the functions; in the event loop, so that they may create tasks in it."""
        loaded = Loaded()
        rest, http_server = self._targets["rest.entry"], self._targets["http_server"]
        entrypoint = self._targets["entrypoint"]
        if rest is not None:
            base = self._new_base()
            app = await self._application(rest, base)
            if app is not None:
                loaded.served.append((app, rest.name))
            if app is base:
                loaded.mounted = _mounted_on(base)
            loaded.surfaces["rest"] = True
        if http_server is not None:
            loaded.surfaces["rest"] = True
            if http_server is not rest:
                app = await self._application(http_server, None)
                if app is not None and all(app is not other for other, _ in loaded.served):
                    loaded.served.append((app, http_server.name))
        if entrypoint is not None:
            loaded.surfaces["entrypoint"] = True
            if entrypoint in (rest, http_server):
                self._notifier.warning(
                    "entrypoint_is_rest",
                    "%s is the entrypoint and builds the REST application too; /invoke is not served."
                    % entrypoint.name,
                )
            elif self.a2a is not None and self.a2a.holds(entrypoint):
                self._notifier.warning(
                    "entrypoint_is_a2a",
                    "%s is the entrypoint and makes the A2A service too; /invoke is not served."
                    % entrypoint.name,
                )
            else:
                loaded.entrypoint = entrypoint
        return loaded

    def _new_base(self):
        """The application that a `mount(app)` is called with."""
        from fastapi import FastAPI

        options = {}
        if self._configuration.get("http_server"):
            # Pages that nobody asked for must not hide those of the application behind.
            options = {"docs_url": None, "redoc_url": None, "openapi_url": None}
        return FastAPI(
            title=self._configuration.get("name") or "agent",
            version=str(self._configuration.get("version") or "0"),
            description=self._configuration.get("description") or "",
            **options,
        )

    async def _application(self, target, base):
        """The application behind a target; `base` is ours for `rest.entry`, None for `http_server`."""
        value = target.value
        if is_application(value):
            return self._taken(target, value, base)
        is_a2a = self.a2a is not None and self.a2a.holds(target)
        if is_a2a and not callable(value):
            return None
        if not callable(value):
            raise Failure(
                "%s names %s, which is %s and cannot be called."
                % (target.key, target.name, described(value)),
                hint("Name a function or an ASGI application.", "not-callable"),
            )
        arguments = self._arguments(target, base)
        self._notifier.status("calling %s" % target.name)
        routes_before = len(base.routes) if base is not None else 0
        try:
            result = value(*arguments)
            if inspect.isawaitable(result):
                result = await result
        except BaseException as error:
            raise self._raised(target, error)
        if is_a2a:
            # One name for two surfaces: what it returned decides whose it is.
            if not (is_application(result) or _is_router(result)):
                is_rest = base is not None and len(base.routes) > routes_before
                self.a2a.put(target, result)
                return base if is_rest else None
            self.a2a.put(target, result)
        if result is None and base is not None:
            if len(base.routes) == routes_before:
                self._notifier.warning(
                    "rest_no_routes",
                    "%s added no route and returned nothing; every agent route answers 404."
                    % target.name,
                )
            return base
        return self._taken(target, result, base)

    def _taken(self, target, value, base):
        """Checks what a target is or returned and makes an application of it."""
        if base is not None:
            if value is base or _is_mounted_on(base, value):
                return base
            if _is_router(value):
                if not _is_included(base, value):
                    base.include_router(value)
                return base
        elif _is_router(value):
            base = self._new_base()
            base.include_router(value)
            return base
        if is_application(value):
            return value
        raise Failure(
            "%s from %s is %s, which is no ASGI application."
            % (target.name, target.key, described(value)),
            hint(
                "Return a FastAPI or Starlette application, an APIRouter"
                + (" or nothing" if base is not None else "")
                + (
                    "; a WSGI application (Flask) needs a wrapper such as a2wsgi"
                    if _is_wsgi(value)
                    else ""
                )
                + ".",
                "no-application",
            ),
        )

    def _arguments(self, target, base):
        """The arguments of a factory or a `mount`: the application where it is asked for, else none."""
        required, first = _parameters(target.value)
        if required == 0 and (base is None or not _wants_application(first)):
            return ()
        if base is not None and required <= 1 and first is not None:
            return (base,)
        raise Failure(
            "%s of %s takes %s arguments; it is called with %s."
            % (
                target.name,
                target.key,
                required,
                "the application or none" if base is not None else "none",
            ),
            hint(
                "Write it as mount(app), or as a function without arguments that returns an application.",
                "function-arguments",
            ),
        )

    def _raised(self, target, error):
        place = last_agent_line(error, self._package.root)
        return Failure(
            "%s (%s) raised %s%s."
            % (target.name, target.key, said(error), " at " + place if place else ""),
            hint(
                "The function is called inside the event loop: make it async and await instead."
                if isinstance(error, RuntimeError) and "running event loop" in str(error)
                else "The traceback shows the line.",
                "function-raised",
            ),
            agent_traceback(error, self._package.root),
        )


def is_application(value):
    """Whether a value is an ASGI application: callable with scope, receive and send."""
    if inspect.isclass(value) or not callable(value):
        return False
    if hasattr(value, "router") and hasattr(value, "routes"):
        return True
    required, _ = _parameters(value)
    return required == 3


def _parameters(function):
    """How many positional parameters a function requires, and its first parameter or None."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return 0, None
    positional = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = [parameter for parameter in positional if parameter.default is parameter.empty]
    starred = [p for p in signature.parameters.values() if p.kind == p.VAR_POSITIONAL]
    named = [
        p
        for p in signature.parameters.values()
        if p.kind == p.KEYWORD_ONLY and p.default is p.empty
    ]
    first = positional[0] if positional else (starred[0] if starred else None)
    return len(required) + len(named), first


def _wants_application(parameter):
    """Whether an optional first parameter is meant for the application."""
    if parameter is None:
        return False
    if parameter.name in ("app", "application", "api", "router", "fastapi_app"):
        return True
    annotation = parameter.annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return any(word in name for word in ("FastAPI", "Starlette", "APIRouter"))


def _is_router(value):
    """Whether a value is a FastAPI router, which has to be included in an application."""
    return (
        not hasattr(value, "router")
        and hasattr(value, "routes")
        and hasattr(value, "include_router")
    )


def _is_included(app, router):
    """Whether `mount` included the router itself before it returned it."""
    endpoints = {id(route.endpoint) for route in app.routes if hasattr(route, "endpoint")}
    for route in app.routes:
        if getattr(route, "original_router", None) is router:
            return True
    own = [route for route in router.routes if hasattr(route, "endpoint")]
    return bool(own) and all(id(route.endpoint) in endpoints for route in own)


def _mounted_on(app):
    """Applications mounted on ours that have a lifespan of their own, which nobody else runs."""
    found = []
    for route in app.routes:
        mounted = getattr(route, "app", None)
        router = getattr(mounted, "router", None)
        context = getattr(router, "lifespan_context", None)
        # `app.router.lifespan_context = sub.lifespan` hands it over already.
        if context is None or context is app.router.lifespan_context:
            continue
        if all(mounted is not other for other, _ in found):
            found.append((mounted, "the mount at %s" % getattr(route, "path", "?")))
    return found


def _is_mounted_on(app, value):
    return any(
        getattr(route, "app", None) is value
        for route in app.routes
        if not hasattr(route, "endpoint")
    )


def _is_wsgi(value):
    return callable(value) and _parameters(value)[0] == 2
