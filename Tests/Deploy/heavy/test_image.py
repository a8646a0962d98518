"""What the Dockerfiles make, as PID 1 in namespaces: not root, on a read-only root."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from image import Buildah, Image, prepare, start  # noqa: E402
from namespaces import DEADLINE, PROGRAM, REPOSITORY, missing, wait_for  # noqa: E402

reason = missing("debootstrap", "buildah", "unshare", "strip")
pytestmark = pytest.mark.skipif(bool(reason), reason=reason)

PACKAGE = REPOSITORY / "examples/hello.apkg"
# What the task definition mounts: memory, owned as the image's own folders are.
VOLUMES = {"/tmp": "mode=1777", "/var/cache/par": "uid=10001,gid=10001,mode=700"}


@pytest.fixture(scope="module")
def buildah() -> Iterator[Buildah]:
    buildah = prepare(Path(tempfile.mkdtemp(prefix="par-image-", dir="/var/tmp")))
    yield buildah
    buildah.remove()


@pytest.fixture(scope="module")
def image(buildah: Buildah) -> Image:
    return Image(buildah, "deploy/docker/Dockerfile")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Container:
    """One start of the image, its log, and its PID 1 as the outside numbers it."""

    def __init__(self, image: Image, *arguments: str, **environment: str) -> None:
        self.port = free_port()
        self.process = start(
            image, *arguments, memory_folders=VOLUMES,
            environment={"BIND_ADDRESS": "127.0.0.1", "REST_PORT": str(self.port), "A2A_PORT": "0", **environment},
        )
        self.lines: list[dict[str, Any]] = []
        self.text: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.text.append(line)
            self.lines.append(json.loads(line))

    def event(self, name: str) -> dict[str, Any]:
        def look() -> Any:
            found = [line for line in self.lines if line.get("event") == name]
            assert found or self.process.poll() is None or self.reader.is_alive(), "".join(self.text)
            return found
        return wait_for(name, look)[0]

    @property
    def pid(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def end(self) -> int:
        status = self.process.wait(DEADLINE)
        self.reader.join(10)
        return status


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """moto's S3 with the package, and an endpoint that gives a task its credentials."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", region_name="us-east-2", endpoint_url=endpoint,
                          aws_access_key_id="x", aws_secret_access_key="x")
    client.create_bucket(Bucket="pixell-agent-packages",
                         CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.upload_file(str(PACKAGE), "pixell-agent-packages", "my-agent/package.apkg")
    asked: list[str] = []

    class Credentials(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps({
                "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "very-secret-key", "Token": "very-secret-token",
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
            }).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    credentials = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Credentials)
    threading.Thread(target=credentials.serve_forever, daemon=True).start()
    yield {
        "PACKAGE_URL": "s3://pixell-agent-packages/my-agent/package.apkg",
        "PACKAGE_SHA256": hashlib.sha256(PACKAGE.read_bytes()).hexdigest(),
        "AWS_REGION": "us-east-2",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{credentials.server_address[1]}/v2/credentials",
    }
    assert asked, "nobody asked for credentials"
    credentials.shutdown()
    server.stop()


def test_what_the_image_says_of_itself(image: Image, buildah: Buildah) -> None:
    config = image.config
    assert set(config["ExposedPorts"]) == {"8080/tcp", "50051/tcp", "3000/tcp"}
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["par-lifecycle"]
    assert config["Healthcheck"]["Test"] == ["CMD", "par-lifecycle", "health"]
    assert set(config["Volumes"]) == {"/tmp", "/var/cache/par"}
    for path, mode in {"/var/cache/par": 0o40700, "/opt/wheelhouse": 0o40755}.items():
        assert os.stat(f"{image.root}{path}").st_mode == mode
    assert os.stat(f"{image.root}/var/cache/par").st_uid == 10001
    sizes = {
        name: int(subprocess.run(["du", "-s", "-B1", f"{image.root}{name}"], capture_output=True, text=True, check=True).stdout.split()[0])
        for name in ["", "/usr/local/bin/par-lifecycle", "/usr/local/share/par", "/usr/local/share/par/agent-host/.venv/bin/uv"]
    }
    print({name or "/": f"{size / 1e6:.1f} MB" for name, size in sizes.items()})


def test_the_health_check_of_an_image_that_is_not_ready_says_no(image: Image) -> None:
    assert Container(image, "health").end() == 1


def test_a_missing_agent_app_id_is_the_guides_message(image: Image) -> None:
    container = Container(image)
    assert container.end() == 1
    assert "AGENT_APP_ID missing or empty" in "".join(container.text)
    assert container.lines[-1]["event"] == "stopped" and container.lines[-1]["exit_code"] == 1


def test_it_boots_from_s3_as_pid_1_and_drains(image: Image, s3: dict[str, str]) -> None:
    container = Container(image, AGENT_APP_ID="my-agent-id", **s3)
    ready = container.event("runtime_ready")
    assert container.lines[0]["pid"] == 1
    status = dict(
        one.split(":\t", 1) for one in Path(f"/proc/{container.pid}/status").read_text().splitlines() if ":\t" in one
    )
    assert status["NSpid"].split()[-1] == "1"
    assert status["Uid"].split() == ["10001"] * 4 and int(status["CapEff"], 16) == 0
    assert container.get("/health")[0] == 200
    assert b"Ada" in container.get("/agents/my-agent-id/api/hello?name=Ada")[1]
    # What is in flight when SIGTERM comes is answered.
    answers: list[int] = []
    clients = [
        threading.Thread(target=lambda: answers.append(container.get("/agents/my-agent-id/api/hello?name=Ada")[0]))
        for _ in range(8)
    ]
    for client in clients:
        client.start()
    os.kill(container.pid, signal.SIGTERM)
    for client in clients:
        client.join(30)
    assert container.end() == 0
    assert set(answers) == {200}
    assert container.lines[-1]["outcome"] == "clean"
    text = "".join(container.text)
    assert "very-secret" not in text
    done = subprocess.run([str(PROGRAM), "trace", "--strict"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    print("boot_ms", ready["boot_ms"], ready["phases_ms"])


def test_the_multi_par_image_is_a_supervisor_on_port_80(buildah: Buildah) -> None:
    image = Image(buildah, "deploy/docker/Dockerfile.multipar")
    assert set(image.config["ExposedPorts"]) == {"8080/tcp", "50051/tcp", "3000/tcp", "80/tcp"}
    variables = dict(one.split("=", 1) for one in image.config["Env"])
    assert variables["PAR_MODE"] == "supervisor"
    assert variables["PAR_CACHE_DIR"] == "/tmp/pixell-runtime/packages"
    assert os.stat(f"{image.root}/tmp/pixell-runtime/packages").st_uid == 10001
