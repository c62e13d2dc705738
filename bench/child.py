"""Runs one command and says what it cost, as seen from outside.

    python3 -IS bench/child.py DESCRIPTOR CORES COMMAND …

CORES are those it may use, as 1 or 0,1. Writes its process id to the descriptor when it has begun,
and {"status", "cpu_s", "wall_s", "peak_bytes"} when it has ended.

A process of its own, and a small one: the peak memory that Linux tells of a child is at least that
of the process it was forked from, and a Python with its libraries loaded would hide a lean client's.
"""

import os
import sys
import time


def main():
    told, command = int(sys.argv[1]), sys.argv[3:]
    cores = {int(core) for core in sys.argv[2].split(",")}
    os.set_inheritable(told, False)
    begun = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.sched_setaffinity(0, cores)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    os.write(told, b"%d\n" % pid)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begun
    cpu = usage.ru_utime + usage.ru_stime
    os.write(told, b'{"status": %d, "cpu_s": %.6f, "wall_s": %.6f, "peak_bytes": %d}\n' % (
        os.waitstatus_to_exitcode(status), cpu, wall, usage.ru_maxrss * 1024))  # fmt: skip


main()
