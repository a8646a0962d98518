"""The messages of `pixell.agent.AgentService` and a client of it, and the health of grpc.health.v1."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any, Optional

import grpc
import httpx
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .grpc_clients import channel
from .program import DEADLINE

_TYPES = {"bool": 8, "string": 9, "int64": 3}
_FIELDS: dict[str, dict[str, str]] = {
    "Empty": {},
    "HealthStatus": {"ok": "bool", "message": "string", "timestamp": "int64"},
    "Capabilities": {"methods": "repeated string", "metadata": "map"},
    "A2AMessage": {"jsonrpc": "string", "id": "string", "method": "string", "params_json": "string"},
    "ActionRequest": {
        "action": "string",
        "parameters": "map",
        "request_id": "string",
        "message": "A2AMessage",
    },
    "ActionResult": {
        "success": "bool",
        "result": "string",
        "error": "string",
        "request_id": "string",
        "duration_ms": "int64",
        "metadata": "map",
    },
    "Pong": {"message": "string", "timestamp": "int64"},
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="agent.proto", package="pixell.agent", syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            added = message.field.add(name=field, number=number, label=1)
            if kind == "map":
                entry = message.nested_type.add(name=field.capitalize() + "Entry")
                entry.options.map_entry = True
                for index, part in enumerate(("key", "value"), start=1):
                    entry.field.add(name=part, number=index, label=1, type=9)
                added.label, added.type = 3, 11
                added.type_name = f".pixell.agent.{name}.{entry.name}"
            elif kind in _FIELDS:
                added.type, added.type_name = 11, f".pixell.agent.{kind}"
            else:
                added.type = _TYPES[kind.split()[-1]]
                added.label = 3 if kind.startswith("repeated") else 1
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"pixell.agent.{name}"))
        for name in _FIELDS
    }


CLASSES = _classes()
_CALLS = {
    "Health": ("Empty", "HealthStatus"),
    "DescribeCapabilities": ("Empty", "Capabilities"),
    "Invoke": ("ActionRequest", "ActionResult"),
    "Ping": ("Empty", "Pong"),
}


class AgentService:
    """A client of it on a channel."""

    def __init__(self, channel: grpc.Channel, prefix: str = "") -> None:
        self._channel, self._prefix = channel, prefix

    def call(self, name: str, **fields: Any) -> Any:
        request, response = _CALLS[name]
        call = self._channel.unary_unary(
            f"{self._prefix}/pixell.agent.AgentService/{name}",
            request_serializer=CLASSES[request].SerializeToString,
            response_deserializer=CLASSES[response].FromString,
        )
        return call(CLASSES[request](**fields), timeout=DEADLINE)

    def invoke(self, action: str, request_id: str = "", **parameters: str) -> Any:
        return self.call("Invoke", action=action, parameters=parameters, request_id=request_id)

    def message(self, method: str, params: Optional[dict[str, Any]] = None) -> Any:
        """The A2AMessage form."""
        message = CLASSES["A2AMessage"](
            jsonrpc="2.0", id="7", method=method, params_json=json.dumps(params or {})
        )
        return self.call("Invoke", message=message)


NAMES = ("", "pixell.agent.AgentService")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Watch:
    """What a client of `Watch` is told, as it is told."""

    def __init__(self, channel: grpc.Channel, service: str = "") -> None:
        stub = health_pb2_grpc.HealthStub(channel)
        self._call = stub.Watch(health_pb2.HealthCheckRequest(service=service))
        self._told: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for response in self._call:
                self._told.put(response.status)
        except grpc.RpcError:
            pass
        self._told.put(self._call.code())

    def next(self) -> Any:
        """The next status; at the call's end its code."""
        return self._told.get(timeout=DEADLINE)

    def nothing_more(self) -> bool:
        return self._told.empty()

    def cancel(self) -> None:
        self._call.cancel()


class Healths:
    """Everyone whom one can ask whether the agent is ready, each on a connection that is kept."""

    def __init__(self, rest_port: int, a2a_port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{rest_port}", timeout=DEADLINE)
        self.channels = [channel(port) for port in (a2a_port, rest_port)]

    def __enter__(self) -> "Healths":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        for one in self.channels:
            one.close()

    def answers(self) -> dict[str, bool]:
        """Who says that it is ready, and who that it is not."""
        said = {}
        for path in ("/health", "/agents/probe/health", "/a2a/health", "/agents/probe/a2a/health"):
            answer = self.http.get(path)
            assert answer.status_code in (200, 503), (path, answer.status_code, answer.text)
            assert answer.json()["ok"] is (answer.status_code == 200)
            said[path] = answer.status_code == 200
        for place, one in zip(("A2A port", "REST port"), self.channels):
            stub = health_pb2_grpc.HealthStub(one)
            for name in NAMES:
                request = health_pb2.HealthCheckRequest(service=name)
                status = stub.Check(request, timeout=DEADLINE).status
                assert status in (SERVING, NOT_SERVING)
                said[f"Check {name!r} on the {place}"] = status == SERVING
            for prefix in ("", "/agents/probe/a2a"):
                status = AgentService(one, prefix).call("Health")
                assert status.message and status.timestamp > 1_700_000_000_000
                said[f"Health of {prefix!r} on the {place}"] = status.ok
        return said

    def check(self, ready: bool) -> None:
        """All of them say the same."""
        said = self.answers()
        assert set(said.values()) == {ready}, said

    def state(self) -> str:
        return AgentService(self.channels[0]).call("Health").message
