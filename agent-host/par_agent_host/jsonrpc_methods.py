"""The methods of A2A over JSON-RPC: 1.0's and 0.3's names for the same things."""

import datetime
import re

from . import jsonrpc_errors as errors
from .jsonrpc_action import choose, request_of
from .jsonrpc_errors import RPCError
from .jsonrpc_wire import Version03, Version1, message_of
from .tasks import Task, TaskStore, as_json
from .tasks_run import Handler, Run, new_threads

PAGE_DEFAULT, PAGE_MAX = 50, 100
"""Tasks on a page of `ListTasks` (A2A 1.0, section 3.1.4)."""

_METHODS_1 = {
    "SendMessage": "send",
    "SendStreamingMessage": "stream",
    "GetTask": "get",
    "ListTasks": "list",
    "CancelTask": "cancel",
    "SubscribeToTask": "subscribe",
    "CreateTaskPushNotificationConfig": "push",
    "GetTaskPushNotificationConfig": "push",
    "ListTaskPushNotificationConfigs": "push",
    "DeleteTaskPushNotificationConfig": "push",
    "GetExtendedAgentCard": "extended_card",
}
_METHODS_03 = {
    "message/send": "send",
    "message/stream": "stream",
    "tasks/get": "get",
    "tasks/cancel": "cancel",
    "tasks/resubscribe": "subscribe",
    "tasks/pushNotificationConfig/set": "push",
    "tasks/pushNotificationConfig/get": "push",
    "tasks/pushNotificationConfig/list": "push",
    "tasks/pushNotificationConfig/delete": "push",
    "agent/getAuthenticatedExtendedCard": "extended_card",
}


class Answer:
    """A result that is there."""

    def __init__(self, result):
        self.result = result


class Waiting:
    """A result that is there when the run has ended; the caller has to `release` the run."""

    def __init__(self, run, result):
        self.run = run
        self.result = result


class Stream:
    """Events, the first of which is there; the caller has to `close` the follower."""

    def __init__(self, first, follower):
        self.first = first
        self.follower = follower


def form_of(header):
    """The version's forms for an `A2A-Version` header; without one it is 0.3 (1.0, section 3.6.2)."""
    header = (header or "").strip()
    if not header:
        return Version03()
    match = re.match(r"(\d+\.\d+)(\.\d+)?$", header)
    for form in (Version1, Version03):
        if match and match.group(1) == form.number:
            return form()
    raise RPCError(
        errors.VERSION_NOT_SUPPORTED,
        "The agent speaks A2A 1.0 and 0.3, not %s." % header[:40],
    )


