"""A checkout of its own, AWS as moto plays it with the real AWS CLI before it, and a `docker` that notes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Iterator, Optional

import boto3
import pytest
from moto.ecs.models import EC2ContainerServiceBackend
from moto.server import ThreadedMotoServer

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "us-east-2"
collect_ignore = ["heavy"]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    # How many tasks of a service are said to run.
    os.environ["MOTO_ECS_SERVICE_RUNNING"] = "1"
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


# moto wants a memory limit of each container where ECS is content with the task's.
_requirements = EC2ContainerServiceBackend._calculate_task_resource_requirements


def _with_memory(definition: Any) -> Any:
    for container in definition.container_definitions:
        container.setdefault("memoryReservation", 128)
    return _requirements(definition)


EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(_with_memory)


class AWS:
    """Clients of the stand-in, and what the tests set up there."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.environment = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL": endpoint,
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def service(self) -> dict[str, Any]:
        found = self.client("ecs").describe_services(
            cluster="pixell-runtime-cluster", services=["pixell-runtime"]
        )
        return found["services"][0]

    def revisions(self, status: str = "ACTIVE") -> list[str]:
        arns = self.client("ecs").list_task_definitions(
            familyPrefix="pixell-agent-runtime", status=status
        )["taskDefinitionArns"]
        return [arn.rsplit("/")[-1] for arn in arns]

    def deploy(self, image: str) -> None:
        """A further revision, and the service on it, as an earlier deployment left them."""
        options = {
            "awslogs-group": "/ecs/pixell-agent-runtime",
            "awslogs-region": REGION,
            "awslogs-stream-prefix": "ecs",
        }
        ecs = self.client("ecs")
        made = ecs.register_task_definition(
            family="pixell-agent-runtime",
            containerDefinitions=[
                {
                    "name": "agent-runtime",
                    "image": image,
                    "memory": 128,
                    "logConfiguration": {"logDriver": "awslogs", "options": options},
                }
            ],
        )
        ecs.update_service(
            cluster="pixell-runtime-cluster",
            service="pixell-runtime",
            # moto keeps what it is given; ECS itself makes the ARN of a name.
            taskDefinition=made["taskDefinition"]["taskDefinitionArn"],
        )

    def task(self, definition: str, log: str) -> str:
        """A running task of the service and what it has logged; its id."""
        started = self.client("ecs").run_task(
            cluster="pixell-runtime-cluster",
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [self.subnet()], "securityGroups": []}},
        )
        task = started["tasks"][0]["taskArn"].rsplit("/")[-1]
        logs, stream = self.client("logs"), f"ecs/agent-runtime/{task}"
        group = "/ecs/pixell-agent-runtime"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": now, "message": line} for line in log.splitlines()],
        )
        return task

    def subnet(self) -> str:
        ec2 = self.client("ec2")
        return ec2.describe_subnets()["Subnets"][0]["SubnetId"]

    def definition(self, name: str) -> dict[str, Any]:
        return self.client("ecs").describe_task_definition(taskDefinition=name)["taskDefinition"]


@pytest.fixture
def aws(endpoint: str) -> AWS:
    """An account with the guide's cluster, service and repository, which has the image `v1`."""
    aws = AWS(endpoint)
    urllib.request.urlopen(
        urllib.request.Request(endpoint + "/moto-api/reset", method="POST"), timeout=10
    )
    ecs, ecr = aws.client("ecs"), aws.client("ecr")
    ecs.create_cluster(clusterName="pixell-runtime-cluster")
    ecs.register_task_definition(
        family="pixell-agent-runtime",
        containerDefinitions=[{"name": "agent-runtime", "image": "first", "memory": 128}],
    )
    ecs.create_service(
        cluster="pixell-runtime-cluster",
        serviceName="pixell-runtime",
        taskDefinition="pixell-agent-runtime",
        desiredCount=1,
    )
    ecr.create_repository(repositoryName="pixell-agent-runtime")
    ecr.put_image(
        repositoryName="pixell-agent-runtime",
        imageManifest=json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {"mediaType": "x", "size": 1, "digest": "sha256:" + "0" * 64},
                "layers": [],
            }
        ),
        imageTag="v1",
    )
    aws.client("logs").create_log_group(logGroupName="/ecs/pixell-agent-runtime")
    return aws


class Checkout:
    """A copy of what the scripts need, with a `.env` of its own and a `docker` that only notes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ["scripts", "deploy", "agent-host"]:
            shutil.copytree(
                REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns(".venv", "__pycache__")
            )
        git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
        self.tools = folder / "tools"
        self.tools.mkdir()
        self.notes = folder / "docker.log"
        self.tool("docker", f'echo "$*" >>"{self.notes}"; [ "$1" != login ] || cat >/dev/null')

    def tool(self, name: str, text: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def only_tools(self, *names: str) -> str:
        """A PATH on which there are these programs and nothing else."""
        folder = self.folder / "few"
        folder.mkdir(exist_ok=True)
        for name in names:
            found = shutil.which(name)
            assert found, name
            (folder / name).symlink_to(found)
        return str(folder)

    def docker(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def run(
        self, *command: str, path: Optional[str] = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        binaries = Path(sys.executable).parent
        environment = {
            "HOME": str(self.folder),
            "PATH": path or f"{self.tools}:{binaries}:{os.environ['PATH']}",
            "AWS_EC2_METADATA_DISABLED": "true",
            **variables,
        }
        return subprocess.run(
            [str(self.folder / command[0]), *command[1:]],
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


@pytest.fixture
def variables(aws: AWS) -> dict[str, str]:
    """What the guide has an operator set."""
    return {
        **aws.environment,
        "AGENT_APP_ID": "my-agent-id",
        "PACKAGE_URL": "s3://pixell-agent-packages/my-agent/package.apkg",
        "AWS_REGION": REGION,
        "AWS_ACCOUNT_ID": ACCOUNT,
        "ECR_REPO": "pixell-agent-runtime",
        "ECS_CLUSTER": "pixell-runtime-cluster",
        "ECS_SERVICE": "pixell-runtime",
    }


class Program:
    path = Path(os.environ.get("PAR_PROGRAM", REPOSITORY / ".build/release/par-lifecycle"))

    def run_log(self) -> str:
        """The log of a run that ends at once, whole and true."""
        done = subprocess.run([str(self.path), "run"], env={}, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        return done.stdout


@pytest.fixture(scope="session")
def program() -> Program:
    if not os.access(Program.path, os.X_OK):
        pytest.skip(f"{Program.path} is not there: make build")
    return Program()
