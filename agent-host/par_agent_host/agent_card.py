"""The A2A agent card of an agent that gave handlers, for clients of 1.0 and 0.3 at once."""

import functools
import inspect
import re

PATHS = ("/.well-known/agent-card.json", "/.well-known/agent.json")
"""Where clients look: since A2A 0.3, and before."""

MEDIA_TYPES = ["text/plain", "application/json"]
"""What handlers take and give."""

DESCRIPTION_MAX_CHARACTERS = 500
"""How much of a handler's docstring its skill repeats."""

_AUTHORITY = re.compile(r"[A-Za-z0-9._~%:\[\]-]{1,255}$")


class AgentCard:
    """`about`: a mapping with name, version, description, author and base_path, which may be missing."""

    def __init__(self, about, custom_handlers, streaming_handlers):
        name = about.get("name") or "agent"
        self._base_path = about.get("base_path") or ""
        self._author = about.get("author")
        self._card = {
            "name": name,
            "description": about.get("description") or "The agent %s." % name,
            "version": str(about.get("version") or "0"),
            "protocolVersion": "0.3.0",
            "preferredTransport": "JSONRPC",
            "capabilities": {
                "streaming": bool(streaming_handlers),
                "pushNotifications": False,
                "stateTransitionHistory": False,
                "extendedAgentCard": False,
            },
            "defaultInputModes": MEDIA_TYPES,
            "defaultOutputModes": MEDIA_TYPES,
            "skills": _skills(custom_handlers or {}, streaming_handlers or {}),
            "supportsAuthenticatedExtendedCard": False,
        }

    def for_request(self, scope):
        """The card with the addresses that the caller reaches the agent under."""
        base = _origin(scope) + self._prefix(scope)
        url = base + "/a2a"
        card = dict(self._card, url=url)
        card["supportedInterfaces"] = [
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": version}
            for version in ("1.0", "0.3")
        ]
        card["additionalInterfaces"] = [{"url": url, "transport": "JSONRPC"}]
        if self._author:
            card["provider"] = {"organization": str(self._author), "url": base or url}
        return card

    def _prefix(self, scope):
        """The base path as the caller writes it, which a proxy that strips a prefix makes longer."""
        prefix = _header(scope, b"x-forwarded-prefix").rstrip("/")
        if not prefix.startswith("/") or not re.match(r"[A-Za-z0-9._~%/-]*$", prefix):
            return self._base_path
        if prefix.endswith(self._base_path):
            return prefix
        return prefix + self._base_path


def _origin(scope):
    proto = _header(scope, b"x-forwarded-proto") or scope.get("scheme", "http")
    proto = proto if proto in ("http", "https") else "http"
    for name in (b"x-forwarded-host", b"host"):
        host = _header(scope, name)
        # It goes into an address that clients will follow.
        if _AUTHORITY.match(host):
            return "%s://%s" % (proto, host)
    return proto + "://localhost"


def _header(scope, wanted):
    """The first of the values that proxies may have listed."""
    for name, value in scope["headers"]:
        if name == wanted:
            return value.decode("latin-1").partition(",")[0].strip()
    return ""


def _skills(custom, streaming):
    return [
        {
            "id": name,
            "name": name,
            "description": _description(name, custom.get(name) or streaming.get(name)),
            "tags": ["streaming" if name in streaming else "action"],
            "inputModes": MEDIA_TYPES,
            "outputModes": MEDIA_TYPES,
        }
        for name in dict.fromkeys(list(custom) + list(streaming))
    ]


def _description(name, function):
    while isinstance(function, functools.partial):
        function = function.func
    text = inspect.getdoc(function) if inspect.isroutine(function) else None
    first = (text or "").strip().split("\n\n", 1)[0].replace("\n", " ")
    return first[:DESCRIPTION_MAX_CHARACTERS] or "The action %s." % name
