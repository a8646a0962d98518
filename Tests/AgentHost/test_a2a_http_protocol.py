"""JSON-RPC and HTTP as callers without a library meet them: wire forms, versions, bad requests."""

import json
import socket

import httpx
import pytest

from conftest import WAIT_SEC
from test_a2a_http import AGENT

V1 = {"a2a-version": "1.0"}


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    from conftest import Host

    root = tmp_path_factory.mktemp("package")
    (root / "main.py").write_text(AGENT)
    one = Host(root, a2a_http_server="main:create_service")
    one.ready()
    yield one
    one.close()


def call(agent, method, params=None, headers=(), **fields):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params, **fields}
    response = agent.post("/a2a", json=body, headers=dict(headers))
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["jsonrpc"] == "2.0" and answer["id"] == body["id"]
    return answer


def send(agent, headers=(), metadata=None, parts=None, **params):
    """`message/send` or `SendMessage`, by the headers; its result or error."""
    is_1 = dict(headers).get("a2a-version") == "1.0"
    message = {
        "messageId": "m",
        "role": "ROLE_USER" if is_1 else "user",
        "parts": parts or [{"text": "hi"} if is_1 else {"kind": "text", "text": "hi"}],
    }
    if metadata is not None:
        message["metadata"] = metadata
    method = "SendMessage" if is_1 else "message/send"
    if "call_metadata" in params:
        params["metadata"] = params.pop("call_metadata")
    answer = call(agent, method, dict(params, message=message), headers)
    return answer.get("error") or answer["result"]


def text_of(result):
    return (result.get("task") or result)["artifacts"][0]["parts"][0]["text"]


def given(agent, **options):
    """The parameters that the handler got."""
    part = send(agent, metadata=dict(options.pop("metadata", {}), action="given"), **options)[
        "artifacts"
    ][0]["parts"][0]
    return part["data"]


def test_the_wire_form_of_0_3(agent):
    task = send(agent, metadata={"action": "chat"})
    assert task["kind"] == "task" and task["status"]["state"] == "completed"
    (artifact,) = task["artifacts"]
    assert artifact["parts"] == [{"kind": "text", "text": "you said hi"}]
    (asked,) = task["history"]
    assert (asked["kind"], asked["role"]) == ("message", "user")
    assert asked["taskId"] == task["id"] and asked["contextId"] == task["contextId"]


def test_the_wire_form_of_1_0(agent):
    result = send(agent, V1, metadata={"action": "chat"})
    assert list(result) == ["task"]
    task = result["task"]
    assert "kind" not in task and task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert task["artifacts"][0]["parts"] == [{"text": "you said hi"}]
    assert task["history"][0]["role"] == "ROLE_USER" and "kind" not in task["history"][0]


def events_of(agent, method, headers=()):
    params = {
        "message": {
            "messageId": "m",
            "role": "ROLE_USER" if headers else "user",
            "parts": [{"text": "x"} if headers else {"kind": "text", "text": "x"}],
            "metadata": {"action": "count"},
        }
    }
    body = {"jsonrpc": "2.0", "id": "s", "method": method, "params": params}
    response = agent.post("/a2a", json=body, headers=dict(headers))
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache"
    blocks = response.text.split("\n\n")
    assert blocks.pop() == ""
    answers = [json.loads(block[len("data: ") :]) for block in blocks]
    assert all(answer["id"] == "s" and answer["jsonrpc"] == "2.0" for answer in answers)
    return [answer["result"] for answer in answers]


def test_the_events_of_0_3(agent):
    events = events_of(agent, "message/stream")
    assert [event["kind"] for event in events] == (
        ["task", "status-update"] + ["artifact-update"] * 3 + ["status-update"]
    )
    assert [event.get("final") for event in events if "final" in event] == [False, True]
    assert [event["status"]["state"] for event in events if "status" in event] == [
        "submitted",
        "working",
        "completed",
    ]


