"""Calls put together at random: each is answered, and each result is what a2a-sdk's types have."""

import asyncio
import json
import random
import sys

import pytest
from a2a.compat.v0_3 import types as v03
from a2a.types import ListTasksResponse, SendMessageResponse, StreamResponse, Task
from google.protobuf.json_format import ParseDict

from conftest import START, WAIT_SEC

sys.path.insert(0, str(START.parent))

from par_agent_host import jsonrpc

CALLS = 800

METHODS = {
    "1.0": [
        "SendMessage",
        "SendStreamingMessage",
        "GetTask",
        "CancelTask",
        "ListTasks",
        "SubscribeToTask",
        "GetExtendedAgentCard",
        "NoSuch",
    ],
    "0.3": [
        "message/send",
        "message/stream",
        "tasks/get",
        "tasks/cancel",
        "tasks/resubscribe",
        "tasks/pushNotificationConfig/set",
        "no/such",
    ],
}
KEYS = """message messageId role parts kind type text data file bytes uri metadata action skill
parameters params configuration historyLength blocking returnImmediately id taskId contextId
pageSize pageToken status statusTimestampAfter includeArtifacts raw url data_part_compat value
pushNotificationConfig""".split()
VALUES = """null true false 0 1 -1 2.5 1e300 "" "user" "ROLE_USER" "text" "data" "file" "echo" "pieces"
"\\ud800" [] {} [[]] "2020-01-01T00:00:00Z" "a/b" 1000000000000000000000000""".split()


def value(chance, depth):
    kind = chance.random()
    if depth <= 0 or kind < 0.5:
        return json.loads(chance.choice(VALUES))
    if kind < 0.8:
        return {chance.choice(KEYS): value(chance, depth - 1) for _ in range(chance.randint(0, 5))}
    return [value(chance, depth - 1) for _ in range(chance.randint(0, 3))]


def request(chance, version, ids):
    """A call that is right but for a few fields, or not even that."""
    is_1 = version == "1.0"
    part = {"text": "x"} if is_1 else {"kind": "text", "text": "x"}
    message = {
        "messageId": "m",
        "role": "ROLE_USER" if is_1 else "user",
        "parts": [part],
        "metadata": {"action": chance.choice(["echo", "pieces", "raises"])},
    }
    params = {"message": message, "id": chance.choice(ids), "contextId": "c"}
    body = {"jsonrpc": "2.0", "id": 7, "method": chance.choice(METHODS[version]), "params": params}
    for place in (message, part, params, body):
        if chance.random() < 0.2:
            place[chance.choice(KEYS)] = value(chance, 3)
        if chance.random() < 0.05:
            place.pop(chance.choice(list(place)))
    return body


def check(version, method, result):
    """Raises when the result is not of the method's type."""
    if version == "0.3":
        if method in ("tasks/get", "tasks/cancel"):
            v03.Task.model_validate(result)
        else:
            v03.SendStreamingMessageSuccessResponse.model_validate({"result": result})
            assert result["kind"] in ("task", "status-update", "artifact-update")
        return
    kind = {
        "SendMessage": SendMessageResponse,
        "SendStreamingMessage": StreamResponse,
        "SubscribeToTask": StreamResponse,
        "ListTasks": ListTasksResponse,
    }.get(method, Task)
    ParseDict(result, kind())


async def echo(parameters):
    return parameters


async def pieces(parameters):
    yield "a"
    yield {"event": "thinking", "data": parameters}
    yield {"n": 1}
    yield [None]


async def raises(parameters):
    raise ValueError(parameters)


@pytest.mark.parametrize("version", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_any_call_is_answered_by_the_rules(seed, version):
    chance = random.Random(seed)
    custom = {"echo": echo, "raises": raises}

    async def call(app, body):
        messages = [{"type": "http.request", "body": json.dumps(body).encode()}]
        sent = []
        leaves = chance.random() < 0.1

        async def receive():
            if messages:
                return messages.pop()
            if not leaves:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = [(b"a2a-version", version.encode())]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
        await asyncio.wait_for(app(scope, receive, send), WAIT_SEC)
        text = b"".join(message.get("body", b"") for message in sent).decode()
        assert not sent or sent[0]["status"] in (200, 204)
        if text.startswith("data: "):
            return [json.loads(one[6:]) for one in text.split("\n\n") if one]
        return [json.loads(text)] if text else []

    async def main():
        app = jsonrpc.application(custom, {"pieces": pieces}, {"name": "x"}, asyncio.Event())
        ids, answered = ["x"], 0
        for _ in range(CALLS):
            body = request(chance, version, ids)
            for answer in await call(app, body):
                assert answer["jsonrpc"] == "2.0" and ("result" in answer) != ("error" in answer)
                if "error" in answer:
                    assert set(answer["error"]) <= {"code", "message", "data"}
                    continue
                assert answer["id"] == body["id"]
                answered += 1
                result = answer["result"]
                task = result.get("task", result)
                ids = (ids + [task.get("id", "x")])[-5:]
                if "\\ud" not in json.dumps(result) and "1e+300" not in json.dumps(result):
                    check(version, body["method"], result)
        assert answered > CALLS / 10

    asyncio.run(main())
