"""The machine around a run: disks, descriptors, processes, permissions, ports."""

from __future__ import annotations

from typing import Iterator

from .cell import Cell
from .ends import Either, Failed, GoesOn
from .faults import all_of, ask, kill_worker, lower_descriptors, start, start_agent
from .scenes import GOOD, ready, serving, uses_uv
from .surroundings import (
    all_of as scenes,
)
from .surroundings import (
    as_user,
    cache_is,
    few_processes,
    limited,
    little_memory,
    package_is,
    port_taken,
    small_disk,
    variables,
)

REQUIREMENT = {"PAR_INSTALLER": "uv"}
CACHE = "cache-folder"
NO_CACHE = "unpacking the package into .* failed"


def rows() -> Iterator[Cell]:
    yield from disk_rows()
    yield from permission_rows()
    yield from descriptor_rows()
    yield from process_limit_rows()
    yield from port_rows()
    yield from service_rows()
    yield from memory_rows()


def disk_rows() -> Iterator[Cell]:
    yield Cell(
        "verifying", "the cache's disk is too small (ENOSPC)", small_disk(2 << 20), start("large"),
        Failed("verify", "not enough space", "disk-full"), 4, root=True,
    )  # fmt: skip
    yield Cell(
        "verifying", "the cache's disk is full (ENOSPC)", small_disk(64 << 10, filled=True),
        start("probe"), Failed("verify", "space|disk is full", "disk-full"), 4, root=True,
    )  # fmt: skip
    yield Cell(
        "installing", "the cache's disk fills up (ENOSPC)",
        scenes(small_disk(3 << 20), uses_uv(pip='cat /dev/zero >"$TMPDIR/x" || exit 1')),
        start("requirement", **REQUIREMENT),
        Failed("install", "disk is full", "disk-full"), 5, root=True,
    )  # fmt: skip
    yield Cell(
        "verifying", "no file may be larger than 64 KiB (RLIMIT_FSIZE)", limited(fsize=64 << 10),
        start("large"), Failed("verify", "the disk is full", "disk-full"), 4,
    )  # fmt: skip
    yield Cell(
        "verifying", "no file may be written at all (RLIMIT_FSIZE)", limited(fsize=0),
        start("probe"), Failed("verify", "the disk is full", "disk-full"), 4,
    )  # fmt: skip
    yield Cell(
        "installing", "no file may be larger than 256 bytes (RLIMIT_FSIZE)",
        scenes(limited(fsize=64 << 10), uses_uv(pip='head -c 100000 /dev/zero >"$TMPDIR/x" || exit 7')),
        start("requirement", **REQUIREMENT), Failed("install", "uv ended with status 7", "requirements"), 4,
    )  # fmt: skip


def permission_rows() -> Iterator[Cell]:
    for words, kind, anchor in (
        ("the cache is a file (ENOTDIR)", "file", CACHE),
        ("the cache's parent is a file (ENOTDIR)", "beneath a file", CACHE),
        ("the cache is a link to nowhere", "dangling link", CACHE),
        ("the cache is a link to itself (ELOOP)", "loop", CACHE),
        ("`packages` in the cache is a file", "packages is a file", CACHE),
        ("the cache's path is too long (ENAMETOOLONG)", "long", CACHE),
    ):
        yield Cell(
            "verifying", words, cache_is(kind), start("probe"), Failed("verify", NO_CACHE, anchor), 3
        )
    yield Cell(
        "installing", "`environments` in the cache is a file",
        scenes(uses_uv(), cache_is("environments is a file")), start("requirement", **REQUIREMENT),
        Failed("install", "installing the environment into .* failed", CACHE), 3,
    )  # fmt: skip
    for words, kind in (
        ("the cache is another user's (EACCES)", "theirs"),
        ("the cache cannot be made (EACCES)", "beneath theirs"),
        ("the cache is on a read-only disk (EROFS)", "read-only"),
    ):
        yield Cell(
            "verifying", words, scenes(as_user(), cache_is(kind)), start("probe"),
            Failed("verify", NO_CACHE, CACHE), 3, root=True,
        )  # fmt: skip
    yield Cell(
        "fetching", "the package may not be read (EACCES)",
        scenes(as_user(), package_is("unreadable")), start("own"),
        Failed("verify", "cannot be read", "no-package"), 3, root=True,
    )  # fmt: skip
    for words, kind, error in (
        ("the package is absent", "absent", "there is no package"),
        ("the package is a pipe", "pipe", "neither a file nor a folder"),
        ("the package is a socket", "socket", "neither a file nor a folder"),
        ("the package is a link to nowhere", "dangling link", "there is no package"),
    ):
        yield Cell(
            "fetching", words, package_is(kind), start("own"), Failed("fetch", error, "no-package"), 2
        )
    yield Cell(
        "before the start", "no folder for the run can be written", cache_is("no run folder"),
        start("probe"), GoesOn(), 5,
    )  # fmt: skip