def test_the_events_of_1_0(agent):
    events = events_of(agent, "SendStreamingMessage", V1)
    assert [list(event) for event in events] == (
        [["task"], ["statusUpdate"]] + [["artifactUpdate"]] * 3 + [["statusUpdate"]]
    )
    assert "final" not in events[-1]["statusUpdate"]
    assert events[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("version", ["1.0", "1.0.3"])
def test_versions_of_1_0(agent, version):
    answer = call(agent, "GetTask", {"id": "x"}, {"a2a-version": version})
    assert answer["error"]["code"] == -32001
    assert answer["error"]["data"][0]["reason"] == "TASK_NOT_FOUND"


@pytest.mark.parametrize("headers", [{}, {"a2a-version": ""}, {"a2a-version": "0.3"}])
def test_versions_of_0_3(agent, headers):
    answer = call(agent, "tasks/get", {"id": "x"}, headers)
    assert answer["error"]["code"] == -32001 and "data" not in answer["error"]


def test_the_version_may_be_in_the_query(agent):
    body = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}
    answer = agent.post("/a2a?A2A-Version=1.0", json=body).json()
    assert answer["error"]["code"] == -32001


@pytest.mark.parametrize("version", ["2.0", "1.1", "0.2", "1", "x", "1.0.0.0", "\xe9"])
def test_other_versions_are_told_so(agent, version):
    headers = {"a2a-version": version.encode("latin-1")}
    answer = agent.post(
        "/a2a", json={"jsonrpc": "2.0", "id": 1, "method": "x"}, headers=headers
    ).json()
    assert answer["error"]["code"] == -32009 and answer["id"] == 1
    assert "1.0 and 0.3" in answer["error"]["message"]


