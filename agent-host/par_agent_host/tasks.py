"""A2A tasks: what a handler was asked, what it answered, and how long that is kept."""

import collections
import datetime
import json
import time
import uuid

RUNNING_MAX = 1000
"""Tasks that handlers work on at the same time; a further call is refused."""

KEPT_MAX = 1000
"""Finished tasks that are kept for `tasks/get`; the oldest go first."""

KEPT_MAX_BYTES = 64 * 1024 * 1024
"""What finished tasks may hold together, as UTF-8; the oldest go first."""

KEPT_MAX_SEC = 3600.0
"""How long a finished task is kept."""

NESTING_MAX = 100
"""How deep arrays and objects may nest, as in Protocol Buffers, which clients read them with."""

FINAL_STATES = ("completed", "failed", "canceled")


class Task:
    """One task. Its state is final once `finish` was called; what comes later is dropped.

    `parts` and messages are in the form of A2A 1.0, roles and states in that of 0.3, which is
    shorter. `size`: bytes of the message and the artifact.
    """

    def __init__(self, message, size):
        self.id = message.get("taskId") or str(uuid.uuid4())
        self.context_id = message.get("contextId") or str(uuid.uuid4())
        self.artifact_id = str(uuid.uuid4())
        self.history = [dict(message, taskId=self.id, contextId=self.context_id)]
        self.size = size
        self.metadata = {}
        self.state = "submitted"
        self.message = None
        self.changed = _now()
        self._parts = []

    @property
    def is_final(self):
        return self.state in FINAL_STATES

    @property
    def parts(self):
        """The artifact's parts; text that came in pieces is one part."""
        joined = []
        for part in self._parts:
            if isinstance(part, list):
                part[:] = ["".join(part)]
                part = {"text": part[0]}
            joined.append(part)
        return joined

    def add(self, part, size):
        """Appends to the artifact. Pieces of a text are joined when they are read, not before."""
        self.size += size
        if "text" not in part:
            self._parts.append(part)
        elif self._parts and isinstance(self._parts[-1], list):
            self._parts[-1].append(part["text"])
        else:
            self._parts.append([part["text"]])

    def work(self, parts=None):
        """The handler is at work; `parts`: what it says about it."""
        self._change("working", parts)

    def finish(self, state, sentence=None):
        """Ends the task, unless it has ended; whether it did."""
        if self.is_final:
            return False
        self._change(state, None if sentence is None else [{"text": sentence}])
        return True

    def _change(self, state, parts):
        self.state = state
        self.changed = _now()
        self.message = None
        if parts:
            self.message = {
                "messageId": str(uuid.uuid4()),
                "taskId": self.id,
                "contextId": self.context_id,
                "role": "agent",
                "parts": parts,
            }


class TaskStore:
    """Tasks by id, within bounds. Those at work are never dropped."""

    def __init__(self):
        self._running = {}
        self._finished = collections.OrderedDict()
        self._bytes = 0

    @property
    def running(self):
        """How many handlers work on."""
        return len(self._running)

    @property
    def is_full(self):
        return self.running >= RUNNING_MAX

    def add(self, task):
        self._running[task.id] = task

    def finished(self, task):
        """Moves a task to the finished ones and drops what is beyond the bounds."""
        if self._running.pop(task.id, None) is None:
            return
        self._finished[task.id] = (task, time.monotonic())
        self._bytes += task.size
        self._drop()

    def find(self, identifier):
        """The task, or None when it never was or is gone."""
        self._drop()
        task = self._running.get(identifier)
        if task is None:
            task, _ = self._finished.get(identifier, (None, None))
        return task

    def of_context(self, context_id):
        """The tasks of one context, the newest first."""
        self._drop()
        tasks = [task for task, _ in self._finished.values()]
        tasks += self._running.values()
        found = [task for task in tasks if task.context_id == context_id]
        return sorted(found, key=lambda task: (task.changed, task.id), reverse=True)

    def _drop(self):
        oldest_kept = time.monotonic() - KEPT_MAX_SEC
        while self._finished:
            task, since = next(iter(self._finished.values()))
            if (
                len(self._finished) <= KEPT_MAX
                and self._bytes <= KEPT_MAX_BYTES
                and since > oldest_kept
            ):
                return
            del self._finished[task.id]
            self._bytes -= task.size


def as_json(value):
    """A copy of a value as JSON has it, and how many bytes it is as such.

    Raises TypeError, ValueError or RecursionError when it is none, or nests deeper than the bound.
    """
    written = json.dumps(value, allow_nan=False)
    if not nests_within(value, written.count("[") + written.count("{")):
        raise ValueError("it nests deeper than %d" % NESTING_MAX)
    return json.loads(written), len(written)


def nests_within(value, brackets):
    """Whether a value nests within the bound; `brackets`: how many its text has at least."""
    if brackets <= NESTING_MAX:
        return True
    level = [value]
    for _ in range(NESTING_MAX + 1):
        below = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()
            elif isinstance(one, (list, tuple)):
                below += one
        if not below:
            return True
        level = below
    return False


def _now():
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (now.microsecond // 1000)
