"""AgentService as a caller knows it: written as a .proto, compiled by the real compiler."""

import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

PROTO = """
syntax = "proto3";
package pixell.agent;
service AgentService {
  rpc Health(Empty) returns (HealthStatus);
  rpc DescribeCapabilities(Empty) returns (Capabilities);
  rpc Invoke(ActionRequest) returns (ActionResult);
  rpc Ping(Empty) returns (Pong);
}
message Empty {}
message HealthStatus { bool ok = 1; string message = 2; int64 timestamp = 3; }
message Capabilities { repeated string methods = 1; map<string, string> metadata = 2; }
message ActionRequest {
  string action = 1; map<string, string> parameters = 2; string request_id = 3;
  A2AMessage message = 4;
}
message A2AMessage { string jsonrpc = 1; string id = 2; string method = 3; string params_json = 4; }
message ActionResult {
  bool success = 1; string result = 2; string error = 3; string request_id = 4;
  int64 duration_ms = 5; map<string, string> metadata = 6;
}
message Pong { string message = 1; int64 timestamp = 2; }
"""


def compile_to(folder, text=PROTO, name="agent"):
    """Writes NAME_pb2.py and NAME_pb2_grpc.py, as an agent's author would have them."""
    folder = pathlib.Path(folder)
    (folder / (name + ".proto")).write_text(text)
    status = protoc.main(
        [
            "protoc",
            "-I%s" % folder,
            "--python_out=%s" % folder,
            "--grpc_python_out=%s" % folder,
            str(folder / (name + ".proto")),
        ]
    )
    assert status == 0
    return folder


def _loaded():
    with tempfile.TemporaryDirectory(prefix="par-messages-") as folder:
        compile_to(folder, name="caller_agent")
        sys.path.insert(0, folder)
        try:
            import caller_agent_pb2
            import caller_agent_pb2_grpc
        finally:
            sys.path.remove(folder)
    return caller_agent_pb2, caller_agent_pb2_grpc


pb2, pb2_grpc = _loaded()


class Caller:
    """AgentService over a channel, with texts instead of messages."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(
            address, options=[("grpc.max_send_message_length", -1)]
        )
        self.stub = pb2_grpc.AgentServiceStub(self.channel)

    def invoke(self, action="", timeout=30, message=None, request_id="", **parameters):
        request = pb2.ActionRequest(action=action, parameters=parameters, request_id=request_id)
        if message is not None:
            request.message.CopyFrom(pb2.A2AMessage(**message))
        return self.stub.Invoke(request, timeout=timeout)

    def methods(self):
        return list(self.stub.DescribeCapabilities(pb2.Empty(), timeout=30).methods)

    def ping(self):
        return self.stub.Ping(pb2.Empty(), timeout=30).message

    def close(self):
        self.channel.close()
