"""Tells the program which requests have begun, so that it can take back those that had not."""

from .memory import BEGUN

FIELD = b"x-par-slot"
"""The last header of a request that has a slot; the application never sees it."""


def taking_slots(app, memory):
    """The ASGI application that marks each request as begun, then calls `app`.

    A function over a function, not a class: this runs for every request.
    """
    cells = memory.cells
    offsets = {}

    def serve(scope, receive, send):
        headers = scope["headers"]
        if headers and headers[-1][0] == FIELD:
            number = headers.pop()[1]
            offset = offsets.get(number)
            if offset is None:
                offset = memory.offset(number)
                if offset is None:
                    return app(scope, receive, send)
                # At most as many as there are slots.
                offsets[number] = offset
            try:
                cells[offset] = BEGUN
            except ValueError:
                # A forked child, whose requests are nobody's.
                pass
        return app(scope, receive, send)

    return serve
