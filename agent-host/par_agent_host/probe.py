"""Whether a server answers in HTTP/2 at a port of loopback, or at a Unix socket."""

import os
import socket
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""A client's connection preface with empty SETTINGS (RFC 9113, 3.4)."""

CLOSED, SILENT, OTHER, HTTP2 = range(4)
"""Nothing listens; something does and says nothing; it says what is not HTTP/2; it does."""

ATTEMPT_SEC = 1.0
"""How long one attempt waits for the first frame."""

PAUSE_SEC = 0.02
"""Between two attempts."""


def probe(address, seconds=ATTEMPT_SEC):
    """Asks once. `address`: a port number of 127.0.0.1, or the path of a Unix socket."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        except OSError:
            return CLOSED
        said = b""
        try:
            connection.sendall(PREFACE)
            while len(said) < 9:
                chunk = connection.recv(9 - len(said))
                if not chunk:
                    break
                said += chunk
        except OSError:
            # A reset or no answer in time; what came before it counts.
            pass
    if len(said) == 9 and said[3] == 4 and said[5:] == b"\0\0\0\0":
        return HTTP2
    return OTHER if said else SILENT


def until_answered(address, seconds):
    """Asks until HTTP/2 answers or the time is over; the last result."""
    end = time.monotonic() + seconds
    while True:
        result = probe(address)
        if result == HTTP2 or time.monotonic() >= end:
            return result
        time.sleep(PAUSE_SEC)


def free_port():
    """A port of loopback that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listening_ports():
    """The TCP ports on which this process listens, ascending; for messages (proc(5), net/tcp)."""
    own = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            name = os.readlink("/proc/self/fd/" + fd)
        except OSError:
            continue
        if name.startswith("socket:["):
            own.add(name[8:-1])
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        # Columns: local address as hexadecimal, then the state; 0A is TCP_LISTEN. Ninth: the inode.
        ports.update(
            int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in own
        )
    return sorted(ports)