@pytest.mark.parametrize(
    "method, headers, code, says",
    [
        ("SendMessage", {}, -32009, "A2A-Version: 1.0"),
        ("GetTask", {"a2a-version": "0.3"}, -32009, "A2A-Version: 1.0"),
        ("message/send", V1, -32601, "0.3"),
        ("tasks/send", {}, -32601, "tasks/send"),
        ("rpc.discover", V1, -32601, "rpc.discover"),
        ("tasks/pushNotificationConfig/set", {}, -32003, "push"),
        ("CreateTaskPushNotificationConfig", V1, -32003, "push"),
        ("agent/getAuthenticatedExtendedCard", {}, -32007, "one card"),
        ("GetExtendedAgentCard", V1, -32004, "one card"),
    ],
)
def test_methods_that_are_not_there(agent, method, headers, code, says):
    error = call(agent, method, {}, headers)["error"]
    assert error["code"] == code and says in error["message"]


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe\xfd", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":NaN}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":1e999}}', -32700),
        (b"[" * 100000, -32700),
        (b"[" * 101 + b"]" * 101, -32600),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"tasks/get"}]', -32600),
        (b"null", -32600),
        (b'"text"', -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"tasks/get"}', -32600),
        (b'{"jsonrpc":2.0,"id":1,"method":"tasks/get"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"tasks/get"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"tasks/get"}', -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/get"}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":[]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":7}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{}}', -32602),
    ],
)
def test_bad_requests(agent, body, code):
    response = agent.post("/a2a", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 200
    answer = response.json()
    assert answer["error"]["code"] == code and answer["error"]["message"].endswith(".")
    assert "result" not in answer and "id" in answer


@pytest.mark.parametrize(
    "params, says",
    [
        ({}, "params.message is missing"),
        ({"message": []}, "params.message is missing"),
        ({"message": {"role": "user", "parts": [{"kind": "text", "text": "x"}]}}, "messageId"),
        ({"message": {"role": "robot", "messageId": "m", "parts": []}}, "role"),
        ({"message": {"role": "ROLE_USER", "messageId": "m", "parts": []}}, "user or agent"),
        ({"message": {"role": {}, "messageId": "m", "parts": []}}, "role"),
        ({"message": {"role": "user", "messageId": 7, "parts": []}}, "messageId"),
        ({"message": {"role": "user", "messageId": "m"}}, "parts"),
        ({"message": {"role": "user", "messageId": "m", "parts": []}}, "parts"),
        ({"message": {"role": "user", "messageId": "m", "parts": ["x"]}}, "parts[0]"),
        ({"message": {"role": "user", "messageId": "m", "parts": [{"text": "x"}]}}, "parts[0]"),
        (
            {"message": {"role": "user", "messageId": "m", "parts": [{"kind": "data", "data": 1}]}},
            "parts[0]",
        ),
        (
            {
                "message": {
                    "role": "user",
                    "messageId": "m",
                    "metadata": 1,
                    "parts": [{"kind": "text", "text": "x"}],
                }
            },
            "metadata",
        ),
        ({"configuration": 1}, "configuration"),
        ({"metadata": []}, "metadata"),
    ],
)
@pytest.mark.parametrize("method", ["message/send", "message/stream"])
def test_bad_messages_name_the_field(agent, method, params, says):
    error = call(agent, method, params)["error"]
    assert error["code"] == -32602 and says in error["message"]


@pytest.mark.parametrize("length", [-1, "1", 1.5, True])
def test_a_bad_history_length(agent, length):
    assert call(agent, "tasks/get", {"id": "x", "historyLength": length})["error"]["code"] == -32602
    error = send(agent, metadata={"action": "chat"}, configuration={"historyLength": length})
    assert error["code"] == -32602


def test_history_length(agent):
    """0 is none in 1.0, and no limit in 0.3."""
    task = send(agent, metadata={"action": "chat"})
    for headers, method, length, count in (
        (V1, "GetTask", 0, 0),
        (V1, "GetTask", 1, 1),
        ((), "tasks/get", 0, 1),
        ((), "tasks/get", 5, 1),
    ):
        params = {"id": task["id"], "historyLength": length}
        got = call(agent, method, params, headers)["result"]
        assert len(got.get("history", [])) == count
    kept_out = send(agent, V1, metadata={"action": "chat"}, configuration={"historyLength": 0})
    assert "history" not in kept_out["task"]


@pytest.mark.parametrize("identifier", ["text", 7, 1.5, None, ""])
def test_the_id_comes_back_as_it_was(agent, identifier):
    call(agent, "tasks/get", {"id": "x"}, id=identifier)


@pytest.mark.parametrize("method", ["message/send", "message/stream", "tasks/get", "no/such"])
def test_a_notification_has_no_answer(agent, method):
    params = {
        "id": "x",
        "message": {
            "messageId": "m",
            "role": "user",
            "parts": [{"kind": "text", "text": "x"}],
            "metadata": {"action": "count"},
        },
    }
    response = agent.post("/a2a", json={"jsonrpc": "2.0", "method": method, "params": params})
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json"])
def test_another_content_type_is_415(agent, kind):
    response = agent.post("/a2a", content=b"{}", headers={"content-type": kind})
    assert response.status_code == 415 and "application/json" in response.json()["error"]


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/a2a+json", None]
)
def test_content_types_of_json(agent, kind):
    headers = {} if kind is None else {"content-type": kind}
    response = agent.post("/a2a", content=b"{}", headers=headers)
    assert response.json()["error"]["code"] == -32600


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_http_methods_are_405(agent, method):
    with agent.client() as client:
        for path in ("/a2a", "/a2a/"):
            response = client.request(method, path)
            assert (response.status_code, response.headers["allow"]) == (405, "POST")
        card = "/.well-known/agent-card.json"
        response = client.request(method, card)
        assert response.status_code == (200 if method in ("GET", "HEAD") else 405)
        if method == "HEAD":
            assert response.content == b"" and int(response.headers["content-length"]) > 100


