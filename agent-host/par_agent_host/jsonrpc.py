"""A2A over JSON-RPC and HTTP for an agent that gave handlers: an ASGI application."""

import asyncio
import enum
import json
from urllib.parse import parse_qs

from . import jsonrpc_errors as errors
from . import responses
from .agent_card import PATHS as CARD_PATHS
from .agent_card import AgentCard
from .jsonrpc_errors import RPCError
from .jsonrpc_events import EventStream
from .jsonrpc_methods import Answer, Methods, Stream, form_of
from .jsonrpc_wire import Version03
from .request_body import GONE, whole_body
from .tasks import NESTING_MAX, nests_within

BODY_MAX_BYTES = 10 * 1024 * 1024
"""Largest request."""

STOP_SEC = 1.0
"""How long handlers that are cancelled at the end may take."""


def application(custom_handlers, streaming_handlers, card, drain):
    """The application for an agent's handlers.

    `custom_handlers`, `streaming_handlers`: functions by the action's name, or None. `card`: a
    mapping with `name`, `version`, `description`, `author` and `base_path`; the host's
    configuration is one. `drain`: the asyncio.Event that is set when a drain begins.
    """
    return Application(
        Methods(custom_handlers, streaming_handlers),
        AgentCard(card, custom_handlers, streaming_handlers),
        drain,
    )