def descriptor_rows() -> Iterator[Cell]:
    """EMFILE wherever it may strike: a limit for each descriptor that a boot opens."""
    for limit in (4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 40):
        yield Cell(
            "any", f"no more than {limit} descriptors (EMFILE)", limited(nofile=limit),
            start("probe"), Either(), 8,
        )  # fmt: skip
    yield Cell(
        "ready", "no descriptor is left, the worker killed (EMFILE)", ready(WORKER_RESTARTS="1/60"),
        all_of(lower_descriptors, kill_worker),
        Failed("load", "interpreter cannot be started.*Too many open files", "limits"), 6,
    )  # fmt: skip


def process_limit_rows() -> Iterator[Cell]:
    """fork and threads that fail (EAGAIN), by a limit of the user's processes."""
    for limit in (1, 2, 3, 4, 5, 6, 7, 8, 12):
        yield Cell(
            "any", f"no more than {limit} processes and threads (EAGAIN)",
            few_processes(limit), start("probe"), Either(), 8, root=True,
        )  # fmt: skip


def port_rows() -> Iterator[Cell]:
    for words, kind, anchor in (
        ("REST_PORT is in use", "REST_PORT", "port-in-use"),
        ("A2A_PORT is in use", "A2A_PORT", "port-in-use"),
        ("UI_PORT is in use", "UI_PORT", "port-in-use"),
    ):
        yield Cell(
            "before the start", words, port_taken(kind), start("probe"),
            Failed("fetch", "another program listens there", anchor), 2,
        )  # fmt: skip
    yield Cell(
        "before the start", "REST_PORT needs a privilege",
        scenes(as_user(), variables(REST_PORT="80")), start("probe"),
        Failed("fetch", "need a privilege", "port-not-permitted"), 2, root=True,
    )  # fmt: skip
    yield Cell(
        "before the start", "no such address", variables(BIND_ADDRESS="203.0.113.7"), start("probe"),
        Failed("fetch", "no such address", "bind-address"), 2,
    )  # fmt: skip


def service_rows() -> Iterator[Cell]:
    """A service manager whose words are wrong."""
    for words, values, event in (
        ("NOTIFY_SOCKET names nothing", {"NOTIFY_SOCKET": "/nowhere/notify"}, "warning"),
        ("WATCHDOG_USEC is no number", {"WATCHDOG_USEC": "soon"}, "warning"),
        ("LISTEN_PID is another's", {"LISTEN_PID": "1", "LISTEN_FDS": "3"}, ""),
    ):
        yield Cell(
            "before the start", words, variables(**values), start("probe"), GoesOn(1, event), 6
        )


GREEDY = "x = []\nwhile True: x.append(bytearray(1 << 24))\n"


def memory_rows() -> Iterator[Cell]:
    """The kernel ends what takes more than the control group may have."""
    yield Cell(
        "loading", "the agent takes more memory than there is", little_memory(300 << 20),
        start_agent(GREEDY), Failed("load", "because memory ran out", "worker-ended"), 8, root=True,
    )  # fmt: skip
    yield Cell(
        "ready", "the agent takes more memory than there is",
        scenes(
            little_memory(300 << 20),
            serving(GOOD + "    @app.get('/api/take')\n    def take():\n        x = []\n"
                    "        while True: x.append(bytearray(1 << 24))\n"),
        ),
        ask("/api/take", meets=False), GoesOn(2, "worker_exited"), 10, root=True,
    )  # fmt: skip
    yield Cell(
        "installing", "uv takes more memory than there is",
        scenes(little_memory(200 << 20), uses_uv(pip="exec tail /dev/zero")),
        start("requirement", **REQUIREMENT), Failed("install", "uv was ended by SIGKILL", "installer"),
        10, root=True,
    )  # fmt: skip
