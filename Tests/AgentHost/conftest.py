"""Starts the real host as its parent does: real pipes, datagrams, memory, a real Unix socket."""

import json
import mmap
import os
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import httpx
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START = REPOSITORY / "agent-host" / "start.py"
PYTHON = os.environ.get("PAR_TEST_PYTHON", sys.executable)
"""The interpreter under test; it has the agent host's requirements installed."""

WAIT_SEC = 30
"""Far more than anything here takes: it ends a test whose event never comes."""

BASE_PATH = "/agents/tester"

MEMORY_BYTES = 64 + 8192
"""What the program gives: room for the beat and 8192 slots."""


class Host:
    """One agent host with the descriptors of its protocol; without its memory when asked so."""

    def __init__(self, root, environment=None, has_memory=True, **configuration):
        self.root = root
        self.closed = False
        self.run_folder = tempfile.mkdtemp(prefix="par-host-")
        self.socket_path = os.path.join(self.run_folder, "rest.sock")
        self.a2a_socket_path = os.path.join(self.run_folder, "a2a.sock")
        self._notify, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.settimeout(WAIT_SEC)
        control_read, self.control = os.pipe()
        self.stacks, stacks_write = os.pipe()
        inherited = [control_read, theirs.fileno(), stacks_write]
        self.memory = None
        if has_memory:
            memory = os.memfd_create("par-worker")
            os.ftruncate(memory, MEMORY_BYTES)
            self.memory = mmap.mmap(memory, MEMORY_BYTES)
            inherited.append(memory)

        def place():
            high = [os.dup2(fd, 40 + index) for index, fd in enumerate(inherited)]
            for index, fd in enumerate(high):
                os.dup2(fd, 3 + index, True)

        self.process = subprocess.Popen(
            [PYTHON, "-u", str(START)],
            cwd=root,
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=place,
            pass_fds=range(3, 3 + len(inherited)),
            start_new_session=True,
        )
        for fd in [control_read] + inherited[2:]:
            os.close(fd)
        theirs.close()
        self.output = {"stdout": b"", "stderr": b""}
        self._ended = set()
        self._grown = threading.Condition()
        self._readers = [
            threading.Thread(target=self._collect, args=(name,), daemon=True)
            for name in self.output
        ]
        for reader in self._readers:
            reader.start()
        self.notifications = []
        line = {
            "package_root": str(root),
            "rest_socket": self.socket_path,
            "base_path": BASE_PATH,
            "name": "tester",
            "version": "1.2.3",
            "description": "made by a test",
            "rest_entry": None,
            "http_server": None,
            "entrypoint": None,
            "a2a_socket": self.a2a_socket_path,
            "a2a_service": None,
            "a2a_entry": None,
            "a2a_http_server": None,
            "a2a_port": 0,
            "agent_app_id": "tester",
            "author": "the tests",
            "invoke_max_bytes": 1000,
        }
        line.update(configuration)
        self.tell(json.dumps(line))

    def _collect(self, name):
        stream = getattr(self.process, name)
        while True:
            chunk = stream.read1(65536)
            with self._grown:
                self.output[name] += chunk
                if not chunk:
                    self._ended.add(name)
                self._grown.notify_all()
            if not chunk:
                return

    def tell(self, line):
        os.write(self.control, line.encode() + b"\n")

    def end_control(self):
        os.close(self.control)
        self.control = None

    def notification(self):
        """The next datagram as a dict of its assignments; None when the host is gone."""
        data = self._notify.recv(1 << 20)
        if not data:
            return None
        assert len(data) <= 64 * 1024
        fields = dict(line.split("=", 1) for line in data.decode().split("\n"))
        self.notifications.append(fields)
        return fields

    def until(self, key):
        """The value of the first notification that assigns `key`; fails on any other end."""
        while True:
            fields = self.notification()
            assert fields is not None, "the host ended: %s" % self.everything()
            if key in fields:
                value = fields[key]
                return json.loads(value) if key.startswith("X_PAR_") else value
            assert "X_PAR_FAILURE" not in fields, fields

    def ready(self):
        self.until("READY")
        return json.loads(self.notifications[-1]["X_PAR_SURFACES"])

    def ready_a2a(self):
        """What READY says of A2A: where gRPC is, and whether it is served over HTTP."""
        self.ready()
        return json.loads(self.notifications[-1]["X_PAR_A2A"])

    def failure(self):
        failure = self.until("X_PAR_FAILURE")
        assert self.wait() == 1
        return failure

    def warnings(self):
        return [json.loads(n["X_PAR_WARNING"]) for n in self.notifications if "X_PAR_WARNING" in n]

    def client(self, **options):
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=self.socket_path),
            base_url="http://agent.test",
            timeout=WAIT_SEC,
            **options,
        )

    def get(self, path, **options):
        with self.client() as client:
            return client.get(path, **options)

    def post(self, path, **options):
        with self.client() as client:
            return client.post(path, **options)

    def beat(self):
        """The last beat of the event loop: its time and its lateness in nanoseconds, its number."""
        return struct.unpack_from("=QQQ", self.memory)

    def read_stacks(self):
        """What the host writes to its stacks pipe, up to the main thread's last frame."""
        text = b""
        while b"start.py" not in text.rpartition(b"most recent call first")[2]:
            readable, _, _ = select.select([self.stacks], [], [], WAIT_SEC)
            assert readable, text
            text += os.read(self.stacks, 65536)
        return text.decode()

    def until_stdout(self, text):
        """Waits until stdout has the text, or has ended."""
        self._until("stdout", text)

    def until_stderr(self, text):
        """Waits until stderr has the text, or has ended; all of it so far."""
        return self._until("stderr", text)

    def _until(self, name, text):
        with self._grown:
            came = self._grown.wait_for(
                lambda: text.encode() in self.output[name] or name in self._ended, WAIT_SEC
            )
        assert came, self.everything()
        return self.output[name].decode()

    def stop(self):
        self.tell("stop")
        return self.wait()

    def wait(self):
        status = self.process.wait(WAIT_SEC)
        return status

    def everything(self):
        return {name: data.decode() for name, data in self.output.items()}

    def close(self):
        if self.closed:
            return
        self.closed = True
        if self.control is not None:
            self.end_control()
        try:
            self.process.wait(WAIT_SEC)
        finally:
            self.process.kill()
            self.process.wait()
            try:
                os.killpg(self.process.pid, 9)
            except ProcessLookupError:
                pass
            for reader in self._readers:
                reader.join(WAIT_SEC)
                assert not reader.is_alive(), "something still holds the host's output"
            self.process.stdout.close()
            self.process.stderr.close()
            self._notify.close()
            os.close(self.stacks)
            shutil.rmtree(self.run_folder, ignore_errors=True)


@pytest.fixture
def package(tmp_path):
    """Writes a package folder: `package({"main.py": "…"})`, text by path."""

    def write(files):
        for path, text in files.items():
            target = tmp_path / "package" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return tmp_path / "package"

    return write


@pytest.fixture
def host():
    """Starts hosts and ends them with the test."""
    started = []

    def start(root, environment=None, **configuration):
        one = Host(root, environment, **configuration)
        started.append(one)
        return one

    yield start
    for one in started:
        one.close()
