"""Which of the package's applications answers a request."""

from . import responses
from .agent_card import PATHS as CARD_PATHS

A2A_PATH = "/a2a"
"""Where the A2A application is served, beneath the base path."""

REFUSAL_MAX_BYTES = 64 * 1024
"""How much of a 404's or 405's body is kept until the last application was asked."""

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
    """An ASGI application over the package's: the REST entry, then `http_server`, then `/invoke`,
    then A2A, which comes first for `/a2a`, what is below, and the agent card.

    The first with a matching route answers. One that is no router (a middleware around an
    application, static files) is asked, and where it answers 404 or 405 the next with a route is.
    """

    def __init__(self, surfaces, invoke, drain, a2a=None):
        self._surfaces = surfaces
        self._invoke = Surface(invoke, {}) if invoke is not None else None
        self._drain = drain
        self._a2a = a2a

    async def __call__(self, scope, receive, send):
        offers = self._offers(scope)
        if len(offers) > 1:
            offers = self._candidates(scope["type"], offers)
        if not offers:
            return await self._not_found(scope, send)
        first = None
        for surface, seen in offers[:-1]:
            attempt = _Attempt(receive, send)
            await self._ask(surface, seen, attempt.receive, attempt.send)
            if not attempt.refused:
                return
            first = first or attempt
            receive = attempt.replayed
        surface, seen = offers[-1]
        if first is None or surface is not offers[0][0]:
            return await self._ask(surface, seen, receive, send)
        # One application, asked in two ways: its answer to the proper one stands.
        last = _Attempt(receive, send)
        await self._ask(surface, seen, last.receive, last.send)
        if last.refused:
            await (first if first.is_whole else last).send_refusal()

    def _offers(self, scope):
        """Whom the request is offered to, in order, each with the scope it is to see."""
        path = _route_path(scope)
        offers = [(surface, scope) for surface in self._surfaces]
        if self._invoke is not None and scope["type"] == "http" and path == self._invoke.app.path:
            offers.append((self._invoke, scope))
        if self._a2a is None:
            return offers
        if path == A2A_PATH or path.startswith(A2A_PATH + "/"):
            # The application may have such a route of its own, too.
            return [(self._a2a, _beneath_a2a(scope)), (self._a2a, scope)] + offers
        if path in CARD_PATHS:
            # One that knows the card's older or newer name alone is asked for that.
            names = [path] + [name for name in CARD_PATHS if name != path]
            return [(self._a2a, _with_path(scope, name)) for name in names] + offers
        return offers + [(self._a2a, scope)]

    def _candidates(self, kind, offers):
        """Those to ask in order; each but the last may refuse with 404 or 405."""
        asked = []
        partial = None
        for surface, scope in offers:
            how = self._taken(surface, scope)
            if how in (FULL, OPAQUE):
                asked.append((surface, scope))
                # A WebSocket that was refused cannot be offered again.
                if how == FULL or kind == "websocket":
                    return asked
            elif how == PARTIAL and partial is None:
                partial = (surface, scope)
        if asked:
            return asked
        return [partial or self._with_other_slash(offers) or offers[0]]

    def _taken(self, surface, scope):
        if surface is self._invoke:
            return FULL if scope["method"] == "POST" else PARTIAL
        return taken_by(surface.app, scope)

    def _with_other_slash(self, offers):
        """The application that would redirect to the path with (or without) a slash at its end."""
        for surface, scope in offers:
            path = scope["path"]
            other = path.rstrip("/") if path.endswith("/") else path + "/"
            if self._taken(surface, dict(scope, path=other)) != NONE:
                return surface, scope
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


def _beneath_a2a(scope):
    """The scope in which what is below `/a2a` is the application's own."""
    root = scope.get("root_path", "")
    changed = dict(scope, root_path=root + A2A_PATH)
    if not scope["path"].startswith(root + A2A_PATH):
        # A path without the root path, where a server gives such.
        changed["path"] = root + scope["path"]
        changed["raw_path"] = root.encode() + scope.get("raw_path", b"")
    if changed["path"] == changed["root_path"]:
        # The application's `/`, with which every route begins.
        changed["path"] += "/"
        changed["raw_path"] = changed.get("raw_path", b"") + b"/"
    return changed


def _with_path(scope, path):
    if _route_path(scope) == path:
        return scope
    path = scope.get("root_path", "") + path
    return dict(scope, path=path, raw_path=path.encode())


class _Attempt:
    """A request shown to one application so that another can still get it.

    What was received is kept (up to a limit), a response of 404 or 405 is held back. `is_whole`:
    whether all of that response is.
    """

    def __init__(self, receive, send):
        self.refused = False
        self.is_whole = False
        self._refusal = []
        self._refusal_bytes = 0
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
            return await self._send(message)
        self._refusal_bytes += len(message.get("body", b""))
        if self._refusal_bytes <= REFUSAL_MAX_BYTES:
            self._refusal.append(message)
            self.is_whole = message["type"] == "http.response.body" and not message.get("more_body")
        else:
            self.is_whole = False

    async def send_refusal(self):
        """Sends the response that was held back; of one that is too long the status and nothing more."""
        if self.is_whole:
            for message in self._refusal:
                await self._send(message)
            return
        await self._send(dict(self._refusal[0], headers=[(b"content-length", b"0")]))
        await self._send({"type": "http.response.body", "body": b""})

    async def replayed(self):
        if self._kept:
            return self._kept.pop(0)
        return await self._receive()
