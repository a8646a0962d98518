"""The agent's A2A surface: an object with the handlers, action name to function.

`custom_handlers` return their result; `streaming_handlers` yield it piece by piece.
"""

from src.a2a.actions import ACTIONS, STREAMING_ACTIONS


class Service:
    custom_handlers = ACTIONS
    streaming_handlers = STREAMING_ACTIONS


def create_grpc_server() -> Service:
    return Service()