def test_a_path_that_is_none_is_404(agent):
    for path in ("/a2a/x", "/x", "/a2a/.well-known/x"):
        response = agent.post(path, json={})
        assert response.status_code == 404
        assert response.json()["error"] == "The agent has no such route."


def test_calls_below_no_a2a_are_taken_too(agent):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": "x"}}
    for path in ("/", "/a2a", "/a2a/"):
        assert agent.post(path, json=body).json()["error"]["code"] == -32001


@pytest.mark.parametrize(
    "options, parameters",
    [
        ({}, {"message": "hi", "text": "hi"}),
        (
            {"parts": [{"kind": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"message": "a\nb", "text": "a\nb"},
        ),
        (
            {"metadata": {"parameters": {"n": 2.0, "b": True, "x": None, "l": [1.5, 2.0]}}},
            {"n": "2", "b": "true", "x": "null", "l": "[1.5,2]", "message": "hi", "text": "hi"},
        ),
        ({"metadata": {"params": {"message": "mine"}}}, {"message": "mine", "text": "hi"}),
        (
            {"parts": [{"kind": "data", "data": {"city": "Seoul", "days": 3}}]},
            {"city": "Seoul", "days": "3"},
        ),
        (
            {
                "parts": [
                    {"kind": "data", "data": {"action": "given", "parameters": {"a": {"b": 1}}}}
                ]
            },
            {"a": '{"b":1}'},
        ),
        (
            {
                "parts": [
                    {
                        "kind": "data",
                        "data": {"value": [1]},
                        "metadata": {"data_part_compat": True},
                    }
                ]
            },
            {"data": "[1]"},
        ),
        (
            {"parts": [{"kind": "text", "text": "\U0001f600 \u2028 é"}]},
            {"message": "\U0001f600 \u2028 é", "text": "\U0001f600 \u2028 é"},
        ),
    ],
)
def test_parameters_are_text(agent, options, parameters):
    assert given(agent, **options) == parameters


@pytest.mark.parametrize(
    "metadata, params, parts",
    [
        ({"action": "chat"}, {}, None),
        ({"skill": "chat"}, {}, None),
        (None, {"call_metadata": {"action": "chat"}}, None),
        ({"action": "chat"}, {"call_metadata": {"action": "add"}}, None),
        (
            None,
            {},
            [{"kind": "data", "data": {"action": "chat"}}, {"kind": "text", "text": "hi"}],
        ),
        (None, {}, None),
    ],
)
def test_the_action_is_named_in_many_places(agent, metadata, params, parts):
    """The last names none: `chat` is there."""
    assert text_of(send(agent, metadata=metadata, parts=parts, **params)) == "you said hi"


def test_a_lone_surrogate_comes_back_as_it_came(agent):
    body = b'{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"messageId":"m","role":"user","parts":[{"kind":"text","text":"\\ud800"}]}}}'
    headers = {"content-type": "application/json"}
    assert text_of(agent.post("/a2a", content=body, headers=headers).json()["result"]) == (
        "you said \ud800"
    )


def test_results_that_are_no_text(agent):
    task = send(agent, metadata={"action": "nothing"})
    assert task["status"]["state"] == "completed" and "artifacts" not in task
    task = send(agent, metadata={"action": "a_set"})
    assert task["status"]["state"] == "failed"
    assert "a_set returned set, which is not JSON" in task["status"]["message"]["parts"][0]["text"]


def test_a_value_that_is_no_object_is_data_of_0_3_too(agent, package, host):
    root = package(
        {
            "other.py": "def f(p): return [1, 2]\ndef service(): return {'custom_handlers': {'f': f}}\n"
        }
    )
    one = host(root, a2a_http_server="other:service")
    one.ready()
    part = send(one)["artifacts"][0]["parts"][0]
    assert part == {
        "kind": "data",
        "data": {"value": [1, 2]},
        "metadata": {"data_part_compat": True},
    }
    assert send(one, V1)["task"]["artifacts"][0]["parts"] == [{"data": [1, 2]}]


def test_bytes_are_a_file(package, host):
    root = package(
        {
            "main.py": "def f(p): return b'\\x00\\xff'\ndef service(): return {'custom_handlers': {'f': f}}\n"
        }
    )
    one = host(root, a2a_http_server="main:service")
    one.ready()
    assert send(one)["artifacts"][0]["parts"] == [
        {"kind": "file", "file": {"bytes": "AP8=", "mimeType": "application/octet-stream"}}
    ]
    assert send(one, V1)["task"]["artifacts"][0]["parts"] == [
        {"raw": "AP8=", "mediaType": "application/octet-stream"}
    ]


@pytest.mark.parametrize(
    "names, answers",
    [
        (["one"], "one"),
        (["one", "two"], None),
        (["a", "chat", "message"], "chat"),
        (["a", "message", "default"], "message"),
        (["a", "default"], "default"),
    ],
)
def test_who_answers_a_message_that_names_no_action(package, host, names, answers):
    handlers = ", ".join("%r: lambda p: %r" % (name, name) for name in names)
    root = package({"main.py": "def service(): return {'custom_handlers': {%s}}\n" % handlers})
    one = host(root, a2a_service="main:service")
    one.ready()
    result = send(one)
    if answers is None:
        assert result["code"] == -32602 and "one, two" in result["message"]
    else:
        assert text_of(result) == answers


def test_without_streaming_handlers_the_card_says_so_and_a_stream_works(package, host):
    root = package(
        {
            "main.py": "async def echo(p): return p['text']\ndef service(): return {'custom_handlers': {'count': echo}}\n"
        }
    )
    one = host(root, a2a_service="main:service")
    one.ready()
    assert one.get("/.well-known/agent-card.json").json()["capabilities"]["streaming"] is False
    assert events_of(one, "message/stream")[2]["artifact"]["parts"][0]["text"] == "x"


def test_a_caller_that_leaves_while_it_waits_ends_the_handler(package, host):
    root = package({"main.py": AGENT})
    one = host(root, a2a_http_server="main:create_service")
    one.ready()
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "message/send",
            "params": {
                "message": {
                    "messageId": "m",
                    "role": "user",
                    "parts": [{"kind": "text", "text": "x"}],
                    "metadata": {"action": "waits"},
                }
            },
        }
    ).encode()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(WAIT_SEC)
        client.connect(one.socket_path)
        client.sendall(
            b"POST /a2a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        one.until_stdout("waiting\n")
    one.until_stdout("waited no more")


def test_a_caller_that_leaves_in_the_middle_of_a_body_is_no_error(package, host):
    one = host(package({"main.py": AGENT}), a2a_http_server="main:create_service")
    one.ready()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(one.socket_path)
        client.sendall(b"POST /a2a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert one.stop() == 0
    assert "Traceback" not in one.everything()["stderr"]


def test_a_stop_ends_what_works_for_nobody(package, host):
    one = host(package({"main.py": AGENT}), a2a_http_server="main:create_service")
    one.ready()
    task = send(one, metadata={"action": "waits"}, configuration={"blocking": False})
    assert task["status"]["state"] == "working"
    one.until_stdout("waiting\n")
    assert one.stop() == 0
    one.until_stdout("waited no more")
    assert "waited no more" in one.everything()["stdout"]


def test_a_drain_lets_a_stream_end_itself(package, host):
    root = package(
        {
            "main.py": """
async def ticks(parameters, draining):
    yield "started "
    await draining.wait()
    yield "last words"

def service(): return {"streaming_handlers": {"count": ticks}}
"""
        }
    )
    one = host(root, a2a_service="main:service")
    one.ready()
    params = {
        "message": {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "x"}]}
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/stream", "params": params}
    with one.client() as client, client.stream("POST", "/a2a", json=body) as response:
        lines = (line for line in response.iter_lines() if line)
        while "started" not in next(lines):
            pass
        one.tell("stop")
        rest = list(lines)
    assert "last words" in rest[-2]
    assert json.loads(rest[-1][len("data: ") :])["result"]["status"]["state"] == "completed"
    assert one.wait() == 0


def test_an_answer_of_many_megabytes(package, host):
    root = package(
        {
            "main.py": "def f(p): return 'x' * 20_000_000\ndef service(): return {'custom_handlers': {'f': f}}\n"
        }
    )
    one = host(root, a2a_service="main:service")
    one.ready()
    assert len(text_of(send(one))) == 20_000_000


def test_a_body_beyond_the_limit_is_413_and_one_at_the_limit_is_not(agent):
    limit = 10 * 1024 * 1024
    headers = {"content-type": "application/json"}
    start = b'{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"'
    whole = start + b"x" * (limit - len(start) - 3) + b'"}}'
    assert len(whole) == limit
    assert agent.post("/a2a", content=whole, headers=headers).json()["error"]["code"] == -32001
    response = agent.post("/a2a", content=whole + b" ", headers=headers)
    assert response.status_code == 413 and "larger than" in response.json()["error"]
    try:
        chunked = agent.post("/a2a", content=iter([whole, b" "]), headers=headers)
        assert chunked.status_code == 413
    except httpx.WriteError:
        # The connection is closed on what it will not read.
        pass


@pytest.mark.parametrize(
    "params, count",
    [
        ({}, 1),
        ({"status": "TASK_STATE_COMPLETED"}, 1),
        ({"status": "TASK_STATE_WORKING"}, 0),
        ({"status": "TASK_STATE_INPUT_REQUIRED"}, 0),
        ({"statusTimestampAfter": "2020-01-01T00:00:00Z"}, 1),
        ({"statusTimestampAfter": "2020-01-01t00:00:00.123456789+09:00"}, 1),
        ({"statusTimestampAfter": "2120-01-01T00:00:00.5Z"}, 0),
        ({"statusTimestampAfter": "yesterday"}, None),
        ({"statusTimestampAfter": "2020-13-01T00:00:00Z"}, None),
        ({"pageToken": "x"}, None),
        ({"pageToken": "2020-01-01T00:00:00.000Z/x"}, 0),
        ({"pageSize": "1"}, None),
    ],
)
def test_filters_of_a_list_of_tasks(agent, params, count):
    context = "c" + json.dumps(params)
    message = {
        "messageId": "m",
        "contextId": context,
        "role": "ROLE_USER",
        "parts": [{"text": "hi"}],
    }
    call(agent, "SendMessage", {"message": message}, V1)
    answer = call(agent, "ListTasks", dict(params, contextId=context), V1)
    if count is None:
        assert answer["error"]["code"] == -32602
    else:
        assert len(answer["result"]["tasks"]) == count


def test_nothing_of_the_package_stands_in_the_way_and_nothing_is_imported_for_it(package, host):
    """Modules named as ours and as those of the standard library that we use; no web framework."""
    names = "tasks jsonrpc agent_card a2a uuid base64 datetime urllib enum contextvars".split()
    files = {name + ".py": "raise ImportError('shadowed')\n" for name in names}
    files["main.py"] = """
import sys
def modules(parameters):
    return [name for name in ("fastapi", "starlette", "pydantic", "a2a") if name in sys.modules]
def service(): return {"custom_handlers": {"modules": modules}}
"""
    one = host(package(files), a2a_service="main:service")
    one.ready()
    assert send(one, V1)["task"]["artifacts"][0]["parts"] == [{"data": []}]
    stream = one.post(
        "/a2a",
        json={
            "jsonrpc": "2.0",
            "id": 1,
            "method": "message/stream",
            "params": {
                "message": {
                    "messageId": "m",
                    "role": "user",
                    "parts": [{"kind": "text", "text": "x"}],
                }
            },
        },
    )
    assert '"completed"' in stream.text
