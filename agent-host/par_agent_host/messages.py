"""The messages of `pixell.agent.AgentService`, made at run time.

They live in a descriptor pool of their own: an agent's generated modules register the same names
in protobuf's default pool, which refuses a second definition that differs.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "pixell.agent"
SERVICE = PACKAGE + ".AgentService"

METHODS = {
    "Health": ("Empty", "HealthStatus"),
    "DescribeCapabilities": ("Empty", "Capabilities"),
    "Invoke": ("ActionRequest", "ActionResult"),
    "Ping": ("Empty", "Pong"),
}
"""Request and response of each method; all are unary."""

_FIELDS = {
    "Empty": (),
    "HealthStatus": ("ok bool", "message string", "timestamp int64"),
    "Capabilities": ("methods repeated", "metadata map"),
    "ActionRequest": ("action string", "parameters map", "request_id string", "message A2AMessage"),
    "A2AMessage": ("jsonrpc string", "id string", "method string", "params_json string"),
    "ActionResult": (
        "success bool",
        "result string",
        "error string",
        "request_id string",
        "duration_ms int64",
        "metadata map",
    ),
    "Pong": ("message string", "timestamp int64"),
}
"""Fields in the order of their numbers, from 1; `repeated` and `map` are of text."""


def _file():
    """The file that `protoc` would have made of the service's definition."""
    field_type = descriptor_pb2.FieldDescriptorProto
    scalars = {
        "bool": field_type.TYPE_BOOL,
        "string": field_type.TYPE_STRING,
        "int64": field_type.TYPE_INT64,
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="pixell/agent/agent.proto", package=PACKAGE, syntax="proto3"
    )
    for message_name, fields in _FIELDS.items():
        message = file.message_type.add(name=message_name)
        for number, text in enumerate(fields, 1):
            name, kind = text.split()
            field = message.field.add(name=name, number=number, label=field_type.LABEL_OPTIONAL)
            if kind in scalars:
                field.type = scalars[kind]
            elif kind == "repeated":
                field.type = field_type.TYPE_STRING
                field.label = field_type.LABEL_REPEATED
            elif kind == "map":
                _make_map(message, field, message_name)
            else:
                field.type = field_type.TYPE_MESSAGE
                field.type_name = ".%s.%s" % (PACKAGE, kind)
    return file


def _make_map(message, field, message_name):
    """Makes a field a map of text to text: on the wire a list of entries, each a message."""
    field_type = descriptor_pb2.FieldDescriptorProto
    entry = message.nested_type.add(name=field.name.title() + "Entry")
    entry.options.map_entry = True
    for number, name in ((1, "key"), (2, "value")):
        entry.field.add(
            name=name,
            number=number,
            label=field_type.LABEL_OPTIONAL,
            type=field_type.TYPE_STRING,
        )
    field.label = field_type.LABEL_REPEATED
    field.type = field_type.TYPE_MESSAGE
    field.type_name = ".%s.%s.%s" % (PACKAGE, message_name, entry.name)


def _classes():
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    # protobuf before 4.22 has a factory object instead of the function.
    get = getattr(message_factory, "GetMessageClass", None)
    if get is None:
        get = message_factory.MessageFactory(pool).GetPrototype
    return {name: get(pool.FindMessageTypeByName(PACKAGE + "." + name)) for name in _FIELDS}


_BY_NAME = _classes()

Empty = _BY_NAME["Empty"]
HealthStatus = _BY_NAME["HealthStatus"]
Capabilities = _BY_NAME["Capabilities"]
ActionRequest = _BY_NAME["ActionRequest"]
A2AMessage = _BY_NAME["A2AMessage"]
ActionResult = _BY_NAME["ActionResult"]
Pong = _BY_NAME["Pong"]


def class_named(name):
    """The class of the message with this name."""
    return _BY_NAME[name]