class Methods:
    """Carries calls out on the agent's handlers."""

    def __init__(self, custom_handlers, streaming_handlers):
        self._custom = _handlers(custom_handlers)
        self._streaming = _handlers(streaming_handlers)
        self._names = list(dict.fromkeys(list(self._custom) + list(self._streaming)))
        self._store = TaskStore()
        self._runs = {}
        self._threads = new_threads()

    def call(self, form, name, params):
        """Begins a call: an Answer, Waiting or Stream; raises RPCError."""
        method = (_METHODS_1 if form.is_version_1 else _METHODS_03).get(name)
        if method is None:
            raise _unknown(form, name)
        if params is None:
            params = {}
        if not isinstance(params, dict):
            raise RPCError(errors.INVALID_PARAMS, "params has to be an object.")
        return getattr(self, "_" + method)(form, params)

    @property
    def runs(self):
        """What is at work."""
        return list(self._runs.values())

    def _send(self, form, params):
        run, configuration = self._new_run(form, params, (self._custom, self._streaming))
        history = _history_length(configuration)
        if form.waits(configuration):
            run.hold()
            run.start()
            return Waiting(run, lambda: form.wrapped("task", form.task(run.task, history)))
        run.is_detached = True
        run.start()
        return Answer(form.wrapped("task", form.task(run.task, history)))

    def _stream(self, form, params):
        run, configuration = self._new_run(form, params, (self._streaming, self._custom))
        history = _history_length(configuration)
        first = form.wrapped("task", form.task(run.task, history))
        follower = run.follow()
        run.start()
        return Stream(first, follower)

    def _get(self, form, params):
        history = _history_length(params)
        return Answer(form.task(self._task(params), history))

    def _cancel(self, form, params):
        task = self._task(params)
        run = self._runs.get(task.id)
        if run is None or not run.cancel():
            raise RPCError(errors.TASK_NOT_CANCELABLE, "The task %s is %s." % (task.id, task.state))
        return Answer(form.task(task))

    def _subscribe(self, form, params):
        task = self._task(params)
        run = self._runs.get(task.id)
        if run is None:
            raise RPCError(
                errors.UNSUPPORTED_OPERATION, "The task %s is %s." % (task.id, task.state)
            )
        first = form.wrapped("task", form.task(task))
        return Stream(first, run.follow())

    def _list(self, form, params):
        context = params.get("contextId")
        if not isinstance(context, str) or not context:
            # Callers are not told apart; who knows a context's id may see its tasks.
            raise RPCError(errors.INVALID_PARAMS, "params.contextId is missing.")
        history = _history_length(params)
        size = params.get("pageSize", PAGE_DEFAULT)
        if not _is_count(size) or not 1 <= size <= PAGE_MAX:
            raise RPCError(errors.INVALID_PARAMS, "params.pageSize has to be 1 to %d." % PAGE_MAX)
        tasks = self._store.of_context(context)
        if params.get("status") not in (None, "", "TASK_STATE_UNSPECIFIED"):
            tasks = [task for task in tasks if task.state == form.state(params["status"])]
        if params.get("statusTimestampAfter"):
            after = _time(params["statusTimestampAfter"])
            tasks = [task for task in tasks if _time(task.changed) >= after]
        total = len(tasks)
        if params.get("pageToken"):
            # Where the page before ended; that task may be gone by now.
            changed, slash, identifier = str(params["pageToken"]).partition("/")
            if not slash:
                raise RPCError(errors.INVALID_PARAMS, "params.pageToken is none of ListTasks.")
            tasks = [task for task in tasks if (task.changed, task.id) < (changed, identifier)]
        page = [form.task(task, history) for task in tasks[:size]]
        if params.get("includeArtifacts") is not True:
            for task in page:
                task.pop("artifacts", None)
        last = tasks[size - 1] if len(tasks) > size else None
        return Answer(
            {
                "tasks": page,
                "nextPageToken": "%s/%s" % (last.changed, last.id) if last else "",
                "pageSize": size,
                "totalSize": total,
            }
        )

    def _push(self, form, params):
        raise RPCError(errors.PUSH_NOT_SUPPORTED, "The agent sends no push notifications.")

    def _extended_card(self, form, params):
        raise RPCError(
            errors.UNSUPPORTED_OPERATION if form.is_version_1 else errors.NO_EXTENDED_CARD,
            "The agent has one card, the public one.",
        )

    def _new_run(self, form, params, preferred):
        """The run for a message, not yet started, and the call's configuration."""
        configuration = _object(params, "configuration")
        metadata = _object(params, "metadata")
        message = message_of(form, params.get("message"))
        if "taskId" in message:
            raise self._no_further_message(message)
        for key in ("taskPushNotificationConfig", "pushNotificationConfig"):
            if configuration.get(key):
                self._push(form, params)
        _history_length(configuration)
        request = request_of(message, metadata)
        name = choose(request.action, self._names)
        if self._store.is_full:
            raise RPCError(
                errors.BUSY,
                "The agent is at work on %d tasks; try again later." % self._store.running,
            )
        handler = preferred[0].get(name) or preferred[1][name]
        task = Task(message, as_json(message)[1])
        self._store.add(task)
        run = Run(handler, request.parameters, task, self._threads, self._ended)
        self._runs[task.id] = run
        return run, configuration

    def _no_further_message(self, message):
        task = self._store.find(message["taskId"])
        if task is None:
            return RPCError(errors.TASK_NOT_FOUND, "There is no task %s." % message["taskId"])
        if message.get("contextId", task.context_id) != task.context_id:
            return RPCError(
                errors.INVALID_PARAMS,
                "The task %s is not of the context %s." % (task.id, message["contextId"]),
            )
        return RPCError(
            errors.UNSUPPORTED_OPERATION,
            "The task %s is %s and takes no further message; send one without taskId."
            % (task.id, task.state),
        )

    def _ended(self, task):
        self._runs.pop(task.id, None)
        self._store.finished(task)

    def _task(self, params):
        identifier = params.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise RPCError(errors.INVALID_PARAMS, "params.id is missing.")
        task = self._store.find(identifier)
        if task is None:
            raise RPCError(errors.TASK_NOT_FOUND, "There is no task %s." % identifier[:80])
        return task


def _handlers(functions):
    return {name: Handler(name, function) for name, function in (functions or {}).items()}


def _unknown(form, name):
    if form.is_version_1 and name in _METHODS_03:
        return RPCError(errors.METHOD_NOT_FOUND, "%s is a method of A2A 0.3, not of 1.0." % name)
    if name in _METHODS_1:
        return RPCError(
            errors.VERSION_NOT_SUPPORTED,
            "%s is a method of A2A 1.0: send the header A2A-Version: 1.0." % name,
        )
    return RPCError(errors.METHOD_NOT_FOUND, "There is no method %s." % name[:80])


def _object(params, key):
    value = params.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RPCError(errors.INVALID_PARAMS, "params.%s has to be an object." % key)
    return value


def _history_length(source):
    length = source.get("historyLength")
    if length is None:
        return None
    if not _is_count(length) or length < 0:
        raise RPCError(errors.INVALID_PARAMS, "historyLength has to be 0 or more.")
    return length


def _time(text):
    """A point in time as RFC 3339 has it; fractions beyond microseconds are cut."""
    match = re.match(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$", str(text))
    try:
        when, fraction, zone = match.groups()
        fraction = ((fraction or ".") + "000000")[:7]
        return datetime.datetime.fromisoformat(
            when.upper() + fraction + ("+00:00" if zone in "Zz" else zone)
        )
    except (AttributeError, ValueError):
        raise RPCError(errors.INVALID_PARAMS, "params.statusTimestampAfter is no time.")


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool)
