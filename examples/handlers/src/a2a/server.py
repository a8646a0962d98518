"""The agent's A2A surface: an object with `custom_handlers`, action name to function."""

from src.a2a.actions import ACTIONS


class Service:
    custom_handlers = ACTIONS


def create_grpc_server() -> Service:
    return Service()
