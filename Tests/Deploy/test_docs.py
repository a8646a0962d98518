"""The code blocks of the deployment's pages: those that can run here are run, the others read."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

PAGES = ["docs/quickstart.md", "docs/deployment.md", "deploy/ALB_HEALTH_CHECK.md", "deploy/IAM_POLICY.md"]


def blocks(repository, page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (repository / page).read_text(), re.S | re.M)


@pytest.mark.parametrize("page", PAGES)
def test_shell_blocks_are_shell(repository, page):
    for block in blocks(repository, page, "sh"):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        assert done.returncode == 0, block + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_what_they_name_is_there(repository, page):
    text = (repository / page).read_text()
    named = re.findall(r"(?<![\w/.])((?:scripts|deploy|docs)/[\w./@-]*\w)", text)
    for name in set(named):
        assert (repository / name).exists(), name
    folder = (repository / page).parent
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (folder / target).exists(), target
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text):
        page_text = (folder / target).read_text() if target else text
        headings = {
            re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-")
            for one in re.findall(r"^#+ (.*)$", page_text, re.M)
        }
        assert anchor in headings, f"{target}#{anchor}"


def test_the_flags_of_the_table_are_the_scripts(repository):
    text = "".join((repository / page).read_text() for page in PAGES)
    script = (repository / "scripts/deploy_par.sh").read_text()
    for flag in set(re.findall(r"deploy_par\.sh[^`\n]*?(--[a-z-]+)", text)):
        assert flag in script, flag


def test_the_corrected_registration_is_accepted(repository, aws, checkout):
    """docs/deployment.md, "Multi-PAR", with the real AWS CLI."""
    block = next(one for one in blocks(repository, "docs/deployment.md", "sh") if "register-task" in one)
    (checkout.folder / "block.sh").write_text("set -e\ncd \"$(dirname \"$0\")\"\n" + block)
    (checkout.folder / "block.sh").chmod(0o755)
    (checkout.folder / "run").write_text("#!/bin/sh\nexec bash -e \"$(dirname \"$0\")/block.sh\"\n")
    (checkout.folder / "run").chmod(0o755)
    done = checkout.run("run", **aws.environment)
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
