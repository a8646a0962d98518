"""The errors of JSON-RPC 2.0 and of A2A, as both versions of A2A write them."""

PARSE_ERROR = (-32700, None)
INVALID_REQUEST = (-32600, "INVALID_REQUEST")
METHOD_NOT_FOUND = (-32601, "METHOD_NOT_FOUND")
INVALID_PARAMS = (-32602, "INVALID_PARAMS")
INTERNAL_ERROR = (-32603, "INTERNAL_ERROR")
BUSY = (-32000, None)
TASK_NOT_FOUND = (-32001, "TASK_NOT_FOUND")
TASK_NOT_CANCELABLE = (-32002, "TASK_NOT_CANCELABLE")
PUSH_NOT_SUPPORTED = (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED")
UNSUPPORTED_OPERATION = (-32004, "UNSUPPORTED_OPERATION")
CONTENT_TYPE_NOT_SUPPORTED = (-32005, "CONTENT_TYPE_NOT_SUPPORTED")
NO_EXTENDED_CARD = (-32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED")
VERSION_NOT_SUPPORTED = (-32009, "VERSION_NOT_SUPPORTED")

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class RPCError(Exception):
    """A call that is answered with an error.

    `kind`: one of the pairs above, the code and the reason that A2A 1.0 gives with it.
    `sentence`: what the caller reads.
    """

    def __init__(self, kind, sentence):
        super().__init__(sentence)
        self.code, self._reason = kind
        self.sentence = sentence

    def member(self, is_version_1):
        """The response's `error` member; A2A 1.0 has details in `data` (its section 9.5)."""
        error = {"code": self.code, "message": self.sentence}
        if is_version_1 and self._reason is not None:
            error["data"] = [
                {"@type": ERROR_INFO, "reason": self._reason, "domain": "a2a-protocol.org"}
            ]
        return error
