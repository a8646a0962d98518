"""Bodies of requests that the host itself answers."""

GONE = object()
"""In the place of a body whose caller left before it was complete."""


async def whole_body(scope, receive, max_bytes):
    """The body, at most so long; None when it is longer, `GONE` when the caller left."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > max_bytes:
            return None
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return GONE
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
