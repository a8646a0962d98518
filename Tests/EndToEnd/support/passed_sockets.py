"""Listening sockets passed to the program as a service manager does."""

from __future__ import annotations

#: Puts the sockets where sd_listen_fds(3) has them, and becomes the program.
PASS = """
import os, sys
numbers, command = [int(x) for x in sys.argv[1].split(",") if x], sys.argv[2:]
spare = [os.dup2(number, 200 + i, True) for i, number in enumerate(numbers)]
for i, number in enumerate(spare):
    os.dup2(number, 3 + i, True)
    os.close(number)
os.closerange(3 + len(numbers), 200)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(command[0], command)
"""
