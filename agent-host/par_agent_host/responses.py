"""JSON answers that the host itself gives."""

import json


def json_bytes(value):
    """The value as compact JSON; raises TypeError, ValueError or RecursionError for what is not JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8"
    )


async def send_bytes(send, status, body, headers=()):
    """Sends a complete JSON response."""
    start = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": start + list(headers)})
    await send({"type": "http.response.body", "body": body})


async def send_json(send, status, value, headers=()):
    """Sends a value as a complete JSON response."""
    await send_bytes(send, status, json_bytes(value), headers)


async def send_error(scope, send, status, sentence, draining, headers=()):
    """Sends an error in the form that all errors of the program have."""
    request_id = None
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            request_id = value.decode("latin-1")
    # An agent's message may hold lone surrogates, which are not UTF-8.
    sentence = sentence.encode("utf-8", "replace").decode("utf-8")
    value = {
        "error": sentence,
        "state": "draining" if draining else "ready",
        "request_id": request_id,
    }
    await send_json(send, status, value, headers)
