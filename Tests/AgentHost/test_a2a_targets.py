"""One target for two surfaces, several targets at once, and A2A over HTTP beside gRPC."""

import json

import pytest

from agent_messages import Caller

CODE = """
import asyncio
from fastapi import FastAPI
print("imported")
async def echo(parameters): return parameters.get("text", "")
def handlers():
    print("called")
    return {"custom_handlers": {"echo": echo}}
def around(): return later()
async def later(): return {"custom_handlers": {"echo": echo}}
def application(name="agent"):
    print("called")
    app = FastAPI()
    app.get("/where")(lambda: name)
    return app
class Builder:
    def build(self): return application("built")
class AsyncBuilder:
    async def build(self): return application("built")
def mount(app):
    print("called")
    app.get("/where")(lambda: "mounted")
class Servicer:
    def Invoke(self, request, context): return {"success": True, "result": "servicer"}
ready = {"custom_handlers": {"echo": echo}}
def nothing(): pass
"""


@pytest.fixture
def started(package, host):
    def start(**configuration):
        one = host(package({"main.py": CODE}), **configuration)
        one.surfaces = one.ready()
        one.told = json.loads(one.notifications[-1]["X_PAR_A2A"])
        return one

    return start


def _invoke(one):
    caller = Caller("unix:" + one.a2a_socket_path)
    try:
        return caller.invoke("echo", text="hi").result
    finally:
        caller.close()


def _call(one, path="/a2a"):
    message = {"role": "user", "messageId": "1", "parts": [{"kind": "text", "text": "hi"}]}
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
    return one.post(path, json=body)


@pytest.mark.parametrize(
    "names",
    [
        {"a2a_service": "main:handlers"},
        {"a2a_entry": "main:handlers"},
        {"a2a_http_server": "main:handlers"},
        {"a2a_http_server": "main:handlers", "a2a_entry": "main:handlers"},
        {"a2a_service": "main:handlers", "a2a_entry": "main:handlers", "entrypoint": "main:echo"},
        {"a2a_service": "main:handlers", "rest_entry": "main:handlers"},
        {"a2a_service": "main:handlers", "http_server": "main:handlers"},
        {"a2a_service": "main:handlers", "a2a_http_server": "main:ready"},
    ],
    ids=lambda names: " ".join(names),
)
def test_handlers_are_made_once_and_served_by_both_protocols(names, started):
    one = started(**names)
    assert one.told == {"grpc": "unix", "http": True}
    assert _invoke(one) == "hi"
    assert "hi" in _call(one).text
    assert one.stop() == 0
    one.close()
    assert one.everything()["stdout"].count("called") == 1
    assert not one.warnings()


@pytest.mark.parametrize("name", ["around", "later", "ready"])
def test_handlers_that_come_late_or_are_there_already(name, started):
    one = started(a2a_service="main:" + name)
    assert _invoke(one) == "hi"


@pytest.mark.parametrize("name", ["application", "Builder", "AsyncBuilder"])
@pytest.mark.parametrize("key", ["a2a_service", "a2a_entry", "a2a_http_server"])
def test_an_application_is_served_over_http_alone(key, name, started):
    one = started(**{key: "main:" + name})
    assert one.told == {"grpc": None, "http": True}
    assert one.surfaces == {"a2a": True}
    assert one.get("/a2a/where").json() == ("agent" if name == "application" else "built")
    assert not one.warnings()
    assert one.stop() == 0


@pytest.mark.parametrize("key", ["rest_entry", "http_server"])
def test_an_application_of_two_surfaces_is_made_once(key, started):
    one = started(a2a_http_server="main:application", **{key: "main:application"})
    assert one.surfaces == {"rest": True, "a2a": True}
    assert one.told == {"grpc": None, "http": True}
    assert one.get("/where").json() == one.get("/a2a/where").json() == "agent"
    assert one.stop() == 0
    one.close()
    assert one.everything()["stdout"].count("called") == 1


def test_grpc_comes_from_the_service_and_http_from_the_http_server(started):
    one = started(a2a_service="main:Servicer", a2a_http_server="main:application")
    assert one.told == {"grpc": "unix", "http": True}
    assert _invoke(one) == "servicer"
    assert one.get("/a2a/where").json() == "agent"


def test_a_servicer_and_handlers_serve_a_protocol_each(started):
    one = started(a2a_service="main:Servicer", a2a_http_server="main:handlers")
    assert _invoke(one) == "servicer"
    assert "hi" in _call(one).text


def test_a_stub_beside_an_application_is_no_stub(started):
    one = started(a2a_service="main:nothing", a2a_http_server="main:application")
    assert one.told == {"grpc": None, "http": True}
    assert not one.warnings()


def test_rest_is_asked_before_the_a2a_application(started):
    one = started(a2a_http_server="main:application", rest_entry="main:mount")
    assert one.get("/where").json() == "mounted"
    assert one.get("/a2a/where").json() == "agent"


def test_an_entrypoint_that_makes_the_service_is_not_invoked(started):
    one = started(a2a_service="main:handlers", entrypoint="main:handlers")
    assert [warning["code"] for warning in one.warnings()] == ["entrypoint_is_a2a"]
    assert _invoke(one) == "hi"
    assert one.post("/invoke", json={}).status_code == 404


def test_the_environment_is_left_alone_without_a_service(package, host):
    code = CODE + "import os\nprint(os.environ.get('A2A_PORT'))\n"
    one = host(package({"main.py": code}), {"A2A_PORT": "7"}, a2a_http_server="main:application")
    one.ready()
    one.until_stdout("\n7\n")
    assert one.output["stdout"].decode().split()[:2] == ["imported", "7"]
