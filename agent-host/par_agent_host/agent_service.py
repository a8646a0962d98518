"""`pixell.agent.AgentService` as the host itself serves it, over the agent's handlers."""

import json
import time
import uuid

from . import jsonrpc_action, messages
from .failure import log_raised, said
from .jsonrpc_errors import RPCError

A2A_METHODS = (
    "message/send",
    "message/stream",
    "tasks/send",
    "tasks/sendSubscribe",
    "SendMessage",
    "SendStreamingMessage",
)
"""Methods of A2A itself: in the message form they name no action of the agent."""


class Unclear(Exception):
    """A request that cannot be understood; its text is the answer's `error`."""


class AgentService:
    """The four methods; each takes a request and grpc.aio's context."""

    def __init__(self, handlers, name, version, description=""):
        self._handlers = handlers
        self._metadata = {"name": name, "version": version, "description": description}

    async def Health(self, request, context):
        return messages.HealthStatus(ok=True, message="ready", timestamp=_now_ms())

    async def Ping(self, request, context):
        return messages.Pong(message="pong", timestamp=_now_ms())

    async def DescribeCapabilities(self, request, context):
        return messages.Capabilities(methods=self._handlers.actions, metadata=self._metadata)

    async def Invoke(self, request, context):
        """Calls one handler. What the handler raises is an answer, not a gRPC status."""
        begun = time.monotonic()
        request_id = request.request_id or request.message.id or "req_" + uuid.uuid4().hex
        answer = messages.ActionResult(request_id=request_id)
        action = None
        try:
            action, parameters = understood(request, self._handlers)
            if not self._handlers.has(action):
                raise Unclear("No handler found for action: " + action)
            answer.result = _valid(await self._handlers.call(action, parameters))
            answer.success = True
        except Unclear as error:
            answer.error = _valid(str(error))
        except Exception as error:
            # Cancellation is no Exception: it passes, and ends the call.
            answer.error = _valid(said(error))
            log_raised("The handler of %s failed" % action, error)
        answer.duration_ms = int((time.monotonic() - begun) * 1000)
        return answer


def understood(request, handlers):
    """The action and the parameters of a request in either form; raises `Unclear`.

    The message form carries what A2A's JSON-RPC does and means the same here as there.
    """
    if not request.HasField("message"):
        if not request.action:
            raise Unclear("No action/skill specified in request")
        return request.action, dict(request.parameters)
    try:
        params = json.loads(request.message.params_json or "{}")
    except (ValueError, RecursionError) as error:
        raise Unclear("Invalid JSON in A2A params_json: %s" % error)
    if not isinstance(params, dict):
        raise Unclear("Invalid JSON in A2A params_json: it is no object")
    method = request.message.method
    named = request.action or (method if method not in A2A_METHODS else None)
    message = params.get("message")
    if not isinstance(message, dict):
        # A plain remote call: the method is the action.
        if not named:
            raise Unclear("No action/skill specified in request")
        return named, {name: jsonrpc_action.as_text(value) for name, value in params.items()}
    try:
        asked = jsonrpc_action.request_of(_well_formed(message), _dict(params.get("metadata")))
        return jsonrpc_action.choose(asked.action or named, handlers.actions), asked.parameters
    except RPCError as error:
        raise Unclear(error.sentence)


def _well_formed(message):
    """A message whose metadata is a dict and whose parts are dicts; what is not is left out."""
    parts = message.get("parts")
    return {
        "metadata": _dict(message.get("metadata")),
        "parts": [part for part in parts if isinstance(part, dict)]
        if isinstance(parts, list)
        else [],
    }


def _dict(value):
    return value if isinstance(value, dict) else {}


def _valid(text):
    """The text without lone surrogates, which a protobuf string cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _now_ms():
    return int(time.time() * 1000)
