"""A task's events as server-sent events, each a JSON-RPC response (A2A 0.3 and 1.0, section 9.4)."""

import asyncio
import json

KEEP_ALIVE_SEC = 15.0
"""After how long a comment is sent when there is no event, so that no proxy takes it for idle."""

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """Sends one stream to its end: the handler's, or the caller's."""

    def __init__(self, form, request_id, stream):
        self._form = form
        self._request_id = request_id
        self._first = stream.first
        self._follower = stream.follower

    async def send(self, send, gone):
        """`gone`: a future that is done when the caller has left."""
        task = self._follower.run.task
        coming = None
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await self._event(send, self._first)
            while True:
                coming = coming or asyncio.ensure_future(self._follower.next())
                await asyncio.wait(
                    {coming, gone}, timeout=KEEP_ALIVE_SEC, return_when=asyncio.FIRST_COMPLETED
                )
                if gone.done():
                    return
                if not coming.done():
                    await _body(send, b": keep-alive\n\n")
                    continue
                event = coming.result()
                coming = None
                if event is None:
                    break
                await self._event(send, self._written(task, event))
            await self._event(
                send,
                self._form.status_event(task, self._form.status(task), True, task.metadata),
            )
            await send({"type": "http.response.body", "body": b""})
        finally:
            if coming is not None:
                coming.cancel()
            self._follower.close()

    def _written(self, task, event):
        form = self._form
        if event[0] == "status":
            return form.status_event(task, form.working(event[1], event[2]), False)
        _, part, append, is_last = event
        return form.artifact_event(task, form.artifact(task, [part]), append, is_last)

    async def _event(self, send, result):
        response = {"jsonrpc": "2.0", "id": self._request_id, "result": result}
        # ASCII: some clients take U+2028 and the like for the end of a line.
        await _body(send, b"data: %s\n\n" % json.dumps(response, separators=(",", ":")).encode())


async def _body(send, data):
    await send({"type": "http.response.body", "body": data, "more_body": True})
