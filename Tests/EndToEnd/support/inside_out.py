"""Run in a network namespace of its own: this machine has public and inner addresses there, and a
host with a public one redirects to each of the others. Prints a list of rows as JSON.

    unshare --user --map-root-user --net --mount python inside_out.py PROGRAM FOLDER
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Optional

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.byte_server import Authority, ByteServer, answer, head, raw  # noqa: E402

PROGRAM, FOLDER = sys.argv[1], Path(sys.argv[2])
PUBLIC, OTHER = "8.8.4.4", "9.9.9.9"
ADDRESSES = [PUBLIC, OTHER, "10.1.2.3", "172.16.0.9", "192.168.7.7", "169.254.169.254", "100.64.0.1"]
ADDRESSES_6 = ["fd00::5", "2600::5"]
HOSTS = {
    "inner.example.com": ["10.1.2.3"], "loop.example.com": ["127.0.0.1"],
    "meta.example.com": ["169.254.169.254"], "both.example.com": ["10.1.2.3", OTHER],
    "other.example.com": [OTHER], "six.example.com": ["fd00::5"], "inners.example.com": ["10.1.2.3", "127.0.0.1"],
    "localhost": ["127.0.0.1"],
}  # fmt: skip


def command(*words: str) -> bool:
    return subprocess.run(words, capture_output=True).returncode == 0


assert command("ip", "link", "set", "lo", "up")
for address in ADDRESSES:
    assert command("ip", "addr", "add", f"{address}/32", "dev", "lo")
HAS_6 = all(command("ip", "addr", "add", f"{one}/128", "dev", "lo", "nodad") for one in ADDRESSES_6)
hosts = FOLDER / "hosts"
hosts.write_text("".join(f"{one} {name}\n" for name, all in HOSTS.items() for one in all))
assert command("mount", "--bind", str(hosts), "/etc/hosts")

authority = Authority(FOLDER)
names = [*ADDRESSES, *ADDRESSES_6, *HOSTS, "127.0.0.1", "::1"]
context = authority.server_context(*names)
body = b"package"
trap = ByteServer(answer(200, body), context=context, address="::" if HAS_6 else "0.0.0.0")
if HAS_6:  # a second listener for IPv4, on the same port
    trap.listen_too("0.0.0.0")
rows = []


def fetch(
    url: str, timeout: int = 8000, cache: Path = FOLDER / "cache",
    trusting: Optional[Path] = authority.file,
) -> dict:  # fmt: skip
    request = {
        "url": url, "sha256": None, "max_bytes": 10 << 20, "timeout_ms": timeout,
        "cache_folder": str(cache), "run_id": "r", "cache_max_bytes": None,
    }  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(trusting or "")}
    done = subprocess.run(
        [PROGRAM, "step", "fetch"], input=json.dumps(request).encode() + b"\n", env=environment,
        capture_output=True, timeout=30,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def row(source: str, target: str, allowed: bool) -> None:
    server = ByteServer(
        answer(302, Location=f"https://{target}:{trap.port}/"), context=context, address=source
    )
    before = trap.connections
    result = fetch(server.base + "/a")
    reached = trap.connections - before
    server.close()
    if allowed:
        problem = None if "ok" in result and reached else f"not followed: {result}"
    else:
        refused = result.get("failure", {}).get("hint", "").endswith("#redirect")
        problem = None if refused and not reached else f"{reached} connections, {result}"
    rows.append({"from": source, "to": target, "problem": problem})


for target in [
    "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.9", "192.168.7.7", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "0", "127.1", "2130706433", "0x7f000001", "017700000001", "localhost", "inner.example.com",
    "loop.example.com", "meta.example.com", "inners.example.com", "224.0.0.1", "255.255.255.255", "240.0.0.1",
    "[::ffff:127.0.0.1]", "[::ffff:10.1.2.3]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::]",
]:  # fmt: skip
    row(PUBLIC, target, False)
for target in [PUBLIC, OTHER, "other.example.com", "both.example.com"]:
    row(PUBLIC, target, True)
row("10.1.2.3", "172.16.0.9", True)
row("10.1.2.3", OTHER, True)
row("10.1.2.3", "127.0.0.1", False)
row("10.1.2.3", "169.254.169.254", False)
row("127.0.0.1", "10.1.2.3", True)
row("127.0.0.1", "meta.example.com", False)
if HAS_6:
    for target in ["[::1]", "[fd00::5]", "six.example.com"]:
        row(PUBLIC, target, False)
        row("2600::5", target, False)
    row(PUBLIC, "[2600::5]", True)

# A name server that takes questions and answers none.
resolver = FOLDER / "resolv.conf"
resolver.write_text("nameserver 127.0.0.1\n")
assert command("mount", "--bind", str(resolver), "/etc/resolv.conf")
deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
deaf.bind(("127.0.0.1", 53))
started = time.monotonic()
result = fetch("https://nobody.knows.example.com/", timeout=1500)
slow = {"took": time.monotonic() - started, "error": result["failure"]["error"]}

# A disk of 2 MB less a little, for a package of 1 MB and the 1 MB kept free, and for one that does
# not say how large it is.
disk = FOLDER / "disk"
disk.mkdir()
assert command("mount", "-t", "tmpfs", "-o", "size=2040k", "none", str(disk))
failures = []
for sent in [
    answer(200, b"x" * (1 << 20)),
    raw(head(200, Transfer_Encoding="chunked"), b"400000\r\n" + b"x" * (4 << 20) + b"\r\n0\r\n\r\n"),
]:
    server = ByteServer(sent, context=context)
    failure = fetch(server.base + "/a", cache=disk)["failure"]
    failures.append({**failure, "left": [one.name for one in disk.glob("archives/*")]})

# A system without ca-certificates.
assert command("mount", "-t", "tmpfs", "none", "/etc/ssl/certs")
bare = fetch(ByteServer(answer(200, body), context=context).base, trusting=None)["failure"]
print(json.dumps([rows, slow, *failures, bare]))
