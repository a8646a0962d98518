"""AgentService over the agent's handlers, called with the real gRPC client."""

import json
import os
import stat

import grpc
import pytest

from agent_messages import Caller, pb2

HANDLERS = """
import asyncio, functools
async def echo(parameters): return parameters.get("text", "")
def plain(parameters): return {"got": parameters, "kind": type(parameters).__name__}
def nothing(parameters): return None
def broken(parameters): raise ValueError("no such luck")
def odd(parameters): return {1, 2}
async def words(parameters):
    for word in parameters["text"].split():
        yield word
def numbers(parameters):
    yield 1
    yield 2
async def events(parameters):
    yield {"event": "thinking", "data": "hm"}
    yield {"event": "content", "data": {"content": "a"}}
    yield {"type": "CONTENT", "content": "b"}
    yield {"event": "done", "data": {}}
async def failing(parameters):
    yield "a"
    yield {"event": "error", "data": {"message": "went wrong"}}
custom = {"echo": echo, "plain": plain, "nothing": nothing, "broken": broken, "odd": odd,
          "partial": functools.partial(lambda extra, parameters: extra, "part")}
streaming = {"words": words, "numbers": numbers, "events": events, "failing": failing}
def create_service(): return {"custom_handlers": custom, "streaming_handlers": streaming}
"""


@pytest.fixture
def caller(package, host):
    made = []

    def start(code=HANDLERS, service="main:create_service", **configuration):
        one = host(package({"main.py": code}), a2a_service=service, **configuration)
        assert one.ready_a2a()["grpc"] == "unix"
        made.append(Caller("unix:" + one.a2a_socket_path))
        made[-1].host = one
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.parametrize(
    "action, parameters, result",
    [
        ("echo", {"text": "hé"}, "hé"),
        ("plain", {"a": "1"}, '{"got":{"a":"1"},"kind":"dict"}'),
        ("nothing", {}, "null"),
        ("partial", {}, "part"),
        ("words", {"text": "a b c"}, "abc"),
        ("numbers", {}, "2"),
        ("events", {}, "ab"),
    ],
)
def test_an_action_is_called_and_its_result_is_text_or_json(action, parameters, result, caller):
    answer = caller().invoke(action, request_id="r1", **parameters)
    assert (answer.success, answer.result, answer.error) == (True, result, "")
    assert answer.request_id == "r1" and answer.duration_ms >= 0


@pytest.mark.parametrize(
    "action, error",
    [
        ("absent", "No handler found for action: absent"),
        ("", "No action/skill specified in request"),
        ("broken", "ValueError: no such luck"),
        ("failing", "RuntimeError: went wrong"),
        ("odd", "TypeError: odd returned set, which is neither text nor JSON"),
    ],
)
def test_what_goes_wrong_is_an_answer(action, error, caller):
    answer = caller().invoke(action)
    assert not answer.success and answer.result == ""
    assert answer.error.startswith(error)
    assert answer.request_id.startswith("req_")


def test_a_handlers_traceback_is_on_standard_error(caller):
    one = caller()
    one.invoke("broken")
    told = one.host.until_stderr("ValueError: no such luck")
    assert "in broken" in told and "par_agent_host" not in told


@pytest.mark.parametrize(
    "message, result",
    [
        ({"method": "echo", "params_json": '{"text":"a"}'}, "a"),
        ({"method": "plain", "params_json": '{"n":1}'}, '{"got":{"n":"1"},"kind":"dict"}'),
        (
            {
                "method": "message/send",
                "params_json": json.dumps(
                    {"message": {"metadata": {"skill": "echo", "params": {"text": "b"}}}}
                ),
            },
            "b",
        ),
        (
            {
                "method": "SendMessage",
                "params_json": json.dumps(
                    {
                        "message": {
                            "parts": [{"data": {"action": "echo", "parameters": {"text": "c"}}}]
                        }
                    }
                ),
            },
            "c",
        ),
        (
            {
                "method": "message/send",
                "params_json": json.dumps(
                    {
                        "metadata": {"action": "plain"},
                        "message": {"parts": [{"kind": "text", "text": "hello"}]},
                    }
                ),
            },
            '{"got":{"message":"hello","text":"hello"},"kind":"dict"}',
        ),
    ],
)
def test_the_message_form_names_an_action_too(message, result, caller):
    answer = caller().invoke(message=dict(message, id="m1"))
    assert (answer.result, answer.error, answer.request_id) == (result, "", "m1")


@pytest.mark.parametrize(
    "message, error",
    [
        ({"method": "echo", "params_json": "{"}, "Invalid JSON in A2A params_json"),
        ({"method": "echo", "params_json": "[1]"}, "Invalid JSON in A2A params_json"),
        ({"method": "message/send", "params_json": "{}"}, "No action/skill"),
        ({"method": "message/send", "params_json": '{"message":{"parts":[1]}}'}, "Name the action"),
        ({"method": "absent"}, "No handler found for action: absent"),
    ],
)
def test_a_message_that_cannot_be_understood_is_an_answer(message, error, caller):
    answer = caller().invoke(message=message)
    assert not answer.success and answer.error.startswith(error)


def test_capabilities_are_the_agents_actions(caller):
    one = caller()
    answer = one.stub.DescribeCapabilities(pb2.Empty())
    assert list(answer.methods) == [
        "echo", "plain", "nothing", "broken", "odd", "partial",
        "words", "numbers", "events", "failing",
    ]  # fmt: skip
    assert answer.metadata["name"] == "tester" and answer.metadata["version"] == "1.2.3"
    assert one.stub.Ping(pb2.Empty()).message == "pong"
    health = one.stub.Health(pb2.Empty())
    assert health.ok and health.timestamp > 1_600_000_000_000


def test_the_socket_is_for_its_user_alone(caller):
    mode = os.stat(caller().host.a2a_socket_path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_ready_tells_of_both_protocols(package, host):
    one = host(package({"main.py": HANDLERS}), a2a_service="main:create_service")
    assert one.ready() == {"a2a": True}


def test_stop_ends_the_host(caller):
    one = caller()
    one.invoke("echo")
    assert one.host.stop() == 0


def test_an_unknown_method_is_unimplemented(caller):
    one = caller()
    with pytest.raises(grpc.RpcError) as raised:
        one.channel.unary_unary("/pixell.agent.AgentService/Other")(b"", timeout=30)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
