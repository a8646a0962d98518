"""scripts/deploy_par.sh with the real AWS CLI against moto."""

from __future__ import annotations

import json
import re

import pytest

SCRIPT = "scripts/deploy_par.sh"
PREFIX = "123456789012.dkr.ecr.us-east-2.amazonaws.com/pixell-agent-runtime"


def environment_of(definition) -> dict[str, str]:
    container = definition["containerDefinitions"][0]
    return {one["name"]: one["value"] for one in container["environment"]}


def test_update_only_registers_the_filled_definition_and_moves_the_service(aws, checkout, variables):
    done = checkout.run(SCRIPT, "--update-only", IMAGE_TAG="v1", PACKAGE_SHA256="A" * 64, **variables)
    assert done.returncode == 0, done.stderr
    assert aws.revisions() == ["pixell-agent-runtime:1", "pixell-agent-runtime:2"]
    assert aws.service()["taskDefinition"].endswith("pixell-agent-runtime:2")
    definition = aws.definition("pixell-agent-runtime:2")
    container = definition["containerDefinitions"][0]
    assert container["name"] == "agent-runtime"
    assert container["image"] == f"{PREFIX}:v1"
    assert container["stopTimeout"] == 35
    assert container["readonlyRootFilesystem"] is True
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/ecs/pixell-agent-runtime"
    assert {one["containerPort"] for one in container["portMappings"]} == {8080, 50051, 3000}
    assert environment_of(definition) == {
        "AGENT_APP_ID": "my-agent-id",
        "PACKAGE_URL": "s3://pixell-agent-packages/my-agent/package.apkg",
        "PACKAGE_SHA256": "A" * 64,
        "AWS_REGION": "us-east-2",
        "S3_BUCKET": "pixell-agent-packages",
        "REST_PORT": "8080",
        "A2A_PORT": "50051",
        "UI_PORT": "3000",
        "MULTIPLEXED": "true",
        "MAX_PACKAGE_SIZE_MB": "100",
        "BOOT_BUDGET_MS": "5000",
        "BOOT_HARD_LIMIT_MULTIPLIER": "2.0",
        "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "30",
        "DRAIN_MIN_SEC": "12",
        "WHEELHOUSE_DIR": "/opt/wheelhouse",
        "PAR_CACHE_DIR": "/var/cache/par",
    }
    mounts = {one["sourceVolume"]: one for one in container["mountPoints"]}
    assert mounts["wheelhouse-cache"]["containerPath"] == "/opt/wheelhouse"
    assert mounts["wheelhouse-cache"]["readOnly"] is True
    assert checkout.docker() == []


def test_rollback_goes_back_one_revision_at_a_time_and_stops_at_the_oldest(aws, checkout, variables):
    # Ten revisions: the tenth is after the ninth, not after the first.
    for image in range(2, 11):
        aws.deploy(f"v{image}")
    ecs = aws.client("ecs")
    for revision in range(2, 9):
        ecs.deregister_task_definition(taskDefinition=f"pixell-agent-runtime:{revision}")
    # The rollback needs neither package nor image.
    few = {k: v for k, v in variables.items() if k.startswith(("AWS", "ECS"))}
    for revision in [9, 1]:
        done = checkout.run(SCRIPT, "--rollback", **few)
        assert done.returncode == 0, done.stderr
        assert aws.service()["taskDefinition"].endswith(f":{revision}")
    done = checkout.run(SCRIPT, "--rollback", **few)
    assert done.returncode == 1
    assert "nothing to go back to" in done.stderr
    assert aws.service()["taskDefinition"].endswith(":1")


def test_a_full_deployment_builds_pushes_and_updates(aws, checkout, variables):
    done = checkout.run(SCRIPT, **variables)
    assert done.returncode == 0, done.stderr
    build, login, push = checkout.docker()
    tag = re.fullmatch(
        rf"buildx build --platform linux/amd64 --load -t {PREFIX}:([0-9a-f]+-\d{{8}}-\d{{6}}) "
        r"-f deploy/docker/Dockerfile \.",
        build,
    )
    assert tag, build
    assert login == f"login --username AWS --password-stdin {PREFIX.split('/')[0]}"
    assert push == f"push {PREFIX}:{tag[1]}"
    image = aws.definition("pixell-agent-runtime:2")["containerDefinitions"][0]["image"]
    assert image == f"{PREFIX}:{tag[1]}"


