#!/usr/bin/env bash
# fill_wheelhouse.sh PACKAGE... DIR
# Downloads into DIR the wheels that the packages (.apkg files or package folders) and the agent host
# need, for the image's platform, so that WHEELHOUSE_DIR=DIR installs without an index
# (WHEELHOUSE_ONLY=true). What is there already stays. IMAGE_PLATFORM (linux/amd64) and
# IMAGE_PYTHON (3.11) are the image's; PYTHON names an interpreter with pip for the work.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: scripts/fill_wheelhouse.sh PACKAGE... DIR" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
packages=("${@:1:$#-1}")
wheelhouse=${*: -1}
python=${PYTHON:-python3}
version=${IMAGE_PYTHON:-3.11}

problems=()
case "${IMAGE_PLATFORM:-linux/amd64}" in
  linux/amd64) machine=x86_64 ;;
  linux/arm64) machine=aarch64 ;;
  *) problems+=("IMAGE_PLATFORM must be linux/amd64 or linux/arm64") ;;
esac
[[ $version =~ ^3\.[0-9]+$ ]] || problems+=("IMAGE_PYTHON must be like 3.11")
"$python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null \
  || problems+=("$python is no Python 3.9 or newer with pip; name one with PYTHON=")
for package in "${packages[@]}"; do
  [ -f "$package" ] || [ -f "$package/agent.yaml" ] || problems+=("$package is no package")
done
if [ ${#problems[@]} -gt 0 ]; then
  printf 'Error: %s\n' "${problems[@]}" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# requirements.txt and [project].dependencies; the package's own code is never run.
"$python" - "$work" "${packages[@]}" <<'PYTHON'
import pathlib, sys, zipfile

work, packages = pathlib.Path(sys.argv[1]), sys.argv[2:]
try:
    import tomllib
except ImportError:
    try:
        from pip._vendor import tomli as tomllib
    except ImportError:
        tomllib = None
for index, package in enumerate(packages):
    def read(name):
        if pathlib.Path(package).is_dir():
            path = pathlib.Path(package, name)
            return path.read_text("utf-8-sig") if path.is_file() else ""
        with zipfile.ZipFile(package) as archive:
            return archive.read(name).decode("utf-8-sig") if name in archive.namelist() else ""
    try:
        lines = [read("requirements.txt")]
        project = read("pyproject.toml")
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        sys.exit(f"Error: {package} cannot be read: {error}")
    if project:
        if tomllib is None:
            sys.exit("Error: pyproject.toml needs Python 3.11 or pip 21.2 to be read")
        lines += tomllib.loads(project).get("project", {}).get("dependencies", [])
    (work / f"{index}.txt").write_text("\n".join(lines) + "\n")
PYTHON

# Every platform that Debian 12's C library (2.36) can run.
platforms=()
for minor in $(seq 17 36); do platforms+=(--platform "manylinux_2_${minor}_$machine"); done
platforms+=(--platform "manylinux2014_$machine" --platform "linux_$machine" --platform any)
mkdir -p "$wheelhouse"
# Each package is one set with the agent host's requirements, as at boot: the agent's versions win.
for index in "${!packages[@]}"; do
  echo "${packages[$index]}"
  "$python" -m pip download --quiet --disable-pip-version-check --only-binary=:all: \
    --python-version "$version" --implementation cp "${platforms[@]}" --dest "$wheelhouse" \
    -r "$work/$index.txt" -r "$here/agent-host/requirements.txt"
done
echo "$(find "$wheelhouse" -name '*.whl' | wc -l) wheels in $wheelhouse"
