"""Fixtures: `par` starts the program, and after the test checks every log and every process of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import grpc_agent, log, packages  # noqa: E402
from support.gate import Gate  # noqa: E402
from support.program import (  # noqa: E402
    PROGRAM,
    REPOSITORY,
    Run,
    inherited_environment,
    shown_line,
)


@pytest.fixture(scope="session", autouse=True)
def program() -> Path:
    if not os.access(PROGRAM, os.X_OK):
        pytest.exit(f"{PROGRAM} is not there: make build", returncode=2)
    return PROGRAM


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests that are not about the cache: each environment is installed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def runtime() -> Iterator[Path]:
    """The run's own folder; short, because a Unix socket's path ends after 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="par-e2e-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def variables(cache: Path, runtime: Path) -> dict[str, str]:
    return {
        **inherited_environment(),
        "AGENT_APP_ID": "probe",
        "BIND_ADDRESS": "127.0.0.1",
        "REST_PORT": "0",
        "A2A_PORT": "0",
        "UI_PORT": "0",
        "PAR_CACHE_DIR": str(cache),
        "RUNTIME_DIRECTORY": str(runtime),
        "TMPDIR": str(runtime),
        # A loaded machine must not fail a test that is not about the budget.
        "BOOT_HARD_LIMIT_MULTIPLIER": "0",
    }


@pytest.fixture
def environment(shared_cache: Path, runtime: Path) -> dict[str, str]:
    """What the program is started with when a test says nothing else."""
    return variables(shared_cache, runtime)


class Starter:
    """Starts runs; `checked=False` for a run that leaves no whole log on purpose."""

    def __init__(self, environment: dict[str, str], runtime: Path) -> None:
        self.environment = environment
        self.runtime = runtime
        self.runs: list[tuple[Run, bool]] = []

    def __call__(
        self,
        *arguments: Any,
        command: Optional[Sequence[str]] = None,
        stdout: Optional[int] = None,
        before_exec: Optional[Callable[[], None]] = None,
        checked: bool = True,
        **variables: Any,
    ) -> Run:
        """A variable given as None is unset."""
        environment = {**self.environment, **{k: str(v) for k, v in variables.items()}}
        for name, value in variables.items():
            if value is None:
                del environment[name]
        run = Run(
            [str(one) for one in arguments],
            environment,
            runtime=self.runtime,
            command=command,
            stdout=stdout,
            before_exec=before_exec,
        )
        self.runs.append((run, checked and stdout is None))
        return run

    def finish(self) -> None:
        """Ends what still runs, and fails for whatever is wrong with a log, a process or a folder."""
        problems: list[str] = []
        for run, checked in self.runs:
            if run.process.poll() is None:
                run.send()
                try:
                    run.exit()
                except AssertionError as error:
                    problems.append(str(error))
            left = run.clean_up()
            if left:
                problems.append("processes left behind: " + "; ".join(left))
            if not checked:
                continue
            problems += log.problems(
                run.lines, cut_off=run.process.returncode < 0, raw=bytes(run.raw)
            )
            problems += [f"stdout holds more than the log: {one!r}" for one in run.other[:3]]
            ends = [line for line in run.lines if line.get("event") == "stopped"]
            if run.process.returncode >= 0:
                if not ends or run.lines[-1] is not ends[0]:
                    problems.append("the last line is not `stopped`")
                elif ends[0]["exit_code"] != run.process.returncode:
                    problems.append(
                        f"exit code {run.process.returncode}, logged {ends[0]['exit_code']}"
                    )
        leftovers = sorted(str(one) for one in self.runtime.rglob("*"))
        # A run that was killed cannot have cleaned up.
        if leftovers and all(run.process.returncode >= 0 for run, _ in self.runs):
            problems.append(f"left in the runtime folder: {leftovers[:10]}")
        if problems:
            logs = "\n\n".join(
                "\n".join(shown_line(line) for line in run.lines[-60:]) for run, _ in self.runs
            )
            pytest.fail("\n".join(problems) + "\n\n" + logs, pytrace=False)


@pytest.fixture
def par(environment: dict[str, str], runtime: Path) -> Iterator[Starter]:
    starter = Starter(environment, runtime)
    yield starter
    starter.finish()


@pytest.fixture(scope="module")
def module_par(shared_cache: Path) -> Iterator[Starter]:
    """For a run that all tests of a file share."""
    runtime = Path(tempfile.mkdtemp(prefix="par-e2e-"))
    starter = Starter(variables(shared_cache, runtime), runtime)
    yield starter
    try:
        starter.finish()
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with routes for every purpose."""
    return packages.probe(tmp_path_factory.mktemp("probe") / "probe.apkg")


@pytest.fixture(scope="session")
def grpc_probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package whose gRPC service has a method for every purpose, and the routes of `probe`."""
    return grpc_agent.kit_build(tmp_path_factory.mktemp("grpc-probe"), grpc_agent.probe_files())


def pixell(*arguments: str, cwd: Path) -> None:
    """pixell-kit's own command line, from the environment that the tests run in."""
    executable = Path(sys.executable).with_name("pixell")
    done = subprocess.run(
        [str(executable), *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def kit_template(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Builds an untouched pixell-kit template: `pixell init`, `.env`, `pixell build`."""
    folder = tmp_path_factory.mktemp("kit")
    built: dict[tuple[str, ...], Path] = {}

    def build(*surfaces: str) -> Path:
        if surfaces not in built:
            name = "-".join(surfaces) or "all"
            choice = [part for surface in surfaces for part in ("--surface", surface)]
            pixell("init", name, *choice, cwd=folder)
            (folder / name / ".env").write_text((folder / name / ".env.example").read_text())
            output = folder / f"{name}-built"
            output.mkdir()
            pixell("build", "--path", str(folder / name), "--output", str(output), cwd=folder)
            built[surfaces] = next(output.glob("*.apkg"))
        return built[surfaces]

    return build


__all__ = ["REPOSITORY"]
