"""The image, assembled by buildah from bases made here, and its start as PID 1 in namespaces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Optional

from namespaces import PROGRAM, REPOSITORY, base

# What the official Python image is made of, as far as the Dockerfile relies on it; the build adds the rest.
PYTHON_BASE = ["ca-certificates", "libstdc++6", "libssl3", "python3", "python3-venv", "zlib1g"]


class Buildah:
    """buildah with a storage of its own: nothing is pulled, nothing is left elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.command = [
            "buildah", "--root", str(folder / "storage"), "--runroot", str(folder / "run"),
        ]
        self.folder = folder

    def run(self, *arguments: str, **options: Any) -> str:
        done = subprocess.run(
            [*self.command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=900, **options,
        )
        assert done.returncode == 0, f"buildah {' '.join(arguments)}\n{done.stdout[-5000:]}"
        return done.stdout.strip()

    def commit(self, name: str, root: Path, change: Optional[Any] = None) -> None:
        """A root file system as an image."""
        container = self.run("from", "--pull-never", "scratch")
        mounted = Path(self.run("mount", container))
        subprocess.run(["cp", "-a", f"{root}/.", str(mounted)], check=True)
        if change:
            change(mounted)
        self.run("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        self.run("commit", "--quiet", "--rm", container, name)

    def remove(self) -> None:
        subprocess.run([*self.command, "rm", "--all"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([*self.command, "rmi", "--all", "--force"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


def compiler_stand_in(root: Path) -> None:
    """The builder's base has a `swift` that hands over the program built by `make build`."""
    subprocess.run(["strip", "-o", str(root / "par-lifecycle"), str(PROGRAM)], check=True)
    for name in ["strip", "swift"]:
        (root / "usr/bin" / name).write_text("#!/bin/sh\n")
        (root / "usr/bin" / name).chmod(0o755)
    (root / "usr/bin/swift").write_text(
        "#!/bin/sh\n"
        'test "$*" = "build -c release --static-swift-stdlib --product par-lifecycle" || exit 1\n'
        "test -d Sources/Cli && test -d Tests/LifecycleTests || exit 1\n"
        "mkdir -p .build/release && cp /par-lifecycle .build/release/\n"
    )


def authorities(root: Path) -> None:
    """Where the machine trusts authorities of its own, pip in the build trusts them too."""
    bundle = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if bundle:
        shutil.copy(bundle, root / "etc/build-authorities.pem")
        (root / "etc/pip.conf").write_text("[global]\ncert = /etc/build-authorities.pem\n")


class Image:
    """One Dockerfile, built; `root` is its file system, `config` what it says of itself."""

    def __init__(self, buildah: Buildah, dockerfile: str) -> None:
        name = "localhost/" + Path(dockerfile).name.lower().replace(".", "-")
        self.log = buildah.run(
            "build", "--isolation", "chroot", "--pull-never", "--format", "docker",
            "--build-arg", "PYTHON_IMAGE=localhost/python-base",
            "--build-arg", "SWIFT_IMAGE=localhost/swift-base",
            "-t", name, "-f", dockerfile, ".", cwd=REPOSITORY,
        )
        inspected = json.loads(buildah.run("inspect", "--type", "image", name))
        self.config = inspected["Docker"]["config"]
        self.root = Path(buildah.run("mount", buildah.run("from", "--pull-never", name)))


def prepare(folder: Path) -> Buildah:
    buildah = Buildah(folder)
    root = base("image-root", *PYTHON_BASE)
    buildah.commit("localhost/python-base", root, authorities)
    buildah.commit("localhost/swift-base", root, compiler_stand_in)
    return buildah


def start(image: Image, *arguments: str, memory_folders: dict[str, str], environment: dict[str, str],
          **options: Any) -> subprocess.Popen[str]:
    """The image's entry point as PID 1, as the image's user, on a read-only root.

    `memory_folders` are the volumes: path to mount options. The network is the machine's.
    """
    user = image.config["User"]
    mounts = "".join(
        f'mount -t tmpfs -o {how} tmpfs "$root{path}"\n' for path, how in memory_folders.items()
    )
    script = f"""set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do touch "$root/dev/$device"; mount --bind /dev/$device "$root/dev/$device"; done
{mounts}mount -o remount,bind,ro "$root"
exec chroot --userspec={user} --groups= "$root" "$@"
"""
    variables = dict(one.split("=", 1) for one in image.config["Env"])
    variables.update(environment)
    return subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--kill-child", "sh", "-c", script, "sh",
         str(image.root), "/usr/bin/env", "-i", *(f"{k}={v}" for k, v in variables.items()),
         *image.config["Entrypoint"], *(image.config.get("Cmd") or []), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )
