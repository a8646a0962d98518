"""Which variables the agent sees, and which win."""

from __future__ import annotations

import json

import httpx
import pytest

from support import packages
from support.log import verdict


@pytest.fixture
def layered(tmp_path):
    """The same names in every source, so that each layer can be seen to win over the one below."""
    files = {
        ".env": "IN_ALL=env\nIN_THREE=env\nIN_TWO=env\nIN_ONE=env\n",
        "deploy.json": json.dumps({"environment": {"IN_ALL": "deploy", "IN_THREE": "deploy"}}),
    }
    return packages.probe(
        tmp_path / "layered.apkg",
        extra=files,
        environment={
            "IN_ALL": "manifest",
            "IN_THREE": "manifest",
            "IN_TWO": "manifest",
            "COMPOSED": "${IN_ONE}/${OPERATOR_ONLY}/${ABSENT:-fallback}",
            "UNKNOWN": "${NOWHERE}",
        },
    )


def test_the_operator_wins_over_deploy_over_manifest_over_dot_env(par, layered):
    run = par(layered, IN_ALL="operator", OPERATOR_ONLY="here")
    run.ready()
    seen = httpx.get(f"{run.base}/api/env").json()
    assert seen["IN_ALL"] == "operator"
    assert seen["IN_THREE"] == "deploy"
    assert seen["IN_TWO"] == "manifest"
    assert seen["IN_ONE"] == "env"
    assert seen["COMPOSED"] == "env/here/fallback"
    assert seen["UNKNOWN"] == "${NOWHERE}"
    assert any("NOWHERE" in line["message"] for line in run.events("warning"))
    assert run.stop() == 0


def test_what_is_the_runtime_s_own_does_not_reach_the_agent(par, probe):
    run = par(
        probe,
        PACKAGE_URL="https://user:hunter2hunter2@example.invalid/a.apkg?token=topsecret123",
        SUPERVISOR_TOKEN="supervisor-secret",
        LISTEN_NAMES="x",
    )
    run.ready()
    seen = httpx.get(f"{run.base}/api/env").json()
    own = ("PACKAGE_", "SUPERVISOR_", "PAR_", "LISTEN_", "WATCHDOG_", "NOTIFY_SOCKET")
    assert [name for name in seen if name.startswith(own)] == []
    assert seen["AGENT_APP_ID"] == "probe"
    assert run.stop() == 0


def test_no_secret_reaches_the_log(par, probe):
    secrets = {
        "OPENAI_API_KEY": "sk-this-is-a-key-12345",
        "DB_PASSWORD": 'quo"te\\back/slash-pw',
        "GITHUB_TOKEN": "ghp_0123456789abcdef",
    }
    run = par(
        probe,
        PACKAGE_URL="https://user:hunter2hunter2@example.invalid/a.apkg?X-Amz-Signature=cafebabe99",
        **secrets,
    )
    run.ready()
    for value in secrets.values():
        httpx.get(f"{run.base}/api/print", params={"text": f"before {value} after"})
    httpx.get(f"{run.base}/api/print", params={"text": "done", "stream": "stderr"})
    run.wait("agent_output", line="done")
    assert len([x for x in run.events("agent_output") if x["line"].startswith("before ")]) == 3
    assert run.stop() == 0
    text = json.dumps(run.lines)
    for value in [*secrets.values(), "hunter2hunter2", "cafebabe99"]:
        assert json.dumps(value)[1:-1] not in text


STRADDLE = """
import os, sys
def mount(app):
    @app.get("/api/straddle")
    def straddle(at: int, stream: str, filling: int):
        secret = os.environ["SERVICE_TOKEN"]
        # In front: what one byte of output becomes more than one byte of the log of.
        character = ("x", '"', "\\u00e9")[filling]
        out = getattr(sys, stream)
        for start in range(at - len(secret) - 64, at + 64, 4):
            head = character * (start // len(character.encode()))
            print(head + secret + "y" * 6000, file=out, flush=True)
        # What is hidden becomes shorter, and brings what is behind it into the line's bound.
        print((secret + ".") * (at // len(secret) + 9), file=out)
        print("straddled", at, filling, file=out, flush=True)
"""


def test_a_secret_across_any_bound_of_a_line_is_nowhere_in_the_log(par, tmp_path):
    secret = "q1w2e3r4t5z6u7i8o9p0a1s2d3f4g5h6"
    package = packages.archive(tmp_path / "p.apkg", packages.rest_files(STRADDLE))
    run = par(package, SERVICE_TOKEN=secret)
    run.ready()
    # In pieces that are read before the next: of more than 1 MiB that waits, lines are dropped.
    for at in (8 * 1024, 16 * 1024, 20 * 1024):
        for stream in ("stdout", "stderr"):
            for filling in range(3):
                query = {"at": at, "stream": stream, "filling": filling}
                answer = httpx.get(f"{run.base}/api/straddle", params=query, timeout=30)
                assert answer.status_code == 200
                run.wait("agent_output", line=f"straddled {at} {filling}", stream=stream)
    assert run.stop() == 0
    said = run.events("agent_output")
    assert len(said) > 300
    text = "\n".join(line["line"] for line in said)
    # Neither whole nor a piece of it.
    pieces = {secret[i : i + 6] for i in range(len(secret) - 5)}
    assert [piece for piece in pieces if piece in text] == []


@pytest.mark.parametrize("size", [6_000, 100_000])
def test_a_long_value_reaches_the_agent_whole(par, probe, size):
    value = "0123456789" * (size // 10)
    run = par(probe, OPERATOR_VALUE=value)
    run.ready()
    assert httpx.get(f"{run.base}/api/env").json()["OPERATOR_VALUE"] == value
    assert run.stop() == 0


def test_many_variables_and_a_long_description_boot(par, tmp_path):
    variables = {f"FROM_MANIFEST_{i}": f"{i}" * 250 for i in range(10, 70)}
    description = "what it is for " * (20 * 1024 // 15)
    package = packages.probe(
        tmp_path / "p.apkg", environment=variables, description=description
    )
    run = par(package)
    run.ready()
    seen = httpx.get(f"{run.base}/api/env").json()
    assert {name: seen.get(name) for name in variables} == variables
    told = httpx.get(f"{run.base}/agents/probe/meta").json()["description"]
    assert description.startswith(told[:1000]) and len(told) >= 1000
    assert run.stop() == 0


def test_agent_output_is_wrapped_line_by_line(par, probe):
    run = par(probe)
    run.ready()
    with httpx.Client(base_url=run.base) as client:
        client.get("/api/print", params={"text": "one\ntwo\x1b[31m red", "stream": "stderr"})
        client.get("/api/print", params={"text": "x", "times": 1_000_000})
        client.get("/api/print", params={"text": "the next line"})
    run.wait("agent_output", line="one", stream="stderr")
    red = next(x for x in run.events("agent_output") if "red" in x["line"])
    assert red["line"].startswith("two")
    run.wait("agent_output", stream="stdout", line="the next line")
    said = run.events("agent_output", stream="stdout")
    assert len(said) == 2, "a long line is one line, cut"
    long = said[0]
    assert long["line"].startswith("xxx") and len(json.dumps(long)) <= 16 * 1024 + 64
    for line in run.events("agent_output"):
        assert "state" not in line
    assert run.stop() == 0


def test_bad_utf8_from_the_agent_does_not_break_the_log(par, tmp_path):
    module = (
        "import os\nos.write(1, b'caf\\xe9 \\xff\\xfe ok\\n')\n"
        "def mount(app): pass\n"
    )  # fmt: skip
    run = par(packages.archive(tmp_path / "p.apkg", packages.rest_files(module)))
    run.ready()
    line = run.wait("agent_output")["line"]
    assert line.startswith("caf") and line.endswith("ok")
    assert run.stop() == 0


def test_the_program_s_own_lines_are_compact_and_ordered(par, probe, environment):
    import subprocess

    from support.program import PROGRAM, DEADLINE

    # Raw bytes: what jq and grep see.
    process = subprocess.Popen(
        [str(PROGRAM), "run", str(probe)],
        env={**environment},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        raw = []
        for line in process.stdout:
            raw.append(line)
            if b'"event":"runtime_ready"' in line:
                process.terminate()
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert b'"event":"load"' in b"".join(raw)
    assert b'"boot_ms":' in b"".join(raw)
    common = ["timestamp", "level", "event", "seq", "run_id", "agentAppId"]
    for line in raw:
        value = json.loads(line)
        assert list(value)[: len(common)] == common
        if value["event"] != "agent_output":
            compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            assert len(compact.encode()) == len(line) - 1, "blanks or escaped slashes in the line"
    assert verdict(b"".join(raw).decode()).returncode == 0
