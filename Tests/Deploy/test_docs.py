"""The code blocks of the deployment's pages, with the real AWS CLI before moto and a `docker` that notes.

What the built program runs is in Tests/EndToEnd/test_docs.py, and so are links and the list of all blocks.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from documented import block, pages  # noqa: E402
from test_verify_script import Server  # noqa: E402


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def run_block(checkout, text: str, **variables: str):
    """Runs the block as it stands, in the checkout."""
    script = checkout.folder / "block"
    script.write_text(f"#!/bin/bash\nset -euo pipefail\ncd {shlex.quote(str(checkout.folder))}\n{text}")
    script.chmod(0o755)
    return checkout.run("block", **variables)


def test_the_flags_of_the_table_are_the_scripts(repository):
    text = "".join((repository / page).read_text() for page in pages())
    script = (repository / "scripts/deploy_par.sh").read_text()
    for flag in set(re.findall(r"deploy_par\.sh[^`\n]*?(--[a-z-]+)", text)):
        assert flag in script, flag


def commands(text: str) -> list[list[str]]:
    return [shlex.split(one) for one in text.replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("page", ["docs/quickstart.md", "docs/deployment.md"])
def test_docker_blocks_name_what_is_there(repository, checkout, page):
    """There is no daemon here: the commands reach a `docker` that notes them, and name files that are there."""
    (checkout.folder / "my-agent.apkg").touch()
    text = block(page, "docker buildx")
    done = run_block(checkout, text)
    assert done.returncode == 0, done.stderr
    assert len(checkout.docker()) == len(commands(text))
    built = set()
    for _, *arguments in commands(text):
        if arguments[0] == "buildx":
            dockerfile = arguments[arguments.index("-f") + 1]
            assert (repository / dockerfile).exists()
            # The command of the page is the one at the file's beginning.
            assert shlex.join(["docker", *arguments]) in (repository / dockerfile).read_text()
            built.add(arguments[arguments.index("-t") + 1])
        else:
            volume = next(one for one in arguments if ":/srv/" in one)
            assert f"AGENT_PACKAGE_PATH={volume.split(':')[1]}" in arguments
            assert arguments[-1] in built
            # The volumes and the user are the image's.
            image = (repository / "deploy/docker/Dockerfile").read_text()
            mounted = [one for at, one in enumerate(arguments) if arguments[at - 1] == "--tmpfs"]
            assert {one.split(":")[0] for one in mounted} == set(json.loads(re.search(r"^VOLUME (.*)$", image, re.M)[1]))
            user = re.search(r"^USER (\d+):", image, re.M)[1]
            assert any(f"uid={user},gid={user}" in one for one in mounted)


def test_the_example_is_copied_and_read(checkout):
    done = run_block(checkout, block("docs/deployment.md", "cp deploy/.env"))
    assert done.returncode == 0, done.stderr
    done = checkout.run("scripts/deploy_par.sh", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "636212886452.dkr.ecr.us-east-2.amazonaws.com/pixell-agent-runtime:" in done.stderr


def test_the_wheelhouse_is_filled(checkout, tmp_path):
    """With the real pip, and an empty folder for an index: nothing is required."""
    (checkout.folder / "agent-host/requirements.txt").write_text("")
    with zipfile.ZipFile(checkout.folder / "my-agent.apkg", "w") as archive:
        archive.writestr("agent.yaml", "name: a\n")
    text = block("docs/deployment.md", "scripts/fill_").replace(" /mnt/", f" {tmp_path}/mnt/")
    (tmp_path / "mnt").mkdir()
    done = run_block(checkout, text, PYTHON=sys.executable, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_deployment_is_verified_under_load(aws, checkout, variables, server):
    """Its own deployment included: --update-only --wait, the image `v1`."""
    server.delay = 0.5  # the clients shall leave the processors to the deployment
    aws.deploy("v2")
    aws.task("pixell-agent-runtime:2", '{"event":"runtime_ready","boot_ms":812}')
    text = block("docs/deployment.md", "scripts/verify_").replace("https://your-alb-url", server.url)
    done = run_block(checkout, text, IMAGE_TAG="v1", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^ok      load: \d+ requests, 0 lost, p95 \d+ ms$", done.stdout, re.M)
    assert aws.service()["taskDefinition"].endswith("pixell-agent-runtime:3")


def test_the_quick_start_on_aws(aws, checkout, variables, server):
    """All of it, from `cp` on; the editor leaves the file as it is, but for the account that moto plays."""
    text = block("docs/quickstart.md", "cp deploy/.env")
    checkout.tool("editor", f'sed -i "s/^AWS_ACCOUNT_ID=.*/AWS_ACCOUNT_ID={variables["AWS_ACCOUNT_ID"]}/" "$1"')
    deploys, verifies = text.split("scripts/verify_deploy.sh")
    assert verifies == "\n"
    environment = {**aws.environment, "EDITOR": "editor"}
    done = run_block(checkout, deploys, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one.split()[0] for one in checkout.docker()] == ["buildx", "login", "push"]
    definition = aws.service()["taskDefinition"].rsplit("/")[-1]
    assert definition == "pixell-agent-runtime:2"
    aws.task(definition, '{"event":"runtime_ready","boot_ms":812}')
    # The tasks of moto have no address that answers.
    done = run_block(checkout, f"scripts/verify_deploy.sh --url {server.url}\n", **environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_target_group_is_made_as_the_table_says(repository, aws, checkout):
    vpc = aws.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    done = run_block(checkout, block("deploy/ALB_HEALTH_CHECK.md", "aws elbv2"), VPC_ID=vpc, **aws.environment)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["TargetGroups"][0]
    page = (repository / "deploy/ALB_HEALTH_CHECK.md").read_text().split("## The arithmetic")[0]
    table = dict(re.findall(r"^\| ([a-z ,]+) \| `?([^|`]+?)`? \|$", page, re.M))
    assert (made["TargetType"], made["Matcher"]["HttpCode"]) == (table["target type"], table["success codes"])
    assert made["HealthCheckPath"] == table["health check path"]
    assert (made["Protocol"], made["Port"]) == ("HTTP", 8080)
    for name, key in [
        ("interval", "HealthCheckIntervalSeconds"), ("timeout", "HealthCheckTimeoutSeconds"),
        ("healthy threshold", "HealthyThresholdCount"), ("unhealthy threshold", "UnhealthyThresholdCount"),
    ]:  # fmt: skip
        assert made[key] == int(table[name].split()[0]), name


def test_the_unit_of_the_page_waits_as_the_installed_one(repository):
    def service(text: str):
        unit = configparser.RawConfigParser(strict=False)
        unit.optionxform = str
        unit.read_string(text)
        return unit["Service"]

    page = service(block("docs/operations.md", "[Service]"))
    installed = service((repository / "deploy/systemd/par@.service").read_text())
    assert set(page) <= set(installed), "an option that the installed unit lacks"
    for name in ["Type", "TimeoutStopSec", "Restart"]:
        assert page[name] == installed[name], name
    assert int(page["WatchdogSec"]) >= 10
    assert page["ExecStart"].split()[1] == installed["ExecStart"].split()[1] == "run"


def test_the_corrected_registration_is_accepted(aws, checkout):
    """docs/deployment.md, "Multi-PAR"."""
    done = run_block(checkout, block("docs/deployment.md", "export AWS_"), **aws.environment)
    assert done.returncode == 0, done.stderr
    assert aws.service()["taskDefinition"].rsplit("/")[-1].split(":")[0] == "pixell-runtime"
    assert aws.definition("pixell-runtime:1")["executionRoleArn"].startswith("arn:aws:iam::636212886452:role/")


def test_the_guides_registration_is_the_corrected_one_but_for_what_the_page_says(repository):
    page = (repository / "docs/deployment.md").read_text().split("## Corrections of the guides")[1]
    template = json.loads((repository / "deploy/ecs-task-definition-multipar.json").read_text())
    container = template["containerDefinitions"][0]
    # The guide's own names and values.
    assert (template["family"], container["name"]) == ("pixell-runtime", "pixell-runtime")
    assert container["logConfiguration"]["options"]["awslogs-stream-prefix"] == "ecs"
    for word in ["execution-role-arn", "stopTimeout", "SUPERVISOR_CONFIG", "SUPERVISOR_TOKEN", "systemControls"]:
        assert word in page
