"""What the deployment's files say of each other, of the program and of the guides' numbers."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import hcl2
import yaml

TEMPLATES = ["ecs-task-definition-template.json", "ecs-task-definition-multipar.json"]
UNITS = ["par@.service", "par-supervisor.service"]


def text(repository: Path, name: str) -> str:
    return (repository / name).read_text()


@pytest.fixture(scope="module")
def variables(repository: Path) -> list[str]:
    folder = "Sources/Runtime/Configuration"
    source = "".join(text(repository, f"{folder}/VariableSection+{one}.swift") for one in ["Own", "Supervisor"])
    return re.findall(r'VariableRow\(\s*"([A-Z0-9_]+)"', source)


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_the_example_has_every_variable_and_the_template_too(repository, variables):
    example = text(repository, "deploy/.env.example")
    listed = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, re.M)
    assert len(listed) == len(set(listed))
    assert set(variables) <= set(listed)
    template = json.loads(text(repository, "deploy/ecs-task-definition-template.json"))
    names = [one["name"] for one in template["containerDefinitions"][0]["environment"]]
    of_supervisor = {one for one in variables if one.startswith("SUPERVISOR_")}
    assert set(names) == set(variables) - {"AGENT_PACKAGE_PATH", "PAR_MODE"} - of_supervisor | {"AWS_REGION"}
    for one in template["containerDefinitions"][0]["environment"]:
        assert one["value"].startswith("${" + one["name"])
    # The supervisor's own; the token is a secret, the state folder the image's, and no container is root's.
    multi = json.loads(text(repository, "deploy/ecs-task-definition-multipar.json"))["containerDefinitions"][0]
    assert {one["name"] for one in multi["secrets"]} == {"SUPERVISOR_TOKEN"}
    given = {one["name"] for one in multi["environment"] if one["name"].startswith("SUPERVISOR_")}
    assert given == of_supervisor - {"SUPERVISOR_TOKEN", "SUPERVISOR_STATE_DIR", "SUPERVISOR_WORKER_TCP"}
    # What the script and the templates read is in the example.
    read = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", "".join(text(repository, f"deploy/{one}") for one in TEMPLATES)))
    read -= {"IMAGE_URI", "CPU_ARCHITECTURE"}
    assert read <= set(listed)


def test_the_defaults_of_example_and_template_are_those_of_the_documentation(repository):
    documented = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| `?([^|`]+?)`? \|", text(repository, "docs/configuration.md"), re.M))
    example = dict(re.findall(r"^#?([A-Z][A-Z0-9_]*)=(\S+)$", text(repository, "deploy/.env.example"), re.M))
    template = dict(re.findall(r"\$\{([A-Z0-9_]+):-([^}]*)\}", text(repository, f"deploy/{TEMPLATES[0]}")))
    compared = 0
    for values in [example, template]:
        for name, value in values.items():
            # Defaults that are a value and not a sentence; those of the container are its own.
            if not re.fullmatch(r"[\w./-]+", documented.get(name, "–")) or name in {"PAR_CACHE_DIR", "DRAIN_MIN_SEC"}:
                continue
            if documented[name] in {"required"}:
                continue
            assert value == documented[name], name
            compared += 1
    assert compared > 30


@pytest.mark.parametrize("name", TEMPLATES)
def test_times_fit_into_each_other(repository, name):
    container = json.loads(text(repository, f"deploy/{name}"))["containerDefinitions"][0]
    defaults = dict(re.findall(r"\$\{([A-Z0-9_]+):-([^}]*)\}", json.dumps(container)))
    drain, graceful = float(defaults["DRAIN_MIN_SEC"]), float(defaults["GRACEFUL_SHUTDOWN_TIMEOUT_SEC"])
    assert drain == 12 and graceful == 30
    assert container["stopTimeout"] == 35 >= graceful + 5
    page = text(repository, "deploy/ALB_HEALTH_CHECK.md")
    interval, threshold = (
        int(re.search(rf"^\| {what} \| (\d+)", page, re.M)[1]) for what in ["interval", "unhealthy threshold"]
    )
    assert interval * threshold + 2 <= drain < graceful
    command = re.search(r"create-target-group.*?```", page, re.S)[0]
    assert f"--health-check-interval-seconds {interval} " in command
    assert f"--unhealthy-threshold-count {threshold} " in command
    health = container["healthCheck"]
    assert health["startPeriod"] == 300 and health["timeout"] < health["interval"]


def test_the_table_of_other_load_balancers_adds_up(repository):
    rows = re.findall(
        r"^\| (\d+) s[^|]*\| (\d+)[^|]*\| (\d+) \| (\d+) \| (\d+) \|$", text(repository, "deploy/ALB_HEALTH_CHECK.md"), re.M
    )
    assert len(rows) >= 5
    for interval, threshold, drain, graceful, stop in (map(int, row) for row in rows):
        assert drain == interval * threshold + 2
        assert graceful >= drain + 18 and stop == graceful + 5 <= 120


@pytest.mark.parametrize("name", UNITS)
def test_units_wait_for_the_drain(repository, name):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string(text(repository, f"deploy/systemd/{name}"))
    service = unit["Service"]
    assert service["Type"] == "notify" and service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) == 30 + 5
    assert service["DynamicUser"] == "yes" and "WatchdogSec" in service and "LoadCredential" in service
    assert "MemoryDenyWriteExecute" not in service


@pytest.mark.parametrize("name", ["par@.service", "par-supervisor.service"])
def test_units_reload_by_a_hang_up(repository, name):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string(text(repository, f"deploy/systemd/{name}"))
    service = unit["Service"]
    # A shell's own kill: a small system has no other one.
    assert service["ExecReload"] == '/bin/sh -c "kill -HUP $MAINPID"'
    # At a terminal it would be the end.
    assert "StandardInput" not in service


def test_both_images_are_built_from_the_same_stages(repository):
    def stages(name: str) -> str:
        whole = text(repository, f"deploy/docker/{name}")
        return whole[whole.index("ARG SWIFT_IMAGE") : whole.index("# --- the image ---")]

    assert stages("Dockerfile") == stages("Dockerfile.multipar")
    ports = {name: set(re.search(r"^EXPOSE (.*)$", text(repository, f"deploy/docker/{name}"), re.M)[1].split())
             for name in ["Dockerfile", "Dockerfile.multipar"]}
    assert ports["Dockerfile"] == {"8080", "50051", "3000"}
    assert ports["Dockerfile.multipar"] == ports["Dockerfile"] | {"80"}
    multi = text(repository, "deploy/docker/Dockerfile.multipar")
    assert "PAR_MODE=supervisor" in multi and "PAR_CACHE_DIR=/tmp/pixell-runtime/packages" in multi


def test_everything_that_the_images_copy_reaches_the_builder(repository):
    ignored = text(repository, ".dockerignore").splitlines()
    for name in ["Dockerfile", "Dockerfile.multipar"]:
        for line in re.findall(r"^COPY (?!--from)(.*)$", text(repository, f"deploy/docker/{name}"), re.M):
            for source in line.split()[:-1]:
                assert (repository / source).exists(), source
                assert "!" + source.removeprefix("./") in ignored, source


@pytest.mark.parametrize("name", ["deploy/IAM_POLICY.md"])
def test_policies_are_json_and_never_everything(repository, name):
    blocks = re.findall(r"```json\n(.*?)```", text(repository, name), re.S)
    assert len(blocks) >= 5
    for block in blocks:
        for statement in json.loads(block)["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any(action.endswith("*") for action in actions)
            if statement.get("Resource") == "*":
                assert "Condition" in statement or statement["Sid"] in {"ImageToken", "Definitions"}
    task = json.loads(blocks[1])["Statement"]
    assert [one["Action"] for one in task] == ["s3:GetObject"]


def test_the_deployer_may_do_what_the_script_calls(repository):
    page = text(repository, "deploy/IAM_POLICY.md").split("## The deployer")[1]
    allowed = set(re.findall(r'"((?:ecr|ecs|logs|iam|sts):[A-Za-z]+)"', page))
    script = text(repository, "scripts/deploy_par.sh") + text(repository, "scripts/verify_deploy.sh")
    for service, command in set(re.findall(r"aws_here (ecr|ecs|logs) ([a-z-]+)", script)):
        if command in {"wait", "get-login-password"}:
            continue
        action = f"{service}:" + "".join(part.capitalize() for part in command.split("-"))
        assert action in allowed, action
    assert {"ecr:GetAuthorizationToken", "ecs:DescribeServices", "iam:PassRole"} <= allowed


def test_scripts_pass_shellcheck(repository):
    others = ["install-host", "install-par", "read-dotenv"]
    scripts = [*(repository / "scripts").glob("*.sh"), *(repository / "scripts" / name for name in others)]
    assert len(scripts) == 6
    done = subprocess.run([tool("shellcheck"), *map(str, scripts)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_workflows_pass_their_linters(repository):
    folder = repository / ".github/workflows"
    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *map(str, folder.glob("*.yml"))],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout
    done = subprocess.run([tool("zizmor"), "--offline", "--no-progress", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    deploy = yaml.safe_load((folder / "deploy.yml").read_text())
    assert deploy["jobs"]["deploy"]["permissions"]["id-token"] == "write"
    steps = {step["name"]: step for step in deploy["jobs"]["deploy"]["steps"] if "name" in step}
    assert "role-to-assume" in steps["Configure AWS credentials"]["with"]
    assert steps["Deploy PAR"]["run"].startswith("./scripts/deploy_par.sh")


def test_terraform_says_what_the_task_definition_says(repository):
    """Read as HCL; the provider that would check more is not to be had without its registry."""
    folder = repository / "deploy/terraform"
    parsed = {one.name: hcl2.loads(one.read_text()) for one in folder.glob("*.tf")}
    declared = {name.strip('"') for one in parsed["variables.tf"]["variable"] for name in one}
    used = set(re.findall(r"\bvar\.(\w+)", (folder / "main.tf").read_text()))
    assert used == declared
    main = (folder / "main.tf").read_text()
    template = json.loads(text(repository, f"deploy/{TEMPLATES[1]}"))
    container = template["containerDefinitions"][0]
    assert f'cpu                      = "{re.search(r":-(.*)}", template["cpu"])[1]}"' in main
    assert f"stopTimeout = {container['stopTimeout']}" in main
    for one in container["environment"]:
        default = re.fullmatch(r"\$\{\w+:-(.*)\}", one["value"])
        # What the program has as its own default needs no line.
        if default and one["name"] != "S3_BUCKET":
            assert f'{{ name = "{one["name"]}", value = "{default[1]}" }}' in main
    for one in container["mountPoints"]:
        assert f'containerPath = "{one["containerPath"]}"' in main and f'name = "{one["sourceVolume"]}"' in main
    page = text(repository, "deploy/ALB_HEALTH_CHECK.md")
    for name, key in [("interval", "interval"), ("unhealthy threshold", "unhealthy_threshold")]:
        value = re.search(rf"^\| {name} \| (\d+)", page, re.M)[1]
        assert re.search(rf"health_check \{{[^}}]*\b{key} +=  *{value}\n", main)
