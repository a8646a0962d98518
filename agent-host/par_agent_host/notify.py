"""Notifications to the program that started the host, in the format of sd_notify(3)."""

import json
import socket
import threading

DATAGRAM_MAX_BYTES = 64 * 1024
"""Largest datagram; what is longer is cut by `_fitted`."""

SEND_TIMEOUT_SEC = 5.0
"""How long a full socket may hold the host up before a notification is given up."""

_CUT = "… (cut) …"


class Notifier:
    """Sends datagrams on an inherited, connected AF_UNIX socket; safe to use from any thread."""

    def __init__(self, fd):
        self._socket = socket.socket(fileno=fd)
        self._socket.settimeout(SEND_TIMEOUT_SEC)
        self._lock = threading.Lock()

    def status(self, text):
        """Says what the host is doing, in a line that a person reads when a boot is slow."""
        self._send("STATUS=" + " ".join(text.split()))

    def ready(self, surfaces, a2a=None):
        """Reports readiness; `surfaces` maps each surface of the package to true.

        `a2a`: where gRPC is served ("unix": our socket; a port number: the agent's own server;
        None) and whether A2A is served over HTTP.
        """
        text = "READY=1\nX_PAR_SURFACES=" + _json(surfaces)
        if a2a is not None:
            text += "\nX_PAR_A2A=" + _json(a2a)
        self._send(text)

    def warning(self, code, message):
        """Reports something odd that does not keep the agent from being served."""
        self._send("X_PAR_WARNING=" + _fitted({"code": code, "message": message}, ["message"]))

    def failure(self, failure):
        """Reports why the agent cannot be served; the process ends with status 1 after it."""
        fields = {"error": failure.error, "detail": failure.detail, "hint": failure.hint}
        self._send("X_PAR_FAILURE=" + _fitted(fields, ["detail", "error", "hint"]))

    def stopping(self):
        """Reports that a graceful stop began."""
        self._send("STOPPING=1")

    def drained(self):
        """Reports that nothing is in flight any more."""
        self._send("X_PAR_DRAINED=1")

    def _send(self, text):
        data = text.encode("utf-8", "replace")
        with self._lock:
            try:
                self._socket.send(data)
            except OSError:
                # The other end is gone or stuck. The control pipe's end of file decides about us.
                pass


def _json(value):
    # ASCII: lone surrogates and line separators of an agent's message survive as escapes.
    return json.dumps(value, separators=(",", ":"))


def _fitted(fields, in_order):
    """The fields as JSON, shortened in the given order until a datagram holds them.

    A text keeps its beginning and (mostly) its end, where a traceback says what happened.
    """
    room = DATAGRAM_MAX_BYTES - 64
    text = _json(fields)
    for name in in_order:
        whole = fields[name] or ""
        kept = len(whole)
        while len(text) > room and kept > 64:
            kept = kept * 3 // 4
            head = kept // 4
            fields = dict(fields, **{name: whole[:head] + _CUT + whole[head - kept :]})
            text = _json(fields)
    return text
