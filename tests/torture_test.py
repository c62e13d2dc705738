"""The gateway under everything at once: clients post with idempotency keys while it is killed, stopped
and started again, and the emulator throws its faults. At the end three ledgers agree: what the clients
were told, the gateway's books, and the emulator's counts.

    TORTURE_SECONDS=1800 tools/run_tests.py torture    a longer run than the two minutes of ./check
"""

import json
import os
import random
import signal
import threading
import time
import unittest

import support
from support import Case

SECONDS = int(os.environ.get("TORTURE_SECONDS", "120"))
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


class Client(threading.Thread):
    """Posts until it is told to stop; repeats each request with its key until it is accepted."""

    def __init__(self, torture, number, tokens):
        super().__init__()
        self.torture, self.number, self.tokens = torture, number, tokens
        self.random = random.Random(SEED * 100 + number)
        self.ledger = {}  # key -> (first id, count)
        self.faults = []

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
                "expires_in": "1h",
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
                self.torture.wake.wait(0.05)
            self.torture.wake.wait(0.01)


class Torture(Case):
    def start(self):
        self.gateway_ = support.Gateway(
            self.folder / "fanfare.db", self.emulator_,
            environment={"FANFARE_CONFIG": str(self.folder / "gateway.toml")},
        )  # fmt: skip

    def test_nothing_that_was_accepted_is_lost(self):
        self.over, self.wake = threading.Event(), threading.Event()
        self.emulator_, devices = self.generated(3_000, seed=SEED, tls=False)
        (self.folder / "gateway.toml").write_text(
            '[breakers]\nfirst_wait = "1s"\nlongest_wait = "2s"\n[fcm]\nrequest_timeout = "3s"\n'
            'ramp = "0s"\nmax_attempts = 1000\n'
        )
        done = support.run("--project", "demo", "--store", self.folder / "fanfare.db",
                           "devices", "import", devices)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.emulator_.devices()
        alive = {token for token, row in rows.items() if row["health"] == "living"}
        self.start()
        self.addCleanup(lambda: self.gateway_.stop())
        clients = [Client(self, number, list(rows)) for number in range(4)]
        for client in clients:
            client.start()
        kills = self.torment(random.Random(SEED), time.monotonic() + SECONDS)
        self.over.set()
        for client in clients:
            client.join()
        self.emulator_.fault(fault="none")
        books = self.gateway_.settled(seconds=300)

        self.assertEqual([fault for client in clients for fault in client.faults], [])
        told = sum(count for client in clients for _, count in client.ledger.values())
        self.assertEqual(books["accepted"], told)
        self.assertTrue(books["balance"], books)
        firsts = [first for client in clients for first, _ in client.ledger.values()]
        self.assertEqual(len(firsts), len(set(firsts)))
        self.check_each(clients)

        # What reached FCM: each delivered message at least once, and no more second sends than what
        # was in flight at a kill, or was answered in a way that says nothing.
        stats = self.emulator_.stats()
        self.assertGreaterEqual(stats["accepted"], books["delivered"])
        print(f"accepted {told}, delivered {books['delivered']}, kills {kills}, "
              f"sent twice or unknown {stats['accepted'] - books['delivered']}", flush=True)  # fmt: skip

        states = self.states(self.folder / "fanfare.db")
        lost = [token for token in alive if states[token]["state"] == "retired"]
        self.assertEqual(lost, [])
        status, checked, errors = support.run_json("--store", self.folder / "fanfare.db", "status")
        self.assertEqual((status, checked["balance"]), (0, True), errors)

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
                self.start()
            elif deed < 0.65:
                process.send_signal(signal.SIGSTOP)
                self.wake.wait(chance.uniform(0.1, 2))
                process.send_signal(signal.SIGCONT)
            elif deed < 0.75:
                self.gateway_.stop()
                self.start()
        return kills

    def check_each(self, clients):
        """Each id the clients were given is known, and has ended."""
        for client in clients:
            for first, count in list(client.ledger.values())[:: max(1, len(client.ledger) // 200)]:
                number = int(first.removeprefix("m-"))
                for message in (number, number + count - 1):
                    status, found = self.gateway_.call("GET", f"messages/m-{message}")
                    self.assertEqual(status, 200, found)
                    self.assertNotIn(found["state"], ("waiting", "in_flight"))


if __name__ == "__main__":
    unittest.main()