def test_build_only_needs_no_aws(checkout):
    path = f"{checkout.tools}:{checkout.only_tools('bash', 'git', 'date', 'dirname', 'cat', 'grep', 'tr', 'sort')}"
    done = checkout.run(SCRIPT, "--build-only", path=path)
    assert done.returncode == 0, done.stderr
    assert checkout.docker()[0].startswith("buildx build --platform linux/amd64 --load -t par-local:")


def test_push_only_leaves_the_service_alone(aws, checkout, variables):
    done = checkout.run(SCRIPT, "--push-only", **variables)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in checkout.docker()] == ["buildx", "login", "push"]
    assert aws.revisions() == ["pixell-agent-runtime:1"]


def test_everything_missing_is_named_at_once(checkout):
    path = checkout.only_tools("bash", "dirname", "cat", "grep", "tr", "sort")
    done = checkout.run(SCRIPT, path=path)
    assert done.returncode == 1
    for name in [
        "docker", "git", "aws", "jq", "AGENT_APP_ID", "PACKAGE_URL", "AWS_REGION", "AWS_ACCOUNT_ID",
        "ECR_REPO", "ECS_CLUSTER", "ECS_SERVICE",
    ]:
        assert re.search(rf"^Error: {name} ", done.stderr, re.M), (name, done.stderr)
    assert done.stderr.endswith("Nothing was done.\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"PACKAGE_URL": "file:///x.apkg"}, "file:// URLs are not allowed"),
        ({"PACKAGE_URL": "http://x/y"}, "PACKAGE_URL must be"),
        ({"PACKAGE_SHA256": "abc"}, "PACKAGE_SHA256 must be 64"),
        ({"IMAGE_TAG": ""}, "IMAGE_TAG must be set"),
        ({"IMAGE_TAG": "other"}, "has no image with the tag other"),
        ({"ECS_SERVICE": "other"}, "no active service other"),
        ({"ECS_CLUSTER": "other"}, "no active service pixell-runtime in cluster other"),
        ({"AWS_ACCOUNT_ID": "000000000000"}, "the credentials are of account 123456789012"),
        ({"IMAGE_PLATFORM": "linux/mips"}, "IMAGE_PLATFORM must be"),
        ({"AGENT_SECRETS": "nonsense"}, "AGENT_SECRETS: entries are NAME=ARN"),
        ({"TASK_TEMPLATE": "nowhere.json"}, "TASK_TEMPLATE=nowhere.json is not there"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_done(aws, checkout, variables, change, sentence):
    done = checkout.run(SCRIPT, "--update-only", **{**variables, "IMAGE_TAG": "v1", **change})
    assert done.returncode != 0
    assert sentence in done.stderr
    assert aws.revisions() == ["pixell-agent-runtime:1"]


def test_a_revision_that_the_service_did_not_take_is_taken_back(aws, checkout, variables):
    checkout.tool(
        "aws",
        'case "$*" in *update-service*) echo "AccessDenied" >&2; exit 254;; esac\n'
        'PATH=${PATH#*:} exec aws "$@"',
    )
    done = checkout.run(SCRIPT, "--update-only", IMAGE_TAG="v1", **variables)
    assert done.returncode == 1
    assert "still runs" in done.stderr
    assert aws.revisions() == ["pixell-agent-runtime:1"]
    assert aws.service()["taskDefinition"].endswith(":1")


def test_a_dry_run_changes_nothing_and_shows_no_signature(aws, checkout, variables):
    variables["PACKAGE_URL"] = "https://x.example/p.apkg?X-Amz-Signature=abc"
    done = checkout.run(SCRIPT, "--dry-run", "--wait", **variables)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert environment_of(shown)["PACKAGE_URL"] == "https://x.example/p.apkg?***"
    assert "abc" not in done.stdout + done.stderr
    assert "docker buildx build" in done.stderr and "aws ecs update-service" in done.stderr
    assert aws.revisions() == ["pixell-agent-runtime:1"]
    assert checkout.docker() == []


def filled(done) -> dict:
    """The task definition that a dry run shows."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_dotenv_is_shell_and_loses_to_the_caller(checkout, variables):
    (checkout.folder / ".env").write_text(
        "# a comment\n"
        "AGENT_APP_ID=from-file\n"
        'DEPLOYMENT_ID="deploy-$(echo 1)"\n'
        "BASE_PATH=/agents/${AGENT_APP_ID}\n"
        "IMAGE_TAG=v1\n"
        "ECS_CLUSTER=nowhere\n"
        "STREAM_DRAIN_SEC=\n"
        "LOG_LEVEL='debug'  # why not\n"
    )
    done = checkout.run(SCRIPT, "--update-only", "--dry-run", **variables)
    environment = environment_of(filled(done))
    assert environment["AGENT_APP_ID"] == "my-agent-id"
    assert environment["BASE_PATH"] == "/agents/my-agent-id"
    assert environment["DEPLOYMENT_ID"] == "deploy-1"
    assert environment["LOG_LEVEL"] == "debug"
    assert "STREAM_DRAIN_SEC" not in environment
    assert "--cluster pixell-runtime-cluster" in done.stderr


def test_the_example_is_a_dotenv_that_deploys(checkout, repository):
    (checkout.folder / ".env").write_text((repository / "deploy/.env.example").read_text())
    definition = filled(checkout.run(SCRIPT, "--update-only", "--dry-run", IMAGE_TAG="v1"))
    assert environment_of(definition)["AGENT_APP_ID"] == "my-agent-id"


def test_secrets_and_the_wheelhouse_reach_the_definition(checkout, variables):
    arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:pixell/key-AbCdEf"
    definition = filled(
        checkout.run(
            SCRIPT, "--update-only", "--dry-run", IMAGE_TAG="v1", AGENT_SECRETS=f"OPENAI_API_KEY={arn}",
            WHEELHOUSE_FILE_SYSTEM_ID="fs-1", IMAGE_PLATFORM="linux/arm64", **variables,
        )
    )
    assert definition["containerDefinitions"][0]["secrets"] == [{"name": "OPENAI_API_KEY", "valueFrom": arn}]
    volume = next(one for one in definition["volumes"] if one["name"] == "wheelhouse-cache")
    assert volume["efsVolumeConfiguration"]["fileSystemId"] == "fs-1"
    assert "accessPointId" not in volume["efsVolumeConfiguration"]["authorizationConfig"]
    assert definition["runtimePlatform"]["cpuArchitecture"] == "ARM64"


def test_the_corrected_multi_par_definition_has_the_guides_names(checkout, variables):
    done = checkout.run(
        SCRIPT, "--dry-run", TASK_TEMPLATE="deploy/ecs-task-definition-multipar.json",
        DOCKERFILE="deploy/docker/Dockerfile.multipar", IMAGE_TAG="multipar",
        SUPERVISOR_CONFIG="s3://pixell-agent-packages/agents.yaml",
        SUPERVISOR_TOKEN_ARN="arn:aws:secretsmanager:us-east-2:123456789012:secret:pixell/t-AbCdEf",
        **{**variables, "ECR_REPO": "pixell-runtime", "AGENT_APP_ID": "", "PACKAGE_URL": ""},
    )
    definition = filled(done)
    assert "-f deploy/docker/Dockerfile.multipar" in done.stderr
    container = definition["containerDefinitions"][0]
    assert definition["family"] == "pixell-runtime"
    assert definition["executionRoleArn"].endswith("role/pixell-agent-runtime-execution-role")
    assert (definition["cpu"], definition["memory"]) == ("512", "1024")
    assert container["name"] == "pixell-runtime"
    assert container["image"].endswith("/pixell-runtime:multipar")
    assert container["portMappings"][0]["containerPort"] == 80
    assert container["stopTimeout"] == 35
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/ecs/pixell-runtime"
    assert environment_of(definition)["PAR_MODE"] == "supervisor"
    assert container["secrets"][0]["name"] == "SUPERVISOR_TOKEN"


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--build-only", "--rollback"]])
def test_a_wrong_command_line_is_status_2(checkout, arguments):
    assert checkout.run(SCRIPT, *arguments).returncode == 2


def test_wait_shows_the_new_tasks_log_by_trace(aws, checkout, variables, program):
    log = program.run_log()
    aws.deploy("v2")
    aws.deploy("v3")
    old = aws.task("pixell-agent-runtime:1", "not this one\n")
    new = aws.task("pixell-agent-runtime:2", log)
    done = checkout.run(SCRIPT, "--rollback", "--wait", PAR_LIFECYCLE=str(program.path), **variables)
    assert done.returncode == 0, done.stderr
    assert f"Log of task {new}" in done.stderr and old not in done.stderr
    assert "conforms" in done.stdout, done.stdout


def test_wait_fails_when_the_log_does_not_conform(aws, checkout, variables, program):
    lines = program.run_log().splitlines()
    aws.deploy("v2")
    aws.deploy("v3")
    aws.task("pixell-agent-runtime:2", "\n".join(lines[:1] + lines[2:]))
    done = checkout.run(SCRIPT, "--rollback", "--wait", PAR_LIFECYCLE=str(program.path), **variables)
    assert done.returncode == 1
