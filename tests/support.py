"""What the tests of the built command share: the command, an emulator, a place for files."""

import json
import os
import pathlib
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
FANFARE = os.environ.get("FANFARE_BINARY", str(ROOT / "build/release/fanfare"))

# Of the shape of FCM's tokens, so that an emulator without a list takes it for a living device.
TOKEN = "c" * 22 + ":APA91b" + "x" * 134

# The test's own surroundings must not leak into the command.
CLEAN_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("FANFARE_", "FCM_", "GCE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_"))
}


def run(*arguments, timeout=120, environment=None, stdin=None, cwd=None):
    """Runs fanfare to its end; stdout and stderr as text, the exit status in returncode."""
    return subprocess.run(
        [FANFARE, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**CLEAN_ENVIRONMENT, **(environment or {})},
        input=stdin,
        cwd=cwd,
    )


def run_json(*arguments, **options):
    """Runs fanfare --json and gives (exit status, the one object on stdout, stderr)."""
    done = run("--json", *arguments, **options)
    try:
        return done.returncode, json.loads(done.stdout), done.stderr
    except json.JSONDecodeError:
        raise AssertionError(
            f"no JSON object on stdout; status {done.returncode}\n"
            f"stdout: {done.stdout}\nstderr: {done.stderr}"
        ) from None


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line]


def missing(*tools):
    """The reason to skip a test when an outside tool is not here; None when all are."""
    absent = [tool for tool in tools if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def python_with(*modules):
    """A Python that has them: this one, or the system's, which apt installs for."""
    imports = "import " + ", ".join(modules)
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python):
            if subprocess.run([python, "-c", imports], capture_output=True).returncode == 0:
                return python
    return None


class Server:
    """A child process that prints one JSON line when it is ready, ended by its own id."""

    def __init__(self, *command, seconds=30, environment=None, log=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**CLEAN_ENVIRONMENT, **(environment or {})},
        )
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            self.stop()
            raise AssertionError(f"{command[0]} was not ready within {seconds} s")
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{command} ended with status {self.process.wait()}")
        self.ready = json.loads(line)

    def memory(self, name):
        """A line of the kernel's account of it, such as VmRSS, in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
        raise AssertionError(f"no {name}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class Emulator(Server):
    """fanfare emulate on a port of the system's choice."""

    def __init__(self, *options):
        super().__init__(FANFARE, "emulate", "--port", 0, "--exit-with-parent", *options)
        self.port = self.ready["port"]
        self.plain = f"http://127.0.0.1:{self.port}"
        self.secure = f"https://127.0.0.1:{self.port}"

    def get(self, path):
        with urllib.request.urlopen(self.plain + path, timeout=60) as answer:
            return answer.read().decode()

    def stats(self):
        return json.loads(self.get("/_emulator/stats"))

    def post(self, path, body=None):
        request = urllib.request.Request(
            self.plain + path,
            data=json.dumps(body or {}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def fault(self, **settings):
        self.post("/_emulator/faults", settings)

    def devices(self):
        """token -> row of the emulator's own knowledge."""
        known = {}
        while True:
            page = self.get(f"/_emulator/devices?limit=100000&offset={len(known)}")
            header, *rows = page.splitlines()
            names = header.split(",")
            known |= {row.split(",")[0]: dict(zip(names, row.split(","))) for row in rows}
            if not rows:
                return known

    def settings(self):
        """The environment of a user's shell after `. env.sh`."""
        folder = pathlib.Path(self.ready["ca_file"]).parent
        done = subprocess.run(
            ["sh", "-euc", '. "$1"; exec env -0', "sh", folder / "env.sh"],
            env=CLEAN_ENVIRONMENT, capture_output=True, check=True,
        )  # fmt: skip
        entries = done.stdout.decode().split("\0")
        return dict(entry.split("=", 1) for entry in entries if entry)

    def send_options(self):
        """What points `fanfare send` at this emulator over TLS, with credentials."""
        return (
            "--endpoint", self.secure,
            "--ca-file", self.ready["ca_file"],
            "--credentials", self.ready["credentials_file"],
        )  # fmt: skip


class Gateway(Server):
    """fanfare serve on a port of the system's choice, sending to an emulator."""

    def __init__(self, store, emulator, *options, project="demo", environment=None, log=None):
        super().__init__(
            FANFARE, "--project", project, "--store", store, "serve", "--listen", "127.0.0.1:0",
            "--exit-with-parent", *options, log=log or subprocess.DEVNULL,
            environment={"FCM_EMULATOR_HOST": f"127.0.0.1:{emulator.port}", **(environment or {})},
        )  # fmt: skip
        self.url = f"http://127.0.0.1:{self.ready['port']}"
        self.project = project

    def call(self, method, path, body=None, headers=None, timeout=60):
        """(status, body as JSON or text); `path` below the project unless it begins with a slash."""
        if not path.startswith("/"):
            path = f"/v1/projects/{self.project}/{path}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method,
            headers={"Content-Type": "application/json", **(headers or {})},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read().decode()
        try:
            return status, json.loads(text)
        except json.JSONDecodeError:
            return status, text

    def books(self):
        return self.call("GET", "books")[1]

    def until(self, look, seconds=60):
        """What `look` gives once it is true; it is asked again and again, without a fixed wait."""
        end = time.monotonic() + seconds
        while True:
            if found := look():
                return found
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s; books: {self.books()}")
            time.sleep(0.02)

    def settled(self, seconds=60):
        """The books once nothing waits or is in flight."""
        def done():
            books = self.books()
            return books if books["waiting"] + books["in_flight"] == 0 and books["accepted"] else None
        return self.until(done, seconds)


class Case(unittest.TestCase):
    """A test with a folder of its own and servers that end with it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fanfare-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def emulator(self, *options, tls=True):
        if tls:
            options = ("--tls-dir", self.folder / "tls", *options)
        emulator = Emulator(*options)
        self.addCleanup(emulator.stop)
        return emulator

    def gateway(self, emulator, *options, store="fanfare.db", **settings):
        gateway = Gateway(self.folder / store, emulator, *options, **settings)
        self.addCleanup(gateway.stop)
        return gateway

    def generated(self, count, seed=1, **options):
        """An emulator with `count` made-up devices, and the file that lists them."""
        devices = self.folder / "devices.csv"
        emulator = self.emulator(
            "--generate", count, "--seed", seed, "--write-devices", devices, **options
        )
        return emulator, devices

    def states(self, store):
        """token -> state, as Fanfare concluded."""
        done = run("--json", "--store", store, "devices", "list")
        self.assertEqual(done.returncode, 0, done.stderr)
        return {
            line.get("token") or line.get("fid"): line for line in json_lines(done.stdout)
        }


def peak_memory_of_child(*arguments):
    """Runs fanfare; gives (completed process, peak resident KiB)."""
    process = subprocess.Popen(
        [FANFARE, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=CLEAN_ENVIRONMENT,
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, output, usage.ru_maxrss


def raise_open_file_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
