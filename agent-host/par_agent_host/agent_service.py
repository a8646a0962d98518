"""`pixell.agent.AgentService` as the host itself serves it, over the agent's handlers."""

import json
import sys
import time
import traceback
import uuid

from . import messages, responses
from .failure import said

A2A_METHODS = (
    "message/send",
    "message/stream",
    "tasks/send",
    "tasks/sendSubscribe",
    "SendMessage",
    "SendStreamingMessage",
)
"""Methods of A2A itself: in the message form they name no action of the agent."""

FALLBACK_ACTIONS = ("chat", "default")
"""What a message that names no action means, where the agent has more than one."""


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
            _log_traceback(action, error)
        answer.duration_ms = int((time.monotonic() - begun) * 1000)
        return answer


def understood(request, handlers):
    """The action and the parameters of a request in either form; raises `Unclear`."""
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
    message = params.get("message")
    if not isinstance(message, dict):
        # A plain remote call: the method is the action.
        action = request.action or (method if method not in A2A_METHODS else "")
        if not action:
            raise Unclear("No action/skill specified in request")
        return action, _texts(params)
    metadata = {**_dict(params.get("metadata")), **_dict(message.get("metadata"))}
    parameters, said_texts = {}, []
    action = metadata.get("action") or metadata.get("skill") or request.action
    parts = message.get("parts")
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, dict):
            continue
        if isinstance(part.get("text"), str):
            said_texts.append(part["text"])
        data = _dict(part.get("data"))
        action = action or data.get("action")
        parameters.update(_dict(data.get("parameters")) if "action" in data else data)
    parameters.update(_dict(metadata.get("parameters", metadata.get("params"))))
    if said_texts:
        parameters.setdefault("message", "\n".join(said_texts))
    if not action and method not in A2A_METHODS:
        action = method
    if not action:
        names = handlers.actions
        known = names if len(names) == 1 else [n for n in FALLBACK_ACTIONS if n in names]
        if not known:
            raise Unclear("No action/skill specified in request")
        action = known[0]
    return str(action), _texts(parameters)


def _dict(value):
    return value if isinstance(value, dict) else {}


def _texts(parameters):
    """The parameters as a dict of text: what is no text becomes JSON."""
    return {
        name: value if isinstance(value, str) else responses.json_bytes(value).decode("utf-8")
        for name, value in parameters.items()
    }


def _valid(text):
    """The text without lone surrogates, which a protobuf string cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _now_ms():
    return int(time.time() * 1000)


def _log_traceback(action, error):
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    sys.stderr.write("The handler of %s failed\n%s" % (action, text))
