"""The gateway under everything at once: clients post with idempotency keys while it is killed, stopped
and started again, and the emulator throws its faults. At the end three ledgers agree: what the clients
were told, the gateway's books, and the emulator's counts.

    TORTURE_SECONDS=1800 tools/run_tests.py torture    a longer run than the minute of ./check
"""

import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import support
from support import Case

SECONDS = int(os.environ.get("TORTURE_SECONDS", "60"))
SEED = int(os.environ.get("TORTURE_SEED", "1"))

# What a sender meets without being at fault. Those that deliver and then say nothing make second
# sends that nobody can avoid; they are counted.
FAULTS = (
    "none", "none", "none", "service_503", "internal_500", "html_502", "refused_stream",
    "reset_before", "cut_before", "goaway_before", "goaway_after", "goaway_notice",
    "goaway_max_streams", "goaway_pings", "goaway_timeout", "lower_streams", "half_close",
    "truncated", "reset_after", "cut_after", "delivered_503", "nameless_200", "html_404",
    "project_not_found", "api_disabled", "iam", "quota_429", "apns_broken", "unauthenticated",
    "outage_404",
)  # fmt: skip


# Answers that hide a delivery.
SILENT = ("delivered_503 200", "nameless_200 200", "truncated 200")


class Client(threading.Thread):
    """Posts until it is told to stop; repeats each request with its key until it is accepted."""

    def __init__(self, torture, number, tokens):
        super().__init__()
        self.torture, self.number, self.tokens = torture, number, tokens
        self.random = random.Random(SEED * 100 + number)
        self.ledger = {}  # key -> (first id, count)
        self.faults = []
        self.refused = 0

    def run(self):
        serial = 0
        while not self.torture.over.is_set():
            key = f"{self.number}-{serial}"
            serial += 1
            count = self.random.choice((1, 1, 1, 20))
            body = {
                "message": {"data": {"key": key}},
                "to": [{"token": self.random.choice(self.tokens)} for _ in range(count)],
                "idempotency_key": key,
                "expires_in": self.torture.expires_in,
            }
            while True:
                try:
                    status, answer = self.torture.gateway_.call("POST", "messages", body, timeout=10)
                except Exception:  # The gateway is gone, or stopped: what it has done is unknown.
                    self.torture.wake.wait(0.05)
                    continue
                if status == 202:
                    self.ledger[key] = (answer["id"], answer["count"])
                    if answer["count"] != count:
                        self.faults.append(f"{key}: {answer}")
                    break
                if status not in (429, 503):
                    self.faults.append(f"{key}: {status} {answer}")
                    break
                self.refused += 1
                self.torture.wake.wait(0.05)
            self.torture.wake.wait(0.01)


