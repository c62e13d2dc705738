#!/usr/bin/env python3
"""How fast the built emulator answers over TLS, what a request costs it, and whether its books hold.

    tools/measure_emulator.py                        300,000 requests
    tools/measure_emulator.py --requests 10000000    a long run: is its memory bounded?

The emulator has one core to itself and h2load another. Times on a shared machine are noise: compare
two binaries (--binary) in one sitting.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKEN = "c" * 22 + ":APA91b" + "x" * 134
MESSAGE = {
    "message": {
        "token": TOKEN,
        "notification": {"title": "Hello", "body": "Something of a usual length has happened"},
        "data": {"screen": "home", "id": "4711"},
    }
}


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def access_token(folder, port):
    user = json.loads((folder / "authorized_user.json").read_text())
    form = {"grant_type": "refresh_token"}
    form |= {key: user[key] for key in ("client_id", "client_secret", "refresh_token")}
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/token", data=body) as answer:
        return json.load(answer)["access_token"]


def load(folder, port, requests, connections):
    (folder / "body.json").write_text(json.dumps(MESSAGE))
    done = subprocess.run(
        [
            *pinned(1), "h2load", "-n", str(requests), "-c", str(connections), "-m", "100",
            "-H", f"authorization: Bearer {access_token(folder, port)}",
            "-H", "content-type: application/json", "-d", folder / "body.json",
            f"https://127.0.0.1:{port}/v1/projects/fanfare-demo/messages:send",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    succeeded = int(re.search(r"(\d+) succeeded", done.stdout)[1])
    return float(re.search(r"([\d.]+) req/s", done.stdout)[1]), succeeded


def pinned(core):
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


def measure(binary, requests, connections):
    with tempfile.TemporaryDirectory(prefix="fanfare-measure-") as name:
        folder = pathlib.Path(name)
        emulator = subprocess.Popen(
            [*pinned(0), binary, "emulate", "--port", "0", "--tls-dir", name],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = json.loads(emulator.stdout.readline())["port"]
            before = cpu_seconds(emulator.pid)
            rate, succeeded = load(folder, port, requests, connections)
            cpu = cpu_seconds(emulator.pid) - before
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_emulator/stats") as answer:
                stats = json.load(answer)
            balanced = (
                stats["requests"] == sum(stats["answers"].values()) == requests
                and stats["accepted"] == stats["answers"]["200"] == succeeded
            )
            return rate, 1e6 * cpu / requests, peak_mb(emulator.pid), balanced
        finally:
            emulator.terminate()
            emulator.wait()
            emulator.stdout.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=300_000)
    parser.add_argument("--connections", type=int, default=4, help="of 100 streams each")
    parser.add_argument("--binary", default=ROOT / "build/release/fanfare")
    given = parser.parse_args()
    rate, cost, memory, balanced = measure(given.binary, given.requests, given.connections)
    print(
        f"{rate:,.0f} requests/s, {cost:.1f} CPU microseconds each, {memory:.0f} MB at most, "
        f"books {'balance' if balanced else 'DO NOT BALANCE'}"
    )
    return 0 if balanced else 1


if __name__ == "__main__":
    sys.exit(main())
