"""One run of a client, measured from outside: CPU, time, peak memory, connections."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

import places

CHILD = pathlib.Path(__file__).with_name("child.py")
# How often the connections of a client are counted.
LOOK_EVERY_SECONDS = 0.1


@dataclasses.dataclass
class Run:
    messages: int
    cpu_s: float
    wall_s: float
    peak_bytes: int
    connections: int
    output: str


def run(command, environment, messages, ports, cores=None, good=(0,)):
    """Runs a client to its end, on the client's core unless others are named. RuntimeError with its
    words when its exit status is none of the good ones."""
    reading, writing = os.pipe()
    # Files rather than pipes, which would have to be emptied on the way.
    with tempfile.TemporaryFile("w+") as output, os.fdopen(reading) as told:
        child = subprocess.Popen(
            [sys.executable, "-IS", CHILD, str(writing),
             ",".join(map(str, cores or places.cores()[1:])), *map(str, command)],
            env=environment, stdout=output, stderr=subprocess.STDOUT, pass_fds=[writing],
        )  # fmt: skip
        os.close(writing)
        watch = Watch(int(told.readline()), ports)
        result = json.loads(told.readline())
        child.wait()
        watch.stop()
        output.seek(0)
        text = output.read()
    if result["status"] not in good:
        raise RuntimeError(f"{command[0]} ended with status {result['status']}:\n{text[-2000:]}")
    return Run(messages, result["cpu_s"], result["wall_s"], result["peak_bytes"], watch.most, text)


class Watch:
    """The most connections to any of these ports that a process had at once, looked at now and
    then: one that lives shorter may be missed."""

    def __init__(self, pid, ports):
        self.pid, self.ports, self.most = pid, set(ports), 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look_on)
        self.thread.start()

    def look_on(self):
        while not self.ended.wait(LOOK_EVERY_SECONDS):
            self.most = max(self.most, connections(self.pid, self.ports))

    def stop(self):
        self.ended.set()
        self.thread.join()


def connections(pid, ports):
    established = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote_port, state, inode = int(fields[2].split(":")[1], 16), fields[3], fields[9]
        if remote_port in ports and state == "01":
            established.add(f"socket:[{inode}]")
    try:
        files = [os.readlink(entry) for entry in os.scandir(f"/proc/{pid}/fd")]
    except OSError:  # It has just ended.
        return 0
    return len(established.intersection(files))


@dataclasses.dataclass
class Sample:
    """What a message costs once a client is under way."""

    cpu_us: float
    messages_per_s: float
    peak_bytes: int
    connections: int


def difference(short, long):
    """Start-up, handshakes and a compiler warming up are in both runs, and so cancel."""
    messages = long.messages - short.messages
    return Sample(
        # Of runs that are far too short the difference may be nothing.
        cpu_us=max(0.01, 1e6 * (long.cpu_s - short.cpu_s) / messages),
        messages_per_s=messages / max(long.wall_s - short.wall_s, 1e-9),
        peak_bytes=long.peak_bytes,
        connections=long.connections,
    )