class Ledgers(Case):
    """Clients that post, and what must agree when they stop."""

    settings = ""
    expires_in = "1h"
    count = 3_000

    def start(self):
        self.gateway_ = support.Gateway(
            self.store, self.emulator_,
            environment={"FANFARE_CONFIG": str(self.folder / "gateway.toml"), **self.surroundings()},
        )  # fmt: skip

    def surroundings(self):
        return {}

    def setUp(self):
        super().setUp()
        self.store = self.folder / "fanfare.db"
        self.over, self.wake = threading.Event(), threading.Event()
        self.emulator_, self.devices_ = self.generated(self.count, seed=SEED, tls=False)
        (self.folder / "gateway.toml").write_text(
            '[breakers]\nfirst_wait = "1s"\nlongest_wait = "2s"\n[fcm]\nrequest_timeout = "3s"\n'
            'ramp = "0s"\n' + self.settings
        )

    def run_clients(self, torment):
        done = support.run("--project", "demo", "--store", self.store, "devices", "import", self.devices_)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.rows = self.emulator_.devices()
        self.start()
        self.addCleanup(lambda: self.gateway_.stop())
        self.clients = [Client(self, number, list(self.rows)) for number in range(4)]
        for client in self.clients:
            client.start()
        try:
            torment()
        finally:
            self.over.set()
            for client in self.clients:
                client.join()
        self.emulator_.fault(fault="none")

    def check_ledgers(self):
        """The clients' ledger, the books and the emulator's counts; gives (books, emulator's stats)."""
        books = self.gateway_.settled(seconds=600)
        self.assertEqual([fault for client in self.clients for fault in client.faults], [])
        told = sum(count for client in self.clients for _, count in client.ledger.values())
        self.assertGreater(told, 0)
        self.assertEqual(books["accepted"], told)
        self.assertTrue(books["balance"], books)
        firsts = [first for client in self.clients for first, _ in client.ledger.values()]
        self.assertEqual(len(firsts), len(set(firsts)))
        self.check_each()
        stats = self.emulator_.stats()
        self.assertGreaterEqual(stats["accepted"], books["delivered"])
        states = self.states(self.store)
        alive = [token for token, row in self.rows.items() if row["health"] == "living"]
        self.assertEqual([token for token in alive if states[token]["state"] == "retired"], [])
        status, checked, errors = support.run_json("--store", self.store, "status")
        self.assertEqual((status, checked["balance"]), (0, True), errors)
        return books, stats

    def check_each(self):
        """Each id the clients were given is known, and has ended."""
        for client in self.clients:
            for first, count in list(client.ledger.values())[:: max(1, len(client.ledger) // 200)]:
                number = int(first.removeprefix("m-"))
                for message in (number, number + count - 1):
                    status, found = self.gateway_.call("GET", f"messages/m-{message}")
                    self.assertEqual(status, 200, found)
                    self.assertNotIn(found["state"], ("waiting", "in_flight"))


class Torture(Ledgers):
    expires_in = "90s"  # After many refusals the next attempt is ten minutes away.

    def test_nothing_that_was_accepted_is_lost(self):
        kills, self.in_flight_ = 0, 0

        def torment():
            nonlocal kills
            kills = self.torment(random.Random(SEED), time.monotonic() + SECONDS)

        self.run_clients(torment)
        books, stats = self.check_ledgers()
        # What was sent twice: what was in flight at a kill, and what was answered in a way that says
        # nothing, or the opposite.
        again = stats["accepted"] - books["delivered"]
        silent = stats["lost"] + sum(stats["answers"].get(kind, 0) for kind in SILENT)
        self.assertLessEqual(again, self.in_flight_ + silent, stats)
        print(f"accepted {books['accepted']}, delivered {books['delivered']}, kills {kills}, "
              f"in flight at them {self.in_flight_}, again or unknown {again}, silent {silent}", flush=True)  # fmt: skip

    def torment(self, chance, end):
        kills = 0
        while time.monotonic() < end:
            self.emulator_.fault(fault=chance.choice(FAULTS), outage_share=0.5)
            self.wake.wait(chance.uniform(0.2, 3))
            deed = chance.random()
            process = self.gateway_.process
            if deed < 0.5:
                process.kill()
                process.wait()
                process.stdout.close()
                kills += 1
                books = support.run("--json", "--store", self.store, "status").stdout
                self.in_flight_ += sum(line["in_flight"] for line in support.json_lines(books))
                self.start()
            elif deed < 0.65:
                process.send_signal(signal.SIGSTOP)
                self.wake.wait(chance.uniform(0.1, 2))
                process.send_signal(signal.SIGCONT)
            elif deed < 0.75:
                self.gateway_.stop()
                self.start()
        return kills


# Preloaded: while DIR/fsync is there, nothing reaches the disk for certain; while DIR/full is,
# nothing can be written to the store at all.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int is_there(const char* name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("SHIM_DIR"), name);
  return access(path, F_OK) == 0;
}
static int is_store(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return strstr(path, "fanfare.") != NULL;
}
int fsync(int fd) {
  if (is_there("fsync")) { errno = EIO; return -1; }
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
int fdatasync(int fd) {
  if (is_there("fsync")) { errno = EIO; return -1; }
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  if (is_store(fd) && is_there("full")) { errno = ENOSPC; return -1; }
  return ((ssize_t (*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64"))(fd, bytes, size, at);
}
"""


@unittest.skipIf(support.missing("cc"), support.missing("cc"))
class FailingDisk(Ledgers):
    """The disk refuses writes, or to say that they are there: 503, and nothing else is different."""

    def setUp(self):
        super().setUp()
        source, self.shim = self.folder / "shim.c", self.folder / "shim.so"
        source.write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.shim, source, "-ldl"], check=True)

    def surroundings(self):
        return {"LD_PRELOAD": str(self.shim), "SHIM_DIR": str(self.folder)}

    def test_what_was_not_on_the_disk_was_not_accepted(self):
        refused = 0

        def torment():
            nonlocal refused
            for fault in ("fsync", "full", "fsync", "full"):
                switch = self.folder / fault
                switch.touch()
                refused += self.gateway_.until(lambda: self.gateway_.call("GET", "/readyz")[0] == 503)
                switch.unlink()
                self.gateway_.until(lambda: self.gateway_.call("GET", "/readyz")[0] == 200)
                accepted = self.gateway_.books()["accepted"]
                self.gateway_.until(lambda: self.gateway_.books()["accepted"] > accepted + 20)

        self.run_clients(torment)
        self.assertEqual(refused, 4)
        books, stats = self.check_ledgers()
        self.assertEqual(stats["accepted"], books["delivered"])


@unittest.skipIf(os.geteuid() != 0, "only root may mount a disk of its own")
class FullDisk(Ledgers):
    """A disk of 128 MiB that others fill."""

    settings = '[queue]\nmin_free_disk = "32MiB"\n'

    def setUp(self):
        super().setUp()
        disk = self.folder / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", disk], capture_output=True)
        if done.returncode != 0:
            self.skipTest("a disk can't be mounted here")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", disk], check=True))
        self.store = disk / "fanfare.db"
        self.filler = disk / "filler"

    def test_results_have_room_when_nothing_more_is_accepted(self):
        def torment():
            for left in (24 << 20, 0):  # With none left not even results can be written.
                self.fill(left)
                refused = self.refused()
                self.gateway_.until(lambda: self.refused() > refused + 20)
                if left > 0:
                    self.gateway_.settled()
                self.filler.unlink()
                accepted = self.gateway_.books()["accepted"]
                self.gateway_.until(lambda: self.gateway_.books()["accepted"] > accepted + 20)

        self.run_clients(torment)
        books, stats = self.check_ledgers()
        self.assertEqual(stats["accepted"], books["delivered"])

    def refused(self):
        return sum(client.refused for client in self.clients)

    def fill(self, left):
        status = os.statvfs(self.store.parent)
        room = status.f_bavail * status.f_frsize - left
        with open(self.filler, "wb") as filler:
            try:
                while room > 0:
                    room -= filler.write(b"x" * min(room, 1 << 20))
                    filler.flush()
            except OSError:  # Full.
                pass


if __name__ == "__main__":
    unittest.main()