class Application:
    """`POST /` takes calls, `GET /.well-known/agent-card.json` gives the card."""

    def __init__(self, methods, card, drain):
        self.routes = [_Route(("", "/"), ("POST",)), _Route(CARD_PATHS, ("GET", "HEAD"))]
        self._methods = methods
        self._card = card
        self._drain = drain

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1000})
        path = route_path(scope)
        method = scope["method"]
        if path in CARD_PATHS:
            if method not in ("GET", "HEAD"):
                return await self._not_allowed(scope, send, "The card", b"GET, HEAD")
            return await responses.send_json(
                send, 200, self._card.for_request(scope), [(b"cache-control", b"no-cache")]
            )
        if path not in ("", "/"):
            return await self._error(scope, send, 404, "The agent has no such route.")
        if method != "POST":
            return await self._not_allowed(scope, send, "A2A", b"POST")
        if not _is_json(scope):
            return await self._error(
                scope, send, 415, "A2A calls are JSON: send Content-Type: application/json."
            )
        body = await whole_body(scope, receive, BODY_MAX_BYTES)
        if body is None:
            return await self._error(
                scope, send, 413, "The body is larger than %d bytes." % BODY_MAX_BYTES
            )
        if body is not GONE:
            await self._answer(scope, body, receive, send)

    async def _answer(self, scope, body, receive, send):
        request = _Request()
        form = Version03()
        try:
            try:
                form = form_of(_version(scope))
            finally:
                # An error in the version is told to the call's id, too.
                request.read(body)
            reply = self._methods.call(form, request.method, request.params)
        except RPCError as error:
            return await _respond(send, request, {"error": error.member(form.is_version_1)})
        if isinstance(reply, Answer):
            return await _respond(send, request, {"result": reply.result})
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            if isinstance(reply, Stream):
                if request.is_notification:
                    await _first(_until_final(reply.follower), gone)
                    reply.follower.close()
                    return await _respond(send, request, {})
                return await EventStream(form, request.id, reply).send(send, gone)
            await self._wait(request, reply, gone, send)
        finally:
            gone.cancel()

    async def _wait(self, request, reply, gone, send):
        try:
            await _first(reply.run.ended.wait(), gone)
            if not gone.done():
                await _respond(send, request, {"result": reply.result()})
        finally:
            reply.run.release()

    async def _live(self, receive, send):
        """The lifespan: at its end, what still works for nobody that is connected is cancelled."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        runs = self._methods.runs
        for run in runs:
            run.cancel("The agent is stopping.")
        if runs:
            await asyncio.wait(
                {asyncio.ensure_future(run.gone()) for run in runs}, timeout=STOP_SEC
            )
        await send({"type": "lifespan.shutdown.complete"})

    async def _not_allowed(self, scope, send, what, methods):
        sentence = "%s answers %s only." % (what, methods.decode())
        await self._error(scope, send, 405, sentence, [(b"allow", methods)])

    async def _error(self, scope, send, status, sentence, headers=()):
        await responses.send_error(scope, send, status, sentence, self._drain.is_set(), headers)


class _Request:
    """One JSON-RPC 2.0 request; `id` is None until it is known."""

    def __init__(self):
        self.id = None
        self.is_notification = False
        self.method = None
        self.params = None

    def read(self, body):
        try:
            value = json.loads(body, parse_constant=_refuse_constant, parse_float=_float)
        except (ValueError, RecursionError) as error:
            raise RPCError(errors.PARSE_ERROR, "The body is not JSON: %s." % error)
        if not nests_within(value, body.count(b"[") + body.count(b"{")):
            raise RPCError(errors.INVALID_REQUEST, "The body nests deeper than %d." % NESTING_MAX)
        if isinstance(value, list):
            raise RPCError(errors.INVALID_REQUEST, "A2A takes one call at a time, no batch.")
        if not isinstance(value, dict):
            raise RPCError(errors.INVALID_REQUEST, "The call has to be an object.")
        identifier = value.get("id")
        if isinstance(identifier, bool) or not isinstance(
            identifier, (str, int, float, type(None))
        ):
            raise RPCError(errors.INVALID_REQUEST, "id has to be text, a number or null.")
        self.id = identifier
        if value.get("jsonrpc") != "2.0":
            raise RPCError(errors.INVALID_REQUEST, 'jsonrpc has to be "2.0".')
        self.method = value.get("method")
        if not isinstance(self.method, str) or not self.method:
            raise RPCError(errors.INVALID_REQUEST, "method is missing.")
        # Only a valid request can be a notification.
        self.is_notification = "id" not in value
        self.params = value.get("params")


class _Match(enum.Enum):
    """What Starlette's routes say, which those of the dispatcher's other applications are."""

    NONE = 0
    PARTIAL = 1
    FULL = 2


class _Route:
    """Paths and methods that the application takes, for a dispatcher that asks."""

    endpoint = None

    def __init__(self, paths, methods):
        self._paths = paths
        self._methods = methods

    def matches(self, scope):
        if scope["type"] != "http" or route_path(scope) not in self._paths:
            return _Match.NONE, {}
        return _Match.FULL if scope["method"] in self._methods else _Match.PARTIAL, {}


async def _respond(send, request, member):
    if request.is_notification:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        return await send({"type": "http.response.body", "body": b""})
    value = dict({"jsonrpc": "2.0", "id": request.id}, **member)
    try:
        encoded = responses.json_bytes(value)
    except UnicodeEncodeError:
        # Lone surrogates, which are JSON but not UTF-8, go out as they came: escaped.
        encoded = json.dumps(value).encode()
    await responses.send_bytes(send, 200, encoded)


async def _first(awaitable, gone):
    """Returns when the one or the other is done."""
    wanted = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait({wanted, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        wanted.cancel()


async def _until_final(follower):
    while await follower.next() is not None:
        pass


async def _until_gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


def _is_json(scope):
    """Whether the content type is JSON, or not said."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value.decode("latin-1").partition(";")[0].strip().lower()
            return kind in ("application/json", "application/json-rpc") or kind.endswith("+json")
    return True


def _version(scope):
    """The `A2A-Version` header, or the query parameter of that name."""
    for name, value in scope["headers"]:
        if name == b"a2a-version":
            return value.decode("latin-1")
    query = scope.get("query_string", b"")
    if b"A2A-Version" not in query:
        return ""
    return parse_qs(query.decode("latin-1")).get("A2A-Version", [""])[0]


def route_path(scope):
    """The path without the root path."""
    path, root = scope["path"], scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :]
    return path


def _refuse_constant(name):
    raise ValueError("%s is not JSON" % name)


def _float(text):
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("%s is too large" % text[:40])
    return number
