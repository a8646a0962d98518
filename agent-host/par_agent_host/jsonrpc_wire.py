"""A2A's messages, tasks and events as versions 1.0 and 0.3 write them in JSON.

Inside, parts and messages are in the form of 1.0, roles and states in that of 0.3.
"""

from . import jsonrpc_errors as errors
from .jsonrpc_errors import RPCError


class Version1:
    """A2A 1.0: the JSON form of its Protocol Buffers."""

    number = "1.0"
    is_version_1 = True
    zero_history_is_all = False
    """Whether a history length of 0 means no limit."""

    _ROLES = {"ROLE_USER": "user", "ROLE_AGENT": "agent"}
    _STATES = {
        state: "TASK_STATE_" + state.upper()
        for state in ("submitted", "working", "completed", "failed", "canceled")
    }

    def role(self, value):
        return self._ROLES.get(value) if isinstance(value, str) else None

    def state(self, text):
        """The state that a caller names; None for one that no task here ever has."""
        return next((state for state, name in self._STATES.items() if name == text), None)

    def part(self, part):
        """A caller's part; None when it is none."""
        given = [key for key in ("text", "raw", "url", "data") if key in part]
        if len(given) != 1 or (given[0] != "data" and not isinstance(part[given[0]], str)):
            return None
        return {given[0]: part[given[0]]}

    def waits(self, configuration):
        """Whether the caller wants the finished task."""
        return configuration.get("returnImmediately") is not True

    def wrapped(self, kind, value):
        """A result that may be of several kinds, as one of them."""
        return {kind: value}

    def status_event(self, task, status, is_final, metadata=None):
        event = {"taskId": task.id, "contextId": task.context_id, "status": status}
        return {"statusUpdate": dict(event, metadata=metadata) if metadata else event}

    def artifact_event(self, task, artifact, append, is_last):
        return {
            "artifactUpdate": {
                "taskId": task.id,
                "contextId": task.context_id,
                "artifact": artifact,
                "append": append,
                "lastChunk": is_last,
            }
        }

    def status(self, task):
        return self._status(task.state, task.changed, task.message)

    def working(self, changed, message):
        """The status that an event of its own told of, whatever it is now."""
        return self._status("working", changed, message)

    def _status(self, state, changed, message):
        status = {"state": self._STATES[state], "timestamp": changed}
        if message is not None:
            status["message"] = self.message(message)
        return status

    def message(self, message):
        role = "ROLE_USER" if message["role"] == "user" else "ROLE_AGENT"
        return dict(message, role=role, parts=[self.written_part(p) for p in message["parts"]])

    def written_part(self, part):
        return part

    def task(self, task, history_length=None):
        written = {
            "id": task.id,
            "contextId": task.context_id,
            "status": self.status(task),
        }
        parts = task.parts
        if parts:
            written["artifacts"] = [self.artifact(task, parts)]
        history = task.history
        if history_length is not None and not (history_length == 0 and self.zero_history_is_all):
            history = history[-history_length:] if history_length else []
        if history:
            written["history"] = [self.message(message) for message in history]
        if task.metadata:
            written["metadata"] = task.metadata
        return written

    def artifact(self, task, parts):
        return {
            "artifactId": task.artifact_id,
            "name": "result",
            "parts": [self.written_part(part) for part in parts],
        }


class Version03(Version1):
    """A2A 0.3: every object says its `kind`."""

    number = "0.3"
    is_version_1 = False
    zero_history_is_all = True

    _ROLES = {"user": "user", "agent": "agent"}
    _STATES = {state: state for state in Version1._STATES}

    def part(self, part):
        # `type` is what drafts before 0.3 called it.
        kind = part.get("kind", part.get("type"))
        if kind == "text" and isinstance(part.get("text"), str):
            return {"text": part["text"]}
        if kind == "data" and isinstance(part.get("data"), dict):
            metadata = part.get("metadata")
            if isinstance(metadata, dict) and metadata.get("data_part_compat") is True:
                return {"data": part["data"].get("value")}
            return {"data": part["data"]}
        file = part.get("file")
        if kind == "file" and isinstance(file, dict):
            for theirs, ours in (("bytes", "raw"), ("uri", "url")):
                if isinstance(file.get(theirs), str):
                    return {ours: file[theirs]}
        return None

    def waits(self, configuration):
        return configuration.get("blocking") is not False

    def wrapped(self, kind, value):
        return value

    def status_event(self, task, status, is_final, metadata=None):
        event = super().status_event(task, status, is_final, metadata)["statusUpdate"]
        return dict(event, kind="status-update", final=is_final)

    def artifact_event(self, task, artifact, append, is_last):
        event = super().artifact_event(task, artifact, append, is_last)["artifactUpdate"]
        return dict(event, kind="artifact-update")

    def message(self, message):
        parts = [self.written_part(part) for part in message["parts"]]
        return dict(message, parts=parts, kind="message")

    def written_part(self, part):
        if "text" in part:
            return {"kind": "text", "text": part["text"]}
        if "raw" in part:
            return {
                "kind": "file",
                "file": {"bytes": part["raw"], "mimeType": part.get("mediaType")},
            }
        if isinstance(part["data"], dict):
            return {"kind": "data", "data": part["data"]}
        # Data are objects in 0.3; this is how a2a-sdk carries others.
        return {
            "kind": "data",
            "data": {"value": part["data"]},
            "metadata": {"data_part_compat": True},
        }

    def task(self, task, history_length=None):
        return dict(super().task(task, history_length), kind="task")


def message_of(form, value):
    """A caller's message, checked; raises an RPCError that names the field."""
    if not isinstance(value, dict):
        raise RPCError(errors.INVALID_PARAMS, "params.message is missing or no object.")
    message = {"role": form.role(value.get("role"))}
    if message["role"] is None:
        raise RPCError(
            errors.INVALID_PARAMS,
            "params.message.role has to be %s." % " or ".join(form._ROLES),
        )
    for key in ("messageId", "taskId", "contextId"):
        text = value.get(key)
        if text not in (None, ""):
            if not isinstance(text, str):
                raise RPCError(errors.INVALID_PARAMS, "params.message.%s has to be text." % key)
            message[key] = text
    if "messageId" not in message:
        raise RPCError(errors.INVALID_PARAMS, "params.message.messageId is missing.")
    if value.get("metadata") is not None:
        if not isinstance(value["metadata"], dict):
            raise RPCError(errors.INVALID_PARAMS, "params.message.metadata has to be an object.")
        message["metadata"] = value["metadata"]
    parts = value.get("parts")
    if not isinstance(parts, list) or not parts:
        raise RPCError(errors.INVALID_PARAMS, "params.message.parts is missing or empty.")
    message["parts"] = []
    for index, part in enumerate(parts):
        known = form.part(part) if isinstance(part, dict) else None
        if known is None:
            raise RPCError(
                errors.INVALID_PARAMS,
                "params.message.parts[%d] is no part of A2A %s." % (index, form.number),
            )
        message["parts"].append(known)
    return message
