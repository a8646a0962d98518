"""Which of the package's applications answers a request."""

from . import responses

NONE, PARTIAL, OPAQUE, FULL = range(4)
"""How an application takes a request: not; its path only (another method); unknown, it is no
router we can ask; by a route."""

REPLAY_MAX_BYTES = 10 * 1024 * 1024
"""How much of a request body is kept so that a further application can be asked after a 404."""


class Surface:
    """One application and the lifespan state its requests carry."""

    def __init__(self, app, state):
        self.app = app
        self.state = state


class Dispatcher:
    """An ASGI application over the package's: the REST entry, then `http_server`, then `/invoke`.

    The first with a matching route answers. One that is no router (a middleware around an
    application, static files) is asked, and where it answers 404 or 405 the next with a route is.
    """

    def __init__(self, surfaces, invoke, drain):
        self._surfaces = surfaces
        self._invoke = invoke
        self._drain = drain

    async def __call__(self, scope, receive, send):
        is_invoke = (
            self._invoke is not None
            and scope["type"] == "http"
            and _route_path(scope) == self._invoke.path
        )
        surfaces = self._surfaces
        if len(surfaces) == 1 and not is_invoke:
            return await self._ask(surfaces[0], scope, receive, send)
        candidates = self._candidates(scope, is_invoke)
        if not candidates:
            return await self._not_found(scope, send)
        for surface in candidates[:-1]:
            attempt = _Attempt(receive, send)
            await self._ask(surface, scope, attempt.receive, attempt.send)
            if not attempt.refused:
                return
            receive = attempt.replayed
        await self._ask(candidates[-1], scope, receive, send)

    def _candidates(self, scope, is_invoke):
        """Those to ask in order; each but the last may refuse with 404 or 405."""
        asked = []
        partial = None
        for surface in self._surfaces:
            how = taken_by(surface.app, scope)
            if how in (FULL, OPAQUE):
                asked.append(surface)
                # A WebSocket that was refused cannot be offered again.
                if how == FULL or scope["type"] == "websocket":
                    return asked
            elif how == PARTIAL and partial is None:
                partial = surface
        if is_invoke and (scope["method"] == "POST" or not (asked or partial)):
            asked.append(Surface(self._invoke, {}))
        if not asked and partial is None:
            partial = self._with_other_slash(scope)
        if not asked and (partial or self._surfaces):
            asked.append(partial or self._surfaces[0])
        return asked

    def _with_other_slash(self, scope):
        """The application that would redirect to the path with (or without) a slash at its end."""
        path = scope["path"]
        other = path.rstrip("/") if path.endswith("/") else path + "/"
        for surface in self._surfaces:
            if taken_by(surface.app, dict(scope, path=other)) != NONE:
                return surface
        return None

    async def _ask(self, surface, scope, receive, send):
        scope = dict(scope)
        scope["state"] = dict(surface.state)
        await surface.app(scope, receive, send)

    async def _not_found(self, scope, send):
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1000})
        await responses.send_error(
            scope, send, 404, "The agent has no such route.", self._drain.is_set()
        )


def taken_by(app, scope):
    """How an application takes a request: its routes are asked, mounted applications included."""
    routes = getattr(app, "routes", None)
    if routes is None:
        return OPAQUE
    best = NONE
    for route in routes:
        # A copy, because some routes leave notes in the scope they are shown.
        if not hasattr(route, "matches"):
            # Another framework's routes (Litestar's), which cannot be asked.
            return OPAQUE
        match, child_scope = route.matches(dict(scope))
        if match.name == "FULL":
            # Mount and Host take whatever is beneath them; what their application does counts.
            base = getattr(route, "_base_app", None) or (
                getattr(route, "app", None) if not hasattr(route, "endpoint") else None
            )
            if hasattr(base, "routes"):
                return taken_by(base, dict(scope, **child_scope))
            return OPAQUE if base is not None and not hasattr(route, "endpoint") else FULL
        if match.name == "PARTIAL":
            best = PARTIAL
    return best


def _route_path(scope):
    path, root = scope["path"], scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path


class _Attempt:
    """A request shown to one application so that another can still get it.

    What was received is kept (up to a limit), a response of 404 or 405 is held back.
    """

    def __init__(self, receive, send):
        self.refused = False
        self._receive = receive
        self._send = send
        self._kept = []
        self._kept_bytes = 0
        self._is_decided = False

    async def receive(self):
        message = await self._receive()
        if not self._is_decided and self._kept is not None:
            self._kept.append(message)
            self._kept_bytes += len(message.get("body", b""))
            if self._kept_bytes > REPLAY_MAX_BYTES:
                self._kept = None
        return message

    async def send(self, message):
        if not self._is_decided and message["type"] == "http.response.start":
            self.refused = message["status"] in (404, 405) and self._kept is not None
            self._is_decided = True
            if not self.refused:
                self._kept = None
        if not self.refused:
            await self._send(message)

    async def replayed(self):
        if self._kept:
            return self._kept.pop(0)
        return await self._receive()
