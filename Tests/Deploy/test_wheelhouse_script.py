"""scripts/fill_wheelhouse.sh with the real pip and an index of its own."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = "scripts/fill_wheelhouse.sh"


def wheel(folder: Path, name: str, tag: str = "py3-none-any") -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")


def test_it_takes_what_packages_and_the_host_need_for_the_image(checkout, tmp_path):
    index = tmp_path / "index"
    index.mkdir()
    wheel(index, "one")
    wheel(index, "two", "cp311-cp311-manylinux_2_28_aarch64")
    wheel(index, "two", "cp311-cp311-manylinux_2_17_x86_64")
    wheel(index, "host")
    (checkout.folder / "agent-host/requirements.txt").write_text("host>=1\n")
    package = tmp_path / "a.apkg"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("agent.yaml", "name: a\n")
        archive.writestr("requirements.txt", "one\n")
        archive.writestr("setup.py", "raise SystemExit('never run')")
        archive.writestr("pyproject.toml", '[project]\nname = "a"\nversion = "1"\ndependencies = ["two"]\n')
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "agent.yaml").write_text("name: b\n")
    target = tmp_path / "wheelhouse"
    done = checkout.run(
        SCRIPT, str(package), str(folder), str(target), PYTHON=sys.executable, PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(index), IMAGE_PLATFORM="linux/arm64",
    )
    assert done.returncode == 0, done.stderr
    assert sorted(one.name for one in target.iterdir()) == [
        "host-1.0-py3-none-any.whl", "one-1.0-py3-none-any.whl",
        "two-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    ]


def test_what_is_no_package_is_named(checkout, tmp_path):
    done = checkout.run(SCRIPT, "/nowhere.apkg", str(tmp_path / "w"), IMAGE_PYTHON="3", PYTHON=sys.executable)
    assert done.returncode == 1
    assert "/nowhere.apkg is no package" in done.stderr and "IMAGE_PYTHON" in done.stderr
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("arguments", [[], ["x.apkg"]])
def test_a_wrong_command_line_is_status_2(checkout, arguments):
    assert checkout.run(SCRIPT, *arguments).returncode == 2
