"""Verifying and installing: the steps, the installers, the interpreters."""

from __future__ import annotations

from typing import Iterator

from .cell import SHORT_LIMIT, Cell
from .ends import Failed, GoesOn
from .faults import (
    change_package,
    hold_install_lock,
    kill_installer,
    kill_pip,
    kill_step,
    replace_package,
    start,
    stop_installer,
    stop_pip,
    stop_step,
)
from .scenes import (
    HANG,
    installing,
    installing_with_pip,
    interpreters,
    uses_pip,
    uses_uv,
    verifying,
)

HARD_LIMIT = Failed("verify", "hard limit of 4 s", "hard-limit", cause="hard_limit")
INSTALL_TIMEOUT = Failed("install", "installation took longer than 3 s", "install-timeout")
LIMITED = {"INSTALL_TIMEOUT_SEC": 3}


def rows() -> Iterator[Cell]:
    yield from verify_rows()
    yield from interpreter_rows()
    yield from install_rows()
    yield from uv_rows()
    yield from pip_rows()


def verify_rows() -> Iterator[Cell]:
    yield Cell(
        "verifying", "the step is killed", verifying(), kill_step("verify"),
        Failed("verify", "the verify step was ended by SIGKILL", "step-ended"), 2,
    )  # fmt: skip
    yield Cell(
        "verifying", "the step is stopped (SIGSTOP)", verifying(**SHORT_LIMIT), stop_step("verify"),
        HARD_LIMIT, 6,
    )  # fmt: skip
    yield Cell(
        "verifying", "the package is changed", verifying(), change_package,
        Failed("verify", "changed while it was read", "package-changed"), 5,
    )  # fmt: skip
    yield Cell(
        "verifying", "the package is replaced by another (rename)", verifying(), replace_package,
        GoesOn(), 8,
    )  # fmt: skip


def interpreter_rows() -> Iterator[Cell]:
    """The package asks for a Python that only the prepared PATH has."""
    for words, kind, error in (
        ("is a folder", "folder", "wants Python 3.38"),
        ("may not be executed", "plain", "wants Python 3.38"),
        ("is a script", "script", "wants Python 3.38"),
        ("is absent", "absent", "wants Python 3.38"),
    ):
        yield Cell(
            "verifying", f"the interpreter {words}", interpreters(kind), start("newest"),
            Failed("verify", error, "interpreter"), 3,
        )  # fmt: skip
    for installer in ("uv", "pip"):
        yield Cell(
            "installing", f"the interpreter is a broken file ({installer})",
            interpreters("truncated"), start("newest", PAR_INSTALLER=installer),
            Failed("install", "3.38", "installer"), 5,
        )  # fmt: skip
    yield Cell(
        "verifying", "an interpreter that is asked for its version hangs",
        interpreters("hangs"), start("newest", **SHORT_LIMIT), HARD_LIMIT, 7,
    )  # fmt: skip


def install_rows() -> Iterator[Cell]:
    yield Cell(
        "installing", "the step is killed", installing(), kill_step("install"),
        Failed("install", "the install step was ended by SIGKILL", "step-ended"), 2,
    )  # fmt: skip
    yield Cell(
        "installing", "the step is stopped (SIGSTOP)", installing(**LIMITED), stop_step("install"),
        INSTALL_TIMEOUT, 5,
    )  # fmt: skip
    yield Cell(
        "installing", "another boot holds the environment's lock", uses_uv(),
        hold_install_lock, INSTALL_TIMEOUT, 8,
    )  # fmt: skip


def uv_rows() -> Iterator[Cell]:
    boot = start("requirement", PAR_INSTALLER="uv", **LIMITED)
    yield Cell("installing", "nothing: uv works", uses_uv(), boot, GoesOn(), 5)
    yield Cell(
        "installing", "uv is killed", installing(), kill_installer,
        Failed("install", "uv was ended by SIGKILL", "installer"), 2,
    )  # fmt: skip
    yield Cell(
        "installing", "uv is stopped (SIGSTOP)", installing(**LIMITED), stop_installer,
        INSTALL_TIMEOUT, 5,
    )  # fmt: skip
    yield Cell(
        "installing", "uv takes longer than the hard limit, which does not count it",
        uses_uv(pip="sleep 5"), start("requirement", PAR_INSTALLER="uv", **SHORT_LIMIT), GoesOn(), 14,
    )  # fmt: skip
    yield Cell("installing", "uv hangs", uses_uv(pip=HANG), boot, INSTALL_TIMEOUT, 5)
    yield Cell(
        "installing", "uv hangs while it makes the environment", uses_uv(venv=HANG), boot,
        INSTALL_TIMEOUT, 5,
    )  # fmt: skip
    for words, where, shell, error, anchor in (
        ("uv fails", "pip", "echo 'no such package' >&2; exit 2", "uv ended with status 2", "requirements"),
        ("uv fails without a word", "pip", "exit 1", "uv", "requirements"),
        ("uv fails in making the environment", "venv", "exit 3", "uv could not make", "installer"),
        ("uv crashes", "pip", "kill -SEGV $$", "uv was ended by SIGSEGV", "installer"),
        (
            "uv writes garbage and fails", "pip",
            "head -c 300000 /dev/urandom; exit 1", "uv", "requirements",
        ),
        (
            "uv writes one endless line and fails", "pip",
            "head -c 20000000 /dev/zero | tr '\\0' x; exit 1", "uv", "requirements",
        ),
        (
            "uv finds the disk full", "pip",
            "echo 'error: No space left on device (os error 28)'; exit 2", "disk is full",
            "disk-full",
        ),
        (
            "uv says that it worked and made nothing", "venv", 'rm -rf "$last"',
            "the environment it made has no", "installer",
        ),
    ):  # fmt: skip
        yield Cell(
            "installing", words, uses_uv(**{where: shell}), boot, Failed("install", error, anchor), 4
        )
    yield Cell(
        "installing", "uv never stops writing", uses_uv(pip="exec yes 'Downloading more'"), boot,
        INSTALL_TIMEOUT, 5,
    )  # fmt: skip
    yield Cell(
        "installing", "uv leaves a process that keeps its output open",
        uses_uv(pip="sleep 1000 &"), boot, GoesOn(), 5,
    )  # fmt: skip
    yield Cell(
        "installing", "uv leaves a process in a session of its own",
        uses_uv(pip="setsid -f sleep 1000 >/dev/null 2>&1 </dev/null"), boot, GoesOn(), 5,
    )  # fmt: skip
    for words, kind in (
        ("uv is a script whose interpreter is absent", "absent interpreter"),
        ("uv is no program", "no program"),
    ):
        yield Cell(
            "installing", words, uses_uv(kind=kind), boot,
            Failed("install", "uv cannot be executed", "installer"), 3,
        )  # fmt: skip
    yield Cell(
        "installing", "the environment loses its Python before it is used",
        uses_uv(pip='rm "$HOME"/cache/environments/*/bin/python'), boot,
        Failed("install", "the environment it made has no", "installer"), 4,
    )  # fmt: skip


def pip_rows() -> Iterator[Cell]:
    """The real pip; its environment takes seconds to make."""
    yield Cell(
        "installing", "pip finds no such project", uses_pip("wheelhouse", real_venv=True),
        start("requirement", PAR_INSTALLER="pip"),
        Failed("install", "tagged", "requirements"), 60,
    )  # fmt: skip
    yield Cell(
        "installing", "pip's index does not answer", uses_pip("silent index"),
        start("requirement", PAR_INSTALLER="pip", INSTALL_TIMEOUT_SEC=6),
        Failed("install", "installation took longer than 6 s", "install-timeout"), 8,
    )  # fmt: skip
    yield Cell(
        "installing", "pip's index answers with garbage", uses_pip("garbage index"),
        start("requirement", PAR_INSTALLER="pip"),
        Failed("install", "tagged", "requirements"), 40,
    )  # fmt: skip
    for words, strike in (("killed", kill_pip), ("stopped (SIGSTOP)", stop_pip)):
        yield Cell(
            "installing", f"pip is {words}", installing_with_pip(INSTALL_TIMEOUT_SEC=6), strike,
            Failed("install", "python was ended by SIGKILL", "installer") if strike is kill_pip
            else Failed("install", "installation took longer than 6 s", "install-timeout"), 8,
        )  # fmt: skip
