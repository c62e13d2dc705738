"""400s that name nobody: probes tell whether the device or the message is at fault, and no device
is retired for a message's fault."""

import random
import subprocess
import sys
import unittest

import support
from support import Case, run, run_json


class Probes(Case):
    def fleet(self, seed=1, **counts):
        """An emulator and a store with so many devices of each health, in no order."""
        healths = [health for health, count in counts.items() for _ in range(count)]
        random.Random(seed).shuffle(healths)
        listed = self.folder / "devices.csv"
        listed.write_text("token,health,platform\n" + "".join(
            f"{i:04}{support.TOKEN},{health},android\n" for i, health in enumerate(healths)
        ))  # fmt: skip
        self.emulator_ = self.emulator("--devices", listed)
        self.store = self.folder / "fleet.db"
        imported = run("--store", self.store, "devices", "import", listed)
        self.assertEqual(imported.returncode, 0, imported.stderr)
        return len(healths)

    def send(self, *options):
        return run_json(
            "--store", self.store, *self.emulator_.send_options(), "send", "--title", "t",
            "--audience", "all", "--ramp", 0, *options,
        )  # fmt: skip

    def states_by_health(self):
        """health -> the states of its devices, as Fanfare concluded."""
        concluded, found = self.states(self.store), {}
        for token, row in self.emulator_.devices().items():
            found.setdefault(row["health"], set()).add(concluded[token]["state"])
        return found

    def probes(self, messages):
        """How many requests the emulator got beyond one for each message."""
        return self.emulator_.stats()["requests"] - messages


class Suspects(Probes):
    def test_a_thousand_of_which_half_are_dead_end_as_what_they_are(self):
        total = self.fleet(living=2_000, suspect_dead=500, payload_refused=500)
        status, first, errors = self.send("--report", self.folder / "first.jsonl")
        self.assertEqual(status, 1, errors)
        self.assertEqual((first["accepted"], first["retired"], first["failed"]), (2_000, 500, 500))
        self.assertIsNone(first.get("message_fault"), first)
        self.assertLessEqual(self.probes(total), 1_001)  # One each, and the witness.

        known = self.folder / "known.csv"
        known.write_text(self.emulator_.get("/_emulator/devices"))
        second = self.folder / "second.jsonl"
        status, summary, errors = self.send("--report", second)
        self.assertEqual((summary["accepted"], summary["retired"]), (2_000, 0), errors)
        concluded = self.folder / "concluded.jsonl"
        concluded.write_text(run("--json", "--store", self.store, "devices", "list").stdout)
        compared = subprocess.run(
            [sys.executable, support.ROOT / "tools/compare_health.py", known, concluded, second],
            capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(compared.returncode, 0, compared.stdout)

    def test_are_probed_once_a_day(self):
        total = self.fleet(living=300, payload_refused=30)
        self.send()
        self.assertEqual(self.probes(total), 30)
        self.emulator_.post("/_emulator/reset")
        self.send()
        self.assertEqual(self.probes(total), 0)

    def test_are_kept_where_empty_messages_are_refused_to_all(self):
        total = self.fleet(living=400)
        self.emulator_.fault(fault="bare_invalid_argument")
        status, summary, errors = self.send()
        self.assertEqual((status, summary["retired"], summary["failed"]), (1, 0, total), errors)
        self.assertEqual(self.states_by_health(), {"living": {"active"}})


class BadPayload(Probes):
    def test_retires_nobody_and_stops_the_send(self):
        total = self.fleet(living=3_000)
        self.emulator_.fault(fault="bare_payload_invalid")
        status, summary, errors = self.send()
        self.assertEqual((status, summary["retired"], summary["failed"]), (1, 0, total), errors)
        self.assertEqual(summary["message_fault"]["rule"], "message.probe_passed", summary)
        self.assertLess(self.emulator_.stats()["requests"], total)
        self.assertEqual(self.states_by_health(), {"living": {"active"}})

    def test_retires_only_those_that_refuse_an_empty_message_too(self):
        self.fleet(living=3_000, suspect_dead=300)
        self.emulator_.fault(fault="bare_payload_invalid")
        status, summary, errors = self.send()
        self.assertEqual((status, summary["accepted"]), (1, 0), errors)
        self.assertEqual(summary["message_fault"]["rule"], "message.probe_passed", summary)
        self.assertEqual(self.states_by_health()["living"], {"active"})


class Budget(Probes):
    def test_holds(self):
        total = self.fleet(living=600, suspect_dead=60, payload_refused=60)
        status, summary, errors = self.send("--probe-budget", 25)
        self.assertEqual(status, 1, errors)
        self.assertGreater(self.probes(total), 0)
        # One more may have gone to the witness, which is no suspect.
        self.assertLessEqual(self.probes(total), 26)
        self.assertEqual(summary["accepted"], 600)
        self.assertLessEqual(summary["retired"], 25)
        self.assertEqual(summary["retired"] + summary["failed"], 120, summary)
        self.assertEqual(self.states_by_health()["payload_refused"], {"active"})

    def test_of_none_probes_nobody_and_keeps_all(self):
        total = self.fleet(living=300, suspect_dead=20, payload_refused=20)
        status, summary, errors = self.send("--probe-budget", 0)
        self.assertEqual((status, summary["retired"], summary["failed"]), (1, 0, 40), errors)
        self.assertEqual(self.probes(total), 0)
        self.assertEqual({"active"}, set().union(*self.states_by_health().values()))


if __name__ == "__main__":
    unittest.main()
