"""Upkeep of a fleet against the emulator: devices leave their topics before they are retired."""

import signal
import subprocess
import unittest

import support
from support import Case, json_lines, run, run_json


class Unsubscribe(Case):
    def setUp(self):
        super().setUp()
        self.emulator_, _ = self.generated(300)
        self.store = self.folder / "fleet.db"
        self.living = [
            token for token, row in self.emulator_.devices().items()
            if row["health"].startswith("living")
        ]  # fmt: skip
        self.silent = self.living[:20]

    def import_(self, text):
        done = run("--store", self.store, "devices", "import", "-", stdin=text)
        self.assertEqual(done.returncode, 0, done.stderr)

    def options(self):
        return (
            *self.emulator_.send_options(), "--iid-endpoint", self.emulator_.secure,
        )  # fmt: skip

    def subscribe(self, topic, tokens):
        named = [part for token in tokens for part in ("--token", token)]
        done = run(*self.options(), "topics", "subscribe", topic, "--iid", *named)
        self.assertEqual(done.returncode, 0, done.stderr)

    def topics_of(self, token):
        done = run("--json", *self.options(), "topics", "list", token)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {line["topic"] for line in json_lines(done.stdout)}

    def make_silent(self):
        """Fills the store: some devices were last seen long ago, some will be for long."""
        lines = ["token,platform,last_seen"]
        lines += [f"{token},android,2020-01-01T00:00:00Z" for token in self.silent]
        lines += [f"{token},android,2099-01-01T00:00:00Z" for token in self.living[20:40]]
        self.import_("\n".join(lines) + "\n")

    def prune(self, *options):
        return run_json(*self.options(), "--store", self.store, "devices", "prune", "--unsubscribe", *options)

    def retired(self):
        return {t for t, line in self.states(self.store).items() if line["state"] == "retired"}

    def test_the_silent_leave_their_topics_and_are_retired(self):
        self.subscribe("news", self.silent + self.living[20:30])
        self.subscribe("sport", self.silent[:5])
        self.make_silent()
        status, summary, errors = self.prune()
        self.assertEqual(status, 0, errors)
        self.assertEqual(
            (summary["retired"], summary["unsubscribed"], summary["kept"]), (20, 25, 0), summary
        )
        self.assertEqual(self.retired(), set(self.silent))
        self.assertEqual(self.topics_of(self.silent[0]), set())
        self.assertEqual(self.topics_of(self.living[20]), {"news"}, "one that was seen")

    def test_one_that_fcm_does_not_know_has_no_topics(self):
        dead = [t for t, row in self.emulator_.devices().items() if row["health"] == "unregistered"]
        self.silent = dead[:3]
        self.make_silent()
        status, summary, errors = self.prune()
        self.assertEqual((status, summary["retired"]), (0, 3), errors)

    def test_a_blocked_project_keeps_everyone(self):
        self.subscribe("news", self.silent)
        self.make_silent()
        self.emulator_.fault(fault="account_gone")
        status, summary, errors = self.prune()
        self.assertEqual(status, 3, summary)
        self.assertEqual((summary["retired"], summary["kept"]), (0, 20), summary)
        self.assertIn(summary["blocked_at"], self.silent)
        self.assertEqual(self.retired(), set())
        self.emulator_.fault(fault="none")
        self.assertEqual(self.topics_of(self.silent[0]), {"news"})
        self.assertEqual(self.prune()[1]["retired"], 20, "once it works again")

    def test_a_dry_run_asks_nobody(self):
        self.make_silent()
        before = self.emulator_.stats()
        status, summary, errors = self.prune("--dry-run")
        self.assertEqual((status, summary["retired"]), (0, 20), errors)
        self.assertEqual(self.emulator_.stats(), before)
        self.assertEqual(self.retired(), set())


class Upkeep(Case):
    def test_it_stays_and_ends_at_a_signal(self):
        store = self.folder / "fleet.db"
        done = run(
            "--store", store, "devices", "import", "-",
            stdin=f"token,platform,last_seen\n{support.TOKEN},android,2020-01-01T00:00:00Z\n",
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        process = subprocess.Popen(
            [support.FANFARE, "--json", "--store", str(store), "devices", "upkeep", "--every", "24h"],
            stdout=subprocess.PIPE, text=True, env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        first = json_lines(process.stdout.readline())[0]
        self.assertEqual(first["pruned"]["retired"], 1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=10), 0)


if __name__ == "__main__":
    unittest.main()
