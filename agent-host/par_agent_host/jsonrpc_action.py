"""Which of the agent's actions a message asks for, and with which parameters."""

import json

from . import jsonrpc_errors as errors
from .jsonrpc_errors import RPCError

DEFAULT_ACTIONS = ("chat", "message", "default")
"""Who answers a message that names no action, when the agent has more than one."""


class Request:
    """`action`: the name asked for, or None. `parameters`: text by name."""

    def __init__(self, action, parameters):
        self.action = action
        self.parameters = parameters


def request_of(message, metadata):
    """What a message asks for; `metadata` is that of the call, the message's own comes first.

    A part that is neither text nor data is refused: a handler takes a dict of text.
    """
    found = {}
    action = None
    texts = []
    for source in (message.get("metadata") or {}, metadata or {}):
        action = action or _name(source, "action", "skill")
        for key in ("parameters", "params"):
            if isinstance(source.get(key), dict):
                _merge(found, source[key])
    for part in message["parts"]:
        if "text" in part:
            texts.append(part["text"])
        elif "data" in part:
            action = _take_data(part["data"], action, found)
        else:
            raise RPCError(
                errors.CONTENT_TYPE_NOT_SUPPORTED,
                "The agent takes text and data parts, no files.",
            )
    if texts:
        text = "\n".join(texts)
        _merge(found, {"message": text, "text": text})
    return Request(action, {name: as_text(value) for name, value in found.items()})


def choose(action, names):
    """The name of the action that answers; `names`: those the agent has."""
    if action is not None:
        if action in names:
            return action
        raise RPCError(errors.INVALID_PARAMS, "No handler found for action: %s" % action)
    if len(names) == 1:
        return names[0]
    for name in DEFAULT_ACTIONS:
        if name in names:
            return name
    if not names:
        raise RPCError(errors.UNSUPPORTED_OPERATION, "The agent has no actions.")
    raise RPCError(
        errors.INVALID_PARAMS,
        "Name the action in message.metadata.action: %s." % ", ".join(names),
    )


def as_text(value):
    """A parameter as handlers get it: text as it is, anything else as JSON.

    Whole numbers are written without a fraction: clients built on Protocol Buffers, whose JSON
    numbers are all of one type, send 2 as 2.0.
    """
    if isinstance(value, str):
        return value
    return json.dumps(_with_whole_numbers(value), ensure_ascii=False, separators=(",", ":"))


def _with_whole_numbers(value):
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {name: _with_whole_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(one) for one in value]
    return value


def _take_data(data, action, found):
    """Adds the fields of a data part; the action, which it may name."""
    if not isinstance(data, dict):
        _merge(found, {"data": data})
        return action
    named = _name(data, "action", "skill")
    for key in ("parameters", "params"):
        if named is not None and isinstance(data.get(key), dict):
            _merge(found, data[key])
            return action or named
    _merge(found, {key: value for key, value in data.items() if key not in ("action", "skill")})
    return action or named


def _name(source, *keys):
    for key in keys:
        if isinstance(source.get(key), str) and source[key]:
            return source[key]
    return None


def _merge(found, more):
    """What was given first stays."""
    for name, value in more.items():
        found.setdefault(name, value)
